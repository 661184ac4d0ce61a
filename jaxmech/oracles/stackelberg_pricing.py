"""A leader who prices a capacity that followers share: best responses, and the best equilibrium.

Follower ``i`` takes ``x_i >= 0`` and minimises ``a_i x_i^2 + (p_i + q S^2) x_i``, where ``S`` is
what all take, at most 1. The leader sets prices ``p`` and the slope ``q``. Where all is taken there
are many equilibria under the same prices, as it is nobody's business but theirs who takes how much
(generalised Nash): a follower whose wish is not met is at rest while the others leave it no more.
Everything is NumPy, float64, and written apart from the environment.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import optimize

from jaxmech import checks

Floats = NDArray[np.float64]

SHARES = 100
"""Equal parts of the capacity that the search for the best equilibrium divides among followers."""

SLOPES = 11
"""Slopes that it tries."""


LARGEST_GAIN = 1e-9
"""What a follower may gain by another quantity in what counts as an equilibrium."""


@dataclass(frozen=True)
class PricedEquilibrium:
    """What a leader sets and followers then take.

    Attributes:
      loss: the leader's.
      prices: float [followers].
      slope: by which a price rises with the square of the sum.
      quantities: float [followers].
    """

    loss: float
    prices: Floats
    slope: float
    quantities: Floats


@dataclass(frozen=True)
class PricedCapacity:
    """The game, in the words of ``jaxmech.environments.stackelberg_pricing``.

    Attributes:
      curvatures: ``a``, above 0.
      lowest_price: of each ``p_i``; the highest is 0.
      highest_slope: of ``q``; the lowest is 0.
      target: what the leader wants all together to take.
      usual_price, departure_cost: a price departs from the usual one at a cost, quadratically.
      revenue_weight: of what followers pay.

    Raises:
      ValueError: a number out of range.
    """

    curvatures: tuple[float, ...] = (1.0, 1.5, 0.8, 1.2, 2.0, 0.9, 1.8, 1.1)
    lowest_price: float = -5.0
    highest_slope: float = 0.2
    target: float = 0.9
    usual_price: float = -2.0
    departure_cost: float = 0.1
    revenue_weight: float = 0.3

    def __post_init__(self) -> None:
        checks.some("curvatures", self.curvatures)
        checks.numbers("curvatures", np.asarray(self.curvatures, np.float64), above=0)
        checks.number("lowest_price", self.lowest_price, below=0)
        for field in ("highest_slope", "departure_cost", "revenue_weight"):
            checks.number(field, getattr(self, field), low=0)
        checks.number("target", self.target)
        checks.number("usual_price", self.usual_price)

    def loss(self, prices: ArrayLike, slope: float, quantities: ArrayLike) -> float:
        """The leader's: missing the target and departures, less revenue."""
        p, x = np.asarray(prices, np.float64), np.asarray(quantities, np.float64)
        total = np.sum(x)
        departures = self.departure_cost * np.sum((p - self.usual_price) ** 2)
        paid = self.revenue_weight * np.sum((p + slope * total**2) * x)
        return float((total - self.target) ** 2 + departures - paid)

    def costs(self, prices: ArrayLike, slope: float, quantities: ArrayLike) -> Floats:
        """The followers', float [followers]."""
        p, x = np.asarray(prices, np.float64), np.asarray(quantities, np.float64)
        return np.asarray((np.asarray(self.curvatures) * x + p + slope * np.sum(x) ** 2) * x)

    def best_responses(self, prices: ArrayLike, slope: float, quantities: ArrayLike) -> Floats:
        """What is best for each while the others take theirs, of what those leave it.

        Its cost is convex in what it takes: so it is where the derivative is 0, or an end.
        """
        x = np.asarray(quantities, np.float64)
        responses = np.zeros_like(x)
        for follower, (a, p) in enumerate(
            zip(self.curvatures, np.asarray(prices, np.float64), strict=True)
        ):
            others = float(np.sum(x) - x[follower])
            most = max(1 - others, 0.0)

            def slope_at(own: float, a: float = a, p: float = p, others: float = others) -> float:
                total = own + others
                return float(2 * a * own + p + slope * (total**2 + 2 * total * own))

            if slope_at(most) <= 0:
                responses[follower] = most
            elif slope_at(0.0) < 0:
                responses[follower] = optimize.brentq(slope_at, 0, most, xtol=1e-15, rtol=1e-14)
        return responses

    def gains(self, prices: ArrayLike, slope: float, quantities: ArrayLike) -> Floats:
        """By what each follower's cost would fall by a best response, float [followers]."""
        x = np.asarray(quantities, np.float64)
        responses = self.best_responses(prices, slope, x)
        found = []
        for follower, response in enumerate(responses):
            moved = np.array(x)
            moved[follower] = response
            before, after = (self.costs(prices, slope, one)[follower] for one in (x, moved))
            found.append(before - after)
        return np.asarray(found, np.float64)

    def best_equilibrium(self) -> PricedEquilibrium:
        """The one of the lowest loss among all generalised Nash equilibria, as far as was searched.

        For a given slope and sum, the loss is a sum over followers of what is lost with each at
        its quantity, since each price only has to hold that follower to it. The best quantities on
        a grid are found by dynamic programming, and then refined by sequential quadratic
        programming on prices, slope and quantities, as far as that ends in an equilibrium that is
        no worse.

        Raises:
          RuntimeError: no equilibrium is on the grid.
        """
        found = [
            self._on_grid(float(slope), parts / SHARES)
            for slope in np.linspace(0, self.highest_slope, SLOPES)
            for parts in range(1, SHARES + 1)
        ]
        return self._refined(_best_of(found))

    def best_variational_equilibrium(self) -> PricedEquilibrium:
        """The one of the lowest loss in which a unit of capacity is worth the same to everybody.

        Found by sequential quadratic programming on prices, slope, quantities and that worth,
        among equilibria in which all followers take some.

        Raises:
          RuntimeError: none was found.
        """
        return _best_of([self._variational(is_full) for is_full in (True, False)])

    def _variational(self, is_full: bool) -> PricedEquilibrium:
        """Where all the capacity is taken, or where it is worth nothing."""
        size, a = len(self.curvatures), np.asarray(self.curvatures)

        def parts(point: Floats) -> tuple[Floats, float, Floats, float]:
            return point[:size], float(point[size]), point[size + 1 : -1], float(point[-1])

        def conditions(point: Floats) -> Floats:
            p, q, x, worth = parts(point)
            total = np.sum(x)
            met = 2 * a * x + p + q * (total**2 + 2 * total * x) + worth
            return np.append(met, total - 1 if is_full else worth)

        left = {"type": "ineq", "fun": lambda point: 1 - np.sum(parts(point)[2])}
        start = np.concatenate(
            [np.full(size, self.usual_price), [self.highest_slope], np.full(size, 1 / size), [0]]
        )
        result = optimize.minimize(
            lambda point: self.loss(*parts(point)[:3]),
            start,
            method="SLSQP",
            bounds=[
                *((self.lowest_price, 0.0),) * size,
                (0.0, self.highest_slope),
                *((0.0, 1.0),) * size,
                (0.0, None),
            ],
            constraints=[
                {"type": "eq", "fun": conditions},
                *([] if is_full else [left]),
            ],
            options={"ftol": 1e-14, "maxiter": 1000},
        )
        prices, slope, quantities, _ = parts(result.x)
        loss = float(result.fun) if result.success else float("inf")
        return PricedEquilibrium(loss, prices, slope, quantities)

    def _on_grid(self, slope: float, total: float) -> PricedEquilibrium:
        size = round(total * SHARES) + 1
        quantities = np.arange(size) / SHARES
        lost, prices = self._losses(slope, total, quantities)
        best, choices = lost[0], []
        for of_follower in lost[1:]:
            # Of every sum of the followers so far [sums], by what this one takes [quantities].
            sums = np.arange(size)[:, None] - np.arange(size)
            both = np.where(sums >= 0, best[np.maximum(sums, 0)], np.inf) + of_follower
            choices.append(np.argmin(both, axis=1))
            best = np.min(both, axis=1)
        rest, taken = size - 1, []
        for choice in reversed(choices):
            taken.append(int(choice[rest]))
            rest -= taken[-1]
        places = np.array([rest, *reversed(taken)])
        return PricedEquilibrium(
            float(best[-1] + (total - self.target) ** 2),
            prices[np.arange(places.size), places],
            slope,
            quantities[places],
        )

    def _losses(self, slope: float, total: float, quantities: Floats) -> tuple[Floats, Floats]:
        """Of each follower at each quantity, and at what price, float [followers, quantities]."""
        low, high = self._prices_that_hold(slope, total, quantities)
        # What the leader would like best, were it not for the follower.
        wanted = self.usual_price * np.ones_like(quantities)
        if self.departure_cost > 0:
            wanted += self.revenue_weight * quantities / (2 * self.departure_cost)
        prices = np.clip(wanted, low, high)
        lost = (
            self.departure_cost * (prices - self.usual_price) ** 2
            - self.revenue_weight * (prices + slope * total**2) * quantities
        )
        return np.where(low <= high, lost, np.inf), prices

    def _prices_that_hold(
        self, slope: float, total: float, quantities: Floats
    ) -> tuple[Floats, Floats]:
        """Lowest and highest of each follower at each quantity, float [followers, quantities]."""
        a = np.asarray(self.curvatures)[:, None]
        just = -(2 * a * quantities + slope * (total**2 + 2 * total * quantities))
        if total >= 1:  # Those who would like more cannot have it, and take what there is.
            high = np.where(quantities > 0, np.minimum(just, 0), 0)
            return np.full_like(just, self.lowest_price), high
        low = np.maximum(just, self.lowest_price)
        return low, np.where(quantities > 0, just, 0.0)

    def _refined(self, found: PricedEquilibrium) -> PricedEquilibrium:
        size, a = len(self.curvatures), np.asarray(self.curvatures)
        takes = found.quantities > 0
        is_full = np.sum(found.quantities) >= 1 - 1e-9

        def parts(point: Floats) -> tuple[Floats, float, Floats]:
            return point[:size], float(point[size]), point[size + 1 :]

        def unmet(point: Floats) -> Floats:
            """What a little more would bring each of those who take some."""
            p, q, x = parts(point)
            total = np.sum(x)
            met = 2 * a * x + p + q * (total**2 + 2 * total * x)
            return np.asarray(-met[takes], np.float64)

        def unwanted(point: Floats) -> Floats:
            """What a little would cost each of those who take nothing, where there is some left."""
            p, q, x = parts(point)
            return np.asarray((p + q * np.sum(x) ** 2)[~takes], np.float64)

        constraints: list[dict[str, Any]] = [{"type": "ineq" if is_full else "eq", "fun": unmet}]
        if is_full:
            constraints.append({"type": "eq", "fun": lambda point: np.sum(parts(point)[2]) - 1})
        elif not np.all(takes):
            constraints.append({"type": "ineq", "fun": unwanted})
        result = optimize.minimize(
            lambda point: self.loss(*parts(point)),
            np.concatenate([found.prices, [found.slope], found.quantities]),
            method="SLSQP",
            bounds=[
                *((self.lowest_price, 0.0),) * size,
                (0.0, self.highest_slope),
                *((0.0, 1.0 if one else 0.0) for one in takes),
            ],
            constraints=constraints,
            options={"ftol": 1e-15, "maxiter": 1000},
        )
        refined = PricedEquilibrium(float(result.fun), *parts(result.x))
        is_better = result.success and refined.loss <= found.loss and self._is_at_rest(refined)
        return refined if is_better else found

    def _is_at_rest(self, found: PricedEquilibrium) -> bool:
        gains = self.gains(found.prices, found.slope, found.quantities)
        return bool(np.all(gains < LARGEST_GAIN))


def _best_of(found: list[PricedEquilibrium]) -> PricedEquilibrium:
    best = min(found, key=lambda one: one.loss)
    if not np.isfinite(best.loss):
        raise RuntimeError("no equilibrium was found")
    return best
