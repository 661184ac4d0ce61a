"""A sequential price mechanism for a finite economy as a decision problem.

Every objective has the same form: each history carries a mass for each world, each offer
multiplies it by the likelihood of what is taken, pays a reward by world on the way, and
the mass left once everybody was visited is worth ``end`` per unit. Welfare and revenue
pay on the way. The smallest value pays at the end: it is the integral over levels of
whether every value so far reaches the level, so a world there is a pair of a world and a
level, and its mass that of the histories in which nobody is below.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from jaxmech.oracles.sequential_price.finite_economies import (
    AgentClass,
    Bools,
    FiniteEconomy,
    Floats,
    Ints,
    purchases,
)
from jaxmech.oracles.sequential_price.price_levels import effective_prices

ProgramObjective = Literal["welfare", "revenue", "max_min"]


@dataclass(frozen=True, eq=False)
class Offer:
    """One agent of a class faces one price vector, with some types sold out.

    Attributes:
      member: index of the class.
      bundles: int [outcomes], bundles that may be taken.
      likelihood: float [worlds, outcomes], factor of the mass of each world.
      reward: float [worlds], expected gain in the objective given the world.
    """

    member: int
    bundles: Ints
    likelihood: Floats
    reward: Floats


@dataclass(frozen=True, eq=False)
class DecisionProblem:
    """An economy under one objective.

    Attributes:
      economy: agents, bundles and units.
      prior: float [worlds], mass before the first visit; it sums to 1.
      scale: what a unit of mass is worth: results are to be multiplied by it.
      end: worth of a unit of mass when all agents have been visited, 0 or 1.
      offers: every offer that has an effect of its own, by the types that are left.
    """

    economy: FiniteEconomy
    prior: Floats
    scale: float
    end: float
    offers: dict[tuple[bool, ...], list[Offer]]


def decision_problem(
    economy: FiniteEconomy,
    objective: ProgramObjective,
    *,
    prices: Sequence[Floats] | None = None,
) -> DecisionProblem:
    """The decision problem of one objective, ``offers`` for every set of types left.

    Args:
      economy: agents, bundles and units.
      objective: what the mechanism maximises.
      prices: for each class, the price vectors that may be posted to it, float [prices,
        items]; all that differ in effect unless given.
    """
    if prices is None:
        prices = [
            effective_prices(agents.values, economy.bundles, additive=economy.additive)
            for agents in economy.classes
        ]
    prior, scale, levels = economy.world_probabilities, 1.0, np.zeros(0)
    if objective == "max_min":
        # Nobody's value exceeds the highest one that everybody can have.
        highest = min(float(agents.values.max()) for agents in economy.classes)
        values = np.concatenate([agents.values.ravel() for agents in economy.classes])
        levels = np.unique(values[(values > 0) & (values <= highest)])
        scale = highest
        steps = np.diff(levels, prepend=0.0) / highest if len(levels) else np.zeros(0)
        prior = np.outer(prior, steps).ravel()
    return DecisionProblem(
        economy=economy,
        prior=prior,
        scale=scale,
        end=float(objective == "max_min"),
        offers={
            available: _offers(economy, prices, np.array(available), objective, levels)
            for available in itertools.product((False, True), repeat=len(economy.units))
            if any(available)
        },
    )


def _offers(
    economy: FiniteEconomy,
    prices: Sequence[Floats],
    available: Bools,
    objective: ProgramObjective,
    levels: Floats,
) -> list[Offer]:
    """Every offer that has an effect of its own while ``available: bool [items]`` are left."""
    distinct: dict[tuple[int, bytes], Offer] = {}
    for member, agents in enumerate(economy.classes):
        for posted in prices[member]:
            taken = purchases(
                agents.values, economy.bundles, posted, available, additive=economy.additive
            )
            if (member, taken.tobytes()) not in distinct:
                if objective == "max_min":
                    offer = _levelled_offer(member, agents, taken, levels)
                else:
                    offer = _offer(member, agents, taken, economy.bundles, objective)
                distinct[member, taken.tobytes()] = offer
    return list(distinct.values())


def _offer(
    member: int, agents: AgentClass, taken: Ints, bundles: Ints, objective: ProgramObjective
) -> Offer:
    outcomes, position = np.unique(taken, return_inverse=True)
    likelihood = agents.probabilities @ np.eye(len(outcomes))[position.ravel()]
    if objective == "welfare":
        gain = np.take_along_axis(agents.values, taken[:, None], axis=1)[:, 0]
    else:
        # Each type can cost what its least eager buyer would pay for it alone.
        bought = bundles[taken] > 0
        worth = np.where(bought, agents.values[:, 2 ** np.arange(bundles.shape[1])], np.inf)
        gain = np.sum(np.where(bought, worth.min(axis=0), 0), axis=1)
    return Offer(member, outcomes, likelihood, agents.probabilities @ gain)


def _levelled_offer(member: int, agents: AgentClass, taken: Ints, levels: Floats) -> Offer:
    outcomes, position = np.unique(taken, return_inverse=True)
    chosen = np.eye(len(outcomes))[position.ravel()]
    gain = np.take_along_axis(agents.values, taken[:, None], axis=1)
    reaches = (gain >= levels).astype(float)
    likelihood = np.einsum("wa,al,ao->wlo", agents.probabilities, reaches, chosen)
    likelihood = likelihood.reshape(-1, len(outcomes))
    return Offer(member, outcomes, likelihood, np.zeros(len(likelihood)))
