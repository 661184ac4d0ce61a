"""Good prices from the purchase history, where values share an unknown centre.

Agents are exchangeable there, so what a history tells is how many agents and units are
left and how likely each centre now is. The best prices for all beliefs are out of reach,
but not for a finite memory: for each number of agents and units left, the policy is in
one of a few memory states, each with its price and the states that follow a sale and no
sale. Given the centre a memory state is worth a fixed amount, so the value of the policy
is an integral over the centre, a lower bound of the optimum however the policy was found.
With a single memory state it sees nothing but the numbers of agents and units left.

The search alternates two passes. Forward: where the policy is, and how likely the centres
are there, close beliefs merged. Backward: the best price and successors of every memory
state for the centres likely there, against the worth of the later ones. With a single
memory state no pass can lower the value; with more, the best policy met is kept.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from jaxmech.oracles.sequential_price.centre_market import CentreMarket, known_centre_program
from jaxmech.oracles.sequential_price.finite_economies import Floats, Ints

_SEARCH_CENTRES = 80
_EXACT_CENTRES = 4000
_PRICES = np.linspace(0, 1, 51)
_FINEST_STEP = 1e-5
_CONVERGED = 1e-9
_MERGED_LOSS = 1e-9
_NEVER = 1e-200

_Cell = tuple[int, int]
"""Agents left, units left."""


@dataclass(frozen=True, eq=False)
class _Plans:
    """The memory states of one cell.

    Attributes:
      prices: float [memory].
      sold, unsold: int [memory], memory states of the cells that follow.
      worth: float [memory, centres], expected objective to come given the centre.
    """

    prices: Floats
    sold: Ints
    unsold: Ints
    worth: Floats


def best_memory_value(
    market: CentreMarket, *, num_agents: int, units: int, memory: int, rounds: int
) -> float:
    """Expected objective of the best policy found with ``memory`` states per cell.

    Exact for that policy, to the error of a midpoint rule with 4,000 centres.
    """
    centres, weights = market.centres(_SEARCH_CENTRES)
    known = known_centre_program(market, centres, num_agents=num_agents, units=units)
    # To begin with, later memory states are worth what they would be if the centre showed.
    plans = {
        (agents_left, left): _Plans(np.zeros(1), np.zeros(1, int), np.zeros(1, int), worth[None])
        for agents_left, row in enumerate(known)
        for left, worth in enumerate(row)
    }
    best, best_value = plans, -np.inf
    for _ in range(rounds):
        masses = _forward(market, plans, (num_agents, units), (centres, weights), memory)
        plans = _backward(market, masses, centres)
        value = float(plans[num_agents, units].worth[0] @ weights)
        gain = value - best_value
        if gain > 0:
            best, best_value = plans, value
        if memory == 1 and gain < _CONVERGED:
            break
    return _exact_value(market, best, (num_agents, units))


def _forward(
    market: CentreMarket,
    plans: dict[_Cell, _Plans],
    start: _Cell,
    centres: tuple[Floats, Floats],
    memory: int,
) -> dict[_Cell, Floats]:
    """How likely each memory state and centre is, float [memory, centres] for each cell.

    Prices are the best against the worth of the next cells in ``plans``.
    """
    nodes, weights = centres
    arriving: dict[_Cell, list[Floats]] = {start: [weights[None]]}
    masses: dict[_Cell, Floats] = {}
    for agents_left in range(start[0], 0, -1):
        for units in range(1, start[1] + 1):
            cell = agents_left, units
            if cell not in arriving:
                continue
            masses[cell] = _merged(np.concatenate(arriving[cell]), nodes, memory)
            prices = _best_plans(market, masses[cell], plans, cell, nodes).prices
            sells = market.sells(prices[:, None], nodes)
            if agents_left > 1:
                arriving.setdefault((agents_left - 1, units), []).append(masses[cell] * (1 - sells))
                if units > 1:
                    sold = agents_left - 1, units - 1
                    arriving.setdefault(sold, []).append(masses[cell] * sells)
    return masses


def _merged(masses: Floats, nodes: Floats, memory: int) -> Floats:
    """At most ``memory`` beliefs, float [memory, centres]: the closest and rarest merged.

    Beliefs are ordered by their mean centre and neighbours compared in mean and standard
    deviation.
    """
    masses = masses[masses.sum(axis=1) > _NEVER]
    if not len(masses):
        return np.full((1, len(nodes)), _NEVER)
    masses = masses[np.argsort(masses @ nodes / masses.sum(axis=1), kind="stable")]
    totals = masses.sum(axis=1)
    moments = _moments(masses, nodes)
    while len(masses) > 1:
        distances = np.sum(np.diff(moments, axis=0) ** 2, axis=1)
        losses = distances * totals[1:] * totals[:-1] / (totals[1:] + totals[:-1])
        left = int(np.argmin(losses))
        if len(masses) <= memory and losses[left] > _MERGED_LOSS:
            break
        masses[left] += masses[left + 1]
        masses = np.delete(masses, left + 1, 0)
        totals = np.delete(totals, left + 1, 0)
        moments = np.delete(moments, left + 1, 0)
        totals[left] = masses[left].sum()
        moments[left] = _moments(masses[left][None], nodes)[0]
    return masses


def _moments(masses: Floats, nodes: Floats) -> Floats:
    """Mean and standard deviation of the centre, float [memory, 2]."""
    totals = masses.sum(axis=1)
    means = masses @ nodes / totals
    variances = np.maximum(masses @ nodes**2 / totals - means**2, 0)
    return np.stack([means, np.sqrt(variances)], axis=1)


def _backward(
    market: CentreMarket, masses: dict[_Cell, Floats], centres: Floats
) -> dict[_Cell, _Plans]:
    """The best plans for the beliefs ``masses``, from the last agent to the first."""
    plans: dict[_Cell, _Plans] = {}
    for cell in sorted(masses):
        plans[cell] = _best_plans(market, masses[cell], plans, cell, centres)
    return plans


def _best_plans(
    market: CentreMarket, masses: Floats, plans: dict[_Cell, _Plans], cell: _Cell, centres: Floats
) -> _Plans:
    """The best price and successors for each belief, float [memory, centres]."""
    after_sale, after_none = _worth_after(plans, cell, centres)
    on_grid = _PRICES[:, None]
    sells = market.sells(on_grid, centres)
    sold = np.stack([masses @ (sells * worth).T for worth in after_sale])
    unsold = np.stack([masses @ ((1 - sells) * worth).T for worth in after_none])
    totals = masses @ market.gain(on_grid, centres).T + sold.max(axis=0) + unsold.max(axis=0)
    best = totals.argmax(axis=1)
    memories = np.arange(len(masses))
    to_sold = sold.argmax(axis=0)[memories, best]
    to_unsold = unsold.argmax(axis=0)[memories, best]
    prices, step = _PRICES[best], _PRICES[1]
    # With the successors fixed, ever finer grids around the best price.
    if_sold, if_unsold = after_sale[to_sold][:, None], after_none[to_unsold][:, None]
    while step > _FINEST_STEP:
        near = np.clip(prices[:, None] + step * np.linspace(-1, 1, 9), 0, 1)
        sells = market.sells(near[..., None], centres)
        worth = market.gain(near[..., None], centres) + sells * if_sold + (1 - sells) * if_unsold
        totals = np.einsum("mc,mpc->mp", masses, worth)
        prices = near[memories, totals.argmax(axis=1)]
        step /= 4
    worth = _worth(market, prices, after_sale[to_sold], after_none[to_unsold], centres)
    return _Plans(prices, to_sold, to_unsold, worth)


def _worth_after(plans: dict[_Cell, _Plans], cell: _Cell, centres: Floats) -> tuple[Floats, Floats]:
    """Worth [memory, centres] of the cells after a sale and after none."""
    nothing = np.zeros((1, len(centres)))
    agents_left, units = cell
    sold, unsold = (agents_left - 1, units - 1), (agents_left - 1, units)
    return (
        plans[sold].worth if sold in plans else nothing,
        plans[unsold].worth if unsold in plans else nothing,
    )


def _worth(
    market: CentreMarket, prices: Floats, if_sold: Floats, if_unsold: Floats, centres: Floats
) -> Floats:
    sells = market.sells(prices[:, None], centres)
    return market.gain(prices[:, None], centres) + sells * if_sold + (1 - sells) * if_unsold


def _exact_value(market: CentreMarket, policy: dict[_Cell, _Plans], start: _Cell) -> float:
    """Expected objective of a policy, over many more centres than it was found with."""
    centres, weights = market.centres(_EXACT_CENTRES)
    exact: dict[_Cell, _Plans] = {}
    for cell in sorted(policy):
        plans = policy[cell]
        after_sale, after_none = _worth_after(exact, cell, centres)
        if_sold, if_unsold = after_sale[plans.sold], after_none[plans.unsold]
        worth = _worth(market, plans.prices, if_sold, if_unsold, centres)
        exact[cell] = replace(plans, worth=worth)
        exact.pop((cell[0] - 2, cell[1]), None)
    return float(exact[start].worth[0] @ weights)
