"""Impression allocation in NumPy, over the sellers of one population or of many at once.

The model of ``jaxmech.make("impression_allocation", action_form="shares")`` at its defaults:
resampling sellers, buyers' willingness to pay U[0, 1], prices in [0, 1], sellers alike in their
appeal, costs that are redrawn every few rounds. Arrays are float32, made once, and written in
place; records are a window on all rounds of an episode, so that none is ever moved.
"""

from __future__ import annotations

import numpy as np
from scipy.special import ndtri

REPUTATION = 0.081
COST_HIGH = 0.5
EXPLORATION = 0.3
NOISE = 0.05
DISCOUNT = 0.9


class NumpyMarket:
    """Populations of sellers side by side, their sellers in one row after another.

    Attributes:
      prices: float32 [populations x sellers], asked in the round to come.
      revenue: float32 [populations, sellers], of the last round; 0 before the first.
      costs: float32 [costs, populations x sellers], one after another, of a unit sold.
      past_prices, past_sales: float32 [records + rounds, populations x sellers], of the last
        rounds first: ``latest`` is the row of the last one.
      time: rounds played.
    """

    def __init__(
        self,
        num_populations: int,
        num_sellers: int,
        *,
        num_rounds: int = 100,
        num_records: int = 5,
        rounds_per_cost: int = 20,
    ) -> None:
        count = num_populations * num_sellers
        self.num_records, self.num_rounds = num_records, num_rounds
        self.rounds_per_cost, self.num_costs = rounds_per_cost, -(-num_rounds // rounds_per_cost)
        self.half_sales = num_records / num_sellers
        self.past_prices = np.empty((num_rounds + num_records, count), np.float32)
        self.past_sales = np.empty_like(self.past_prices)
        self.revenue = np.empty((num_populations, num_sellers), np.float32)
        self._weights = DISCOUNT ** np.arange(1, num_records + 1, dtype=np.float32)[:, None]
        self._profits = np.empty((num_records, count), np.float32)
        self._sellers = np.arange(count)
        self._uniforms, self._row, self._other = np.empty((3, count), np.float32)

    def reset(self, random: np.random.Generator) -> None:
        """Fresh populations: every seller asks a random price, as if it always had."""
        count = len(self._sellers)
        costs = random.random((self.num_costs, count), np.float32)
        self.start(random.random(count, np.float32), np.float32(COST_HIGH) * costs)

    def start(self, prices: np.ndarray, costs: np.ndarray) -> None:
        """Populations with these first prices and these costs."""
        self.prices, self.costs, self.time = prices, costs, 0
        self.latest = self.num_rounds
        self.past_prices[self.latest :] = prices
        self.past_sales[self.latest :] = 0
        self.revenue[:] = 0

    def draw(self, random: np.random.Generator) -> np.ndarray:
        """What a round needs, uniform on [0, 1), float32 [populations x sellers]."""
        return random.random(dtype=np.float32, out=self._uniforms)

    def play(self, shares: np.ndarray, uniforms: np.ndarray) -> np.ndarray:
        """One round; what it earned, float32 [populations].

        Args:
          shares: float32 [populations, sellers], of the impressions; of each population they sum
            to 1.
          uniforms: float32 [populations x sellers], uniform on [0, 1).
        """
        kept, row, other = self.num_records, self._row, self._other
        # How likely a buyer who is shown a seller buys: 1 - price / (1 + reputation x trust).
        # The quotient is at most 1, as prices are.
        sales = np.add.reduce(self.past_sales[self.latest : self.latest + kept], axis=0, out=row)
        trusted = np.divide(sales, np.add(sales, self.half_sales, out=other), out=row)
        worth = np.add(np.multiply(trusted, REPUTATION, out=row), 1, out=row)
        chance = np.subtract(1, np.divide(self.prices, worth, out=row), out=row)
        self.latest -= 1
        self.time += 1
        prices, sold = self.past_prices[self.latest], self.past_sales[self.latest]
        prices[:] = self.prices
        np.multiply(shares.reshape(-1), chance, out=sold)
        np.multiply(prices, sold, out=self.revenue.reshape(-1))
        self._ask(uniforms)
        return self.revenue.sum(axis=1)

    def _ask(self, uniforms: np.ndarray) -> None:
        """The prices of the next round."""
        kept, count = self.num_records, len(self._sellers)
        window = slice(self.latest, self.latest + kept)
        prices, cost = self.past_prices[window], self.costs[self._place_of_cost()]
        profits = np.subtract(prices, cost, out=self._profits)
        profits *= self.past_sales[window]
        profits *= self._weights
        explores = uniforms < EXPLORATION
        # Who does not explore asks the price of any round on record; they count from the oldest.
        within = np.subtract(uniforms, EXPLORATION, out=self._row)
        within *= kept / (1 - EXPLORATION)
        rounds = np.minimum(within, kept - 1, out=within).astype(np.intp)
        np.subtract(kept - 1, rounds, out=rounds)
        # Who explores, that of the most profitable round: of equals the first, which is the last.
        np.copyto(rounds, profits.argmax(axis=0), where=explores)
        rounds *= count
        rounds += self._sellers
        asked = np.take(prices, rounds, out=self.prices, mode="clip")
        # Plus normal noise. The others' prices are within bounds as they are.
        (explorers,) = explores.nonzero()
        within = uniforms[explorers]
        within *= 1 / EXPLORATION
        np.minimum(np.maximum(within, 1e-6, out=within), 1 - 1e-6, out=within)
        noisy = ndtri(within, out=within)
        noisy *= NOISE
        noisy += asked[explorers]
        asked[explorers] = np.minimum(np.maximum(noisy, 0, out=noisy), 1, out=noisy)

    def _place_of_cost(self) -> int:
        return (self.time // self.rounds_per_cost) % self.num_costs


def play_episode(market: NumpyMarket, random: np.random.Generator) -> np.ndarray:
    """A fresh episode, shares in proportion to what the sellers earned last, at first alike; what
    each population earned in all, float32 [populations]."""
    market.reset(random)
    shares = np.full_like(market.revenue, 1 / market.revenue.shape[1])
    earned = np.zeros(len(shares), np.float32)
    for _ in range(market.num_rounds):
        rewards = market.play(shares, market.draw(random))
        earned += rewards
        # Of many sellers some always sell, so that no sum is 0.
        np.divide(market.revenue, rewards[:, None], out=shares)
    return earned
