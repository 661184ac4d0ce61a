"""Settings of finite support, written out by their user.

A list of worlds, each with a probability and, for every agent, the alternatives for its
value: given the world, agents draw independently. Two bidders for one item, both sure to
value it at 3 in one world, and each with a lottery of its own in the other::

    finite_setting(
        worlds=[
            (0.25, [surely(3), surely(3)]),
            (0.75, [one_of(1, 3), [(1, 0.9), (2, 0.1)]]),
        ],
    )

``jaxmech.data.setting_files`` reads the same from a file.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jax.numpy as jnp
import numpy as np
from numpy.typing import NDArray

from jaxmech.agents.settings.demand import BundleDemand, Demand, UnitDemand
from jaxmech.agents.settings.profiles import FiniteMixture
from jaxmech.agents.settings.setting import Setting
from jaxmech.checks import InvalidValueError, problem_with

Value = float | Sequence[float]
"""One number for every item type, or ``demand.values_shape`` numbers."""

Alternatives = Sequence[tuple[Value, float]]
"""Values an agent may have, each with its probability."""

World = tuple[float, Sequence[Alternatives]]
"""A probability, and the alternatives of every agent."""

_PROBABILITY_TOLERANCE = 1e-6


def surely(value: Value) -> list[tuple[Value, float]]:
    """An agent that always has this value."""
    return [(value, 1.0)]


def one_of(*values: Value) -> list[tuple[Value, float]]:
    """An agent that has one of these values, each as likely."""
    return [(value, 1 / len(values)) for value in values]


def finite_setting(
    worlds: Sequence[World], *, units: Sequence[int] = (1,), demand: Demand | None = None
) -> Setting:
    """A random world; given the world, every agent draws one of its alternatives.

    Args:
      worlds: (probability, agents); an agent is a list of (value, probability), as
        ``surely`` and ``one_of`` make them. A value is one number, which then counts for
        every item type, or ``demand.values_shape`` numbers.
      units: units of each item type.
      demand: form of the valuations; ``UnitDemand`` unless given.

    Raises:
      ValueError: probabilities that do not sum to 1, worlds with different numbers of
        agents, a value that is negative, infinite or not a number, too few or too many
        numbers, an empty bundle that is worth something, each named by world, agent and
        alternative, counted from 1; or no value above 0.
    """
    demand = UnitDemand(len(units)) if demand is None else demand
    worlds = [
        _pair(world, f"world {number}", "probability, agents")
        for number, world in enumerate(worlds, 1)
    ]
    if not worlds:
        raise InvalidValueError("worlds", None, "at least one is needed", got="none", verb="")
    num_agents = len(_list(worlds[0][1], "world 1", "agents"))
    for world, (_, agents) in enumerate(worlds, 1):
        if len(_list(agents, f"world {world}", "agents")) != num_agents:
            raise InvalidValueError(
                f"world {world}",
                len(agents),
                f"world 1 has {num_agents}",
                got=f"{len(agents)} agents",
                verb="",
            )
    if num_agents == 0:
        raise InvalidValueError("world 1", None, "at least one is needed", got="no agents", verb="")
    chances = [(f"world {number}", chance) for number, (chance, _) in enumerate(worlds, 1)]
    world_probabilities = _probabilities(chances, "worlds")
    supports = [
        [
            _support(alternatives, demand, f"world {world}, agent {agent}")
            for agent, alternatives in enumerate(agents, 1)
        ]
        for world, (_, agents) in enumerate(worlds, 1)
    ]
    most = max(len(masses) for support in supports for _, masses in support)
    values = np.zeros((len(worlds), num_agents, most, *demand.values_shape))
    probabilities = np.zeros((len(worlds), num_agents, most))
    for world, support in enumerate(supports):
        for agent, (atoms, masses) in enumerate(support):
            values[world, agent, : len(atoms)] = atoms
            probabilities[world, agent, : len(atoms)] = masses
    if not values.any():
        raise InvalidValueError(
            "worlds", None, "some value must be above 0", got="0 for every value", verb=""
        )
    distribution = FiniteMixture(
        values=jnp.asarray(values, float),
        probabilities=jnp.asarray(probabilities, float),
        world_probabilities=jnp.asarray(world_probabilities, float),
        demand=demand,
    )
    return Setting(distribution, tuple(units))


def _support(
    alternatives: Any, demand: Demand, place: str
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Values [alternatives, *demand.values_shape] and probabilities [alternatives] of an agent."""
    pairs = [
        (f"{place}, alternative {number}", pair)
        for number, pair in enumerate(_list(alternatives, place, "(value, probability)"), 1)
    ]
    pairs = [(where, _pair(pair, where, "value, probability")) for where, pair in pairs]
    if not pairs:
        raise InvalidValueError(
            place, None, "at least one is needed", got="no alternatives", verb=""
        )
    values = np.stack([_values(value, demand, where) for where, (value, _) in pairs])
    return values, _probabilities([(where, chance) for where, (_, chance) in pairs], place)


def _values(value: Any, demand: Demand, place: str) -> NDArray[np.float64]:
    numbers = _numbers(value, place)
    needed = demand.values_shape[0]
    if numbers.ndim == 0 and not isinstance(demand, BundleDemand):
        numbers = np.full(needed, numbers)
    if numbers.shape != (needed,):
        raise InvalidValueError(place, value, f"{demand} needs {needed} numbers", verb="")
    # What the precision of JAX cannot hold counts as infinite.
    with np.errstate(over="ignore"):
        held = numbers.astype(jnp.result_type(float))
    for index, number in enumerate(held.tolist()):
        if problem := problem_with(number):
            kind = "bundle" if isinstance(demand, BundleDemand) else "item"
            of = f" for {kind} {index + 1}" if needed > 1 else ""
            raise InvalidValueError(
                place, numbers[index], problem, got=f"{numbers[index]}{of}", verb=""
            )
    if isinstance(demand, BundleDemand) and numbers[0] != 0:
        raise InvalidValueError(
            place,
            numbers[0],
            "0",
            got=f"{numbers[0]} for the empty bundle (the first)",
            verb="allowed is",
        )
    return numbers


def _probabilities(entries: list[tuple[str, Any]], place: str) -> NDArray[np.float64]:
    """The probability of each (place, probability), checked to sum to 1."""
    for where, probability in entries:
        number = _numbers(probability, where)
        # Written so that NaN counts as bad too.
        if number.ndim != 0 or not 0 <= number <= 1:
            raise InvalidValueError(
                where, probability, "numbers from 0 to 1", got=f"probability {probability!r}"
            )
    probabilities = np.array([float(probability) for _, probability in entries])
    total = probabilities.sum()
    if abs(total - 1) > _PROBABILITY_TOLERANCE:
        raise InvalidValueError(
            place,
            probabilities.tolist(),
            "they must sum to 1",
            got=f"probabilities {probabilities.tolist()}, which sum to {total:.9g}",
            verb="",
        )
    return probabilities


def _numbers(content: Any, place: str) -> NDArray[np.float64]:
    try:
        return np.asarray(content, dtype=np.float64)
    except (TypeError, ValueError):
        raise InvalidValueError(place, content, "numbers are needed", verb="") from None


def _list(content: Any, place: str, of: str) -> Sequence[Any]:
    if not isinstance(content, Sequence) or isinstance(content, str):
        raise InvalidValueError(place, content, f"a list of {of} is needed", verb="")
    return content


def _pair(content: Any, place: str, of: str) -> tuple[Any, Any]:
    if not isinstance(content, Sequence) or isinstance(content, str) or len(content) != 2:
        raise InvalidValueError(place, content, f"({of})", verb="needed is")
    return content[0], content[1]
