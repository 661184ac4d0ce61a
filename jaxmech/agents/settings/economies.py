"""How the named settings are made: worlds, agents and items of each."""

from __future__ import annotations

import itertools

import jax.numpy as jnp
import numpy as np

from jaxmech.agents.settings.demand import AdditiveDemand, UnitDemand
from jaxmech.agents.settings.finite import Alternatives, finite_setting, one_of, surely
from jaxmech.agents.settings.profiles import CorrelatedUniform, UniformMixture
from jaxmech.agents.settings.setting import Setting


def correlated(num_agents: int, num_items: int, delta: float) -> Setting:
    """Identical items, unit demand, uniform values around a common centre ("Part 1")."""
    distribution = CorrelatedUniform(
        delta=jnp.asarray(delta, float), num_agents=num_agents, demand=UnitDemand(1)
    )
    return Setting(distribution, (num_items,))


def colors(num_per_color: int) -> Setting:
    """Red, yellow and blue agents, as many of each; as many red and as many yellow items.

    Unit demand. Red agents value red at 1 and yellow agents yellow at 1. A blue agent
    values red or, as likely, yellow at 2. All else is worth 0. In the paper a blue agent
    first draws its own probability of red, uniformly, which comes to the same.
    """
    red, yellow, blue = surely((1, 0)), surely((0, 1)), one_of((2, 0), (0, 2))
    agents = [red] * num_per_color + [yellow] * num_per_color + [blue] * num_per_color
    return finite_setting([(1, agents)], units=(num_per_color, num_per_color))


def two_worlds(num_agents: int) -> Setting:
    """One item; all values iid on {.6, 1} or, as likely, all iid on {.1, .4}."""
    return finite_setting(
        [(1 / 2, [one_of(0.6, 1)] * num_agents), (1 / 2, [one_of(0.1, 0.4)] * num_agents)]
    )


def inventory(num_agents: int, num_items: int) -> Setting:
    """Identical items; values iid on {1/2, 1}."""
    return finite_setting([(1, [one_of(1 / 2, 1)] * num_agents)], units=(num_items,))


def kitchen_sink() -> Setting:
    """Three agents, items A, B and C; what the first agent wants tells who should get C.

    Unit demand. With probability 1/2, agent 0 values A at .01, agent 1 C at 1, and agent 2
    C at 5 with probability .2, else at .5. Otherwise agent 0 values B at .01, agent 1 C at
    2 with probability .2, and agent 2 C at .499. All else is worth 0.
    """
    first: list[Alternatives] = [
        surely((0.01, 0, 0)),
        surely((0, 0, 1)),
        [((0, 0, 5), 0.2), ((0, 0, 0.5), 0.8)],
    ]
    second: list[Alternatives] = [
        surely((0, 0.01, 0)),
        [((0, 0, 2), 0.2), (0, 0.8)],
        surely((0, 0, 0.499)),
    ]
    return finite_setting([(1 / 2, first), (1 / 2, second)], units=(1, 1, 1))


def identification() -> Setting:
    """Two identical items, six agents; who of the first three wants one tells where to go.

    Agents 0 to 2 have values iid on {0, 60}. If exactly one of them, k, has 60, agent k + 3
    has 0 or 40 as likely, and the other two of agents 3 to 5 have 0 or 21 as likely.
    Otherwise agents 3 to 5 have 0.
    """
    worlds = []
    for leaders in itertools.product([0, 60], repeat=3):
        followers = [one_of(0, 40 if leader else 21) for leader in leaders]
        if leaders.count(60) != 1:
            followers = [surely(0)] * 3
        worlds.append((1 / 8, [surely(leader) for leader in leaders] + followers))
    return finite_setting(worlds, units=(2,))


def additive_types(
    num_agents: int, units: tuple[int, ...], delta: float, shared_centre: bool
) -> Setting:
    """Item types whose values add up, each drawn as in ``correlated``.

    Every type has a centre of its own, or all share one where ``shared_centre``.
    """
    distribution = CorrelatedUniform(
        delta=jnp.asarray(delta, float),
        num_agents=num_agents,
        demand=AdditiveDemand(len(units)),
        shared_centre=shared_centre,
    )
    return Setting(distribution, tuple(units))


def max_min() -> Setting:
    """One orange, four blue and four red agents, in this order; five black and five white items.

    Unit demand, independent uniform values. With probability 1/2 the orange agent values
    black on [.5, 1] and white at 0, blue ones black on [.4, .5] and white on [0, .25], and
    red ones black on [.9, 1] and white on [.4, .5]. Otherwise black and white swap for the
    orange agent, and blue and red agents swap roles.
    """
    orange, modest, rich = [(0.5, 1), (0, 0)], [(0.4, 0.5), (0, 0.25)], [(0.9, 1), (0.4, 0.5)]
    # Float [worlds, agents, items, ends].
    intervals = np.array(
        [
            [orange] + [modest] * 4 + [rich] * 4,
            [orange[::-1]] + [rich] * 4 + [modest] * 4,
        ]
    )
    distribution = UniformMixture(
        low=jnp.asarray(intervals[..., 0], float),
        high=jnp.asarray(intervals[..., 1], float),
        world_probabilities=jnp.full(2, 1 / 2),
        demand=UnitDemand(2),
    )
    return Setting(distribution, (5, 5))


def proposition_1() -> Setting:
    """One item, two agents with values iid on {1, 3}: anonymous static prices fall short."""
    return finite_setting([(1, [one_of(1, 3)] * 2)])


def proposition_2() -> Setting:
    """Two identical items, three agents with values iid on {1, 3}: static prices fall short."""
    return finite_setting([(1, [one_of(1, 3)] * 3)], units=(2,))


def proposition_3() -> Setting:
    """Two identical items, six agents: static order and prices fall short."""
    high = [surely(15), one_of(2, 12), one_of(3, 8), one_of(3, 8), surely(4), surely(4)]
    low = [surely(1), one_of(3, 8), one_of(2, 12), one_of(2, 12), surely(4), surely(4)]
    return finite_setting([(1 / 2, high), (1 / 2, low)], units=(2,))


def proposition_4() -> Setting:
    """Two identical items, four independent agents: static order and prices fall short."""
    agents = [one_of(1, 15), one_of(3, 12), one_of(2, 8), one_of(2, 8)]
    return finite_setting([(1, agents)], units=(2,))
