"""Economies by name: who wants what, and how much of it there is.

The named settings are those of Brero et al. (2021), "Experimental Results".
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from inspect import signature
from typing import Any

import jax.numpy as jnp
import numpy as np

from jaxmech.agents.demand import UnitDemand
from jaxmech.agents.distributions import CorrelatedUniform, FiniteMixture, ValueDistribution
from jaxmech.naming import lookup


@dataclass(frozen=True)
class Setting:
    """Buyers and supply.

    Attributes:
      distribution: joint distribution of the agents' values.
      units: units of each item type, one integer per type, at least one each.
    """

    distribution: ValueDistribution
    units: tuple[int, ...]

    def __post_init__(self) -> None:
        num_items = self.distribution.demand.num_items
        if len(self.units) != num_items:
            raise ValueError(
                f"units: got {self.units}, {len(self.units)} numbers for {num_items} item types"
            )
        if any(units < 1 for units in self.units):
            raise ValueError(f"units: got {self.units}; every item type needs at least one unit")


def correlated(num_agents: int = 20, num_items: int = 5, delta: float = 0.0) -> Setting:
    """Identical items, unit demand, uniform values around a common centre ("Part 1")."""
    _at_least_one("num_agents", num_agents)
    _at_least_one("num_items", num_items)
    if not 0 <= delta <= 1:
        raise ValueError(f"delta: got {delta}; allowed are numbers from 0 to 1")
    distribution = CorrelatedUniform(
        delta=jnp.asarray(delta, float), num_agents=num_agents, demand=UnitDemand(1)
    )
    return Setting(distribution, (num_items,))


def two_worlds(num_agents: int = 10) -> Setting:
    """One item; all values iid on {.6, 1} or, as likely, all iid on {.1, .4}."""
    _at_least_one("num_agents", num_agents)
    return Setting(_identical_agents([[0.6, 1.0], [0.1, 0.4]], num_agents), (1,))


def inventory(num_agents: int = 20, num_items: int = 10) -> Setting:
    """Identical items; values iid on {1/2, 1}."""
    _at_least_one("num_agents", num_agents)
    _at_least_one("num_items", num_items)
    return Setting(_identical_agents([[0.5, 1.0]], num_agents), (num_items,))


SETTINGS: dict[str, Callable[..., Setting]] = {
    "correlated": correlated,
    "inventory": inventory,
    "two_worlds": two_worlds,
}


def setting(name: str, **options: Any) -> Setting:
    """The setting called ``name``; ``options`` are the arguments of its function.

    Raises:
      ValueError: an unknown name or option, or an option out of range.
    """
    function = lookup("setting", name, SETTINGS)
    for option in options:
        lookup(f"option of setting {name!r}", option, signature(function).parameters)
    return function(**options)


def _identical_agents(worlds: Sequence[Sequence[float]], num_agents: int) -> FiniteMixture:
    """Unit demand for one item type; in each world values are iid on that world's list."""
    atoms = np.asarray(worlds, dtype=float)
    values = np.broadcast_to(atoms[:, None, :, None], (len(atoms), num_agents, atoms.shape[1], 1))
    return FiniteMixture(
        values=jnp.asarray(values),
        probabilities=jnp.full(values.shape[:-1], 1 / atoms.shape[1]),
        world_probabilities=jnp.full(len(atoms), 1 / len(atoms)),
        demand=UnitDemand(1),
    )


def _at_least_one(field: str, value: int) -> None:
    if value < 1:
        raise ValueError(f"{field}: got {value}; allowed are integers of at least 1")
