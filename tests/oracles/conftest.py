from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import jax.numpy as jnp
import numpy as np
import pytest

from jaxmech.agents import Demand, FiniteMixture, Setting, UnitDemand

Atoms = Sequence[tuple[Any, float]]


@pytest.fixture(scope="session")
def mixture() -> Callable[..., Setting]:
    """Builds a setting from ``worlds``: (probability, for each agent its (value, probability))."""

    def build(
        worlds: Sequence[tuple[float, Sequence[Atoms]]],
        units: tuple[int, ...] = (1,),
        demand: Demand | None = None,
    ) -> Setting:
        demand = UnitDemand(len(units)) if demand is None else demand
        atoms = max(len(agent) for _, agents in worlds for agent in agents)
        shape = (len(worlds), len(worlds[0][1]), atoms)
        values = np.zeros(shape + demand.values_shape)
        probabilities = np.zeros(shape)
        for world, (_, agents) in enumerate(worlds):
            for agent, support in enumerate(agents):
                for atom, (value, probability) in enumerate(support):
                    values[world, agent, atom] = value
                    probabilities[world, agent, atom] = probability
        distribution = FiniteMixture(
            values=jnp.asarray(values),
            probabilities=jnp.asarray(probabilities),
            world_probabilities=jnp.asarray([probability for probability, _ in worlds]),
            demand=demand,
        )
        return Setting(distribution, units)

    return build
