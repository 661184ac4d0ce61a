"""Exact values of published instances, all in closed or exhaustive form elsewhere.

Propositions 1 to 4, "Kitchen sink", "ID", "Two worlds", "Inventory" and the correlated
setting of Brero et al. (2021), with the rule that agents buy at strictly positive utility.
"""

from __future__ import annotations

import itertools
from fractions import Fraction

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from tiers import slowly

from jaxmech import environments
from jaxmech.agents import named_setting
from jaxmech.oracles import sequential_price


def fair(first, second):
    return [(first, 0.5), (second, 0.5)]


def sure(value):
    return [(value, 1)]


def proposition_1(mixture):
    return mixture([(1, [fair(1, 3)] * 2)])


def proposition_2(mixture):
    return mixture([(1, [fair(1, 3)] * 3)], units=(2,))


def proposition_3(mixture):
    high = [sure(15), fair(2, 12), fair(3, 8), fair(3, 8), sure(4), sure(4)]
    low = [sure(1), fair(3, 8), fair(2, 12), fair(2, 12), sure(4), sure(4)]
    return mixture([(0.5, high), (0.5, low)], units=(2,))


def proposition_4(mixture):
    return mixture([(1, [fair(1, 15), fair(3, 12), fair(2, 8), fair(2, 8)])], units=(2,))


def kitchen_sink(mixture):
    first = [
        sure((0.01, 0, 0)),
        sure((0, 0, 1)),
        [((0, 0, 5), 0.2), ((0, 0, 0.5), 0.8)],
    ]
    second = [
        sure((0, 0.01, 0)),
        [((0, 0, 2), 0.2), ((0, 0, 0), 0.8)],
        sure((0, 0, 0.499)),
    ]
    return mixture([(0.5, first), (0.5, second)], units=(1, 1, 1))


def identification(mixture):
    worlds = []
    for leaders in itertools.product([0, 60], repeat=3):
        alone = sum(leaders) == 60
        followers = [fair(40, 0) if leader else fair(21, 0) for leader in leaders]
        agents = [sure(leader) for leader in leaders]
        worlds.append((1 / 8, agents + (followers if alone else [sure(0)] * 3)))
    return mixture(worlds, units=(2,))


def colors(mixture):
    red, yellow, blue = sure((1, 0)), sure((0, 1)), fair((2, 0), (0, 2))
    return mixture([(1, [red] * 10 + [yellow] * 10 + [blue] * 10)], units=(10, 10))


def named(name, **options):
    return lambda mixture: named_setting(name, **options)


# offline optimum, adaptive, personalised static, anonymous static, serial dictatorship.
TABLE = {
    "proposition 1": (proposition_1, "5/2", "5/2", "5/2", "9/4", "2"),
    "proposition 2": (proposition_2, "19/4", "19/4", "9/2", "33/8", "4"),
    "proposition 3": (proposition_3, "21", "21", "20.75", "20.75", "139/12"),
    "proposition 4": (proposition_4, "19.5", "19.375", "19", "18.5", "12.75"),
    "kitchen sink": (kitchen_sink, "1.3096", "1.3096", "1.11", "1.11", ".93455"),
    "id": (
        identification,
        "92.953125",
        "92.953125",
        "91.703125",
        "91.46875",
        "89.171875",
    ),
    "two worlds": (
        named("two_worlds"),
        ".6996582",
        ".6921875",
        ".6921875",
        ".5998047",
        ".525",
    ),
    "inventory": (
        named("inventory"),
        "9.5595074",
        "9.5595074",
        "9.3549118",
        "9.1190147",
        "7.5",
    ),
    "correlated, delta 0": (
        named("correlated"),
        "4.285714",
        "4.129283",
        "4.05862",
        "3.97903",
        "2.5",
    ),
    "correlated, delta .5": (
        named("correlated", delta=0.5),
        "3.392857",
        None,
        "3.01441",
        "2.86178",
        "2.5",
    ),
}


def digits(printed: str) -> float:
    """How far an exact value may be from its printed form."""
    if "/" in printed or "." not in printed:
        return 1e-9
    return 0.5000001 * 10.0 ** -len(printed.split(".")[1])


ORACLES = (
    sequential_price.expected_offline_optimum,
    sequential_price.optimal,
    sequential_price.personalised_static_prices,
    sequential_price.anonymous_static_prices,
    sequential_price.random_serial_dictatorship,
)


KNOWN = [
    pytest.param(row[0], oracle, printed, id=f"{instance}-{oracle.__name__}")
    for instance, row in TABLE.items()
    for oracle, printed in zip(ORACLES, row[1:], strict=True)
    if printed is not None
]


@pytest.mark.parametrize(("build", "oracle", "printed"), KNOWN)
def test_equals_the_exact_value_to_its_printed_digits(build, oracle, printed, mixture):
    result = oracle(build(mixture))
    value = getattr(result, "value", result)
    assert value == pytest.approx(float(Fraction(printed)), rel=0, abs=digits(printed))


BUILT_HERE = {
    "colors": colors,
    "id": identification,
    "kitchen_sink": kitchen_sink,
    "proposition_1": proposition_1,
    "proposition_2": proposition_2,
    "proposition_3": proposition_3,
    "proposition_4": proposition_4,
}


def law(economy):
    """Probability of every profile of values."""
    distribution = economy.distribution
    values = np.asarray(distribution.values)
    chances = np.asarray(distribution.probabilities, np.float64)
    profiles = {}
    for world, chance_of_world in enumerate(np.asarray(distribution.world_probabilities)):
        supports = [np.flatnonzero(row) for row in chances[world]]
        for atoms in itertools.product(*supports):
            agents = np.arange(len(atoms))
            chance = float(chance_of_world * chances[world, agents, atoms].prod())
            profile = values[world, agents, atoms].tobytes()
            profiles[profile] = profiles.get(profile, 0) + chance
    return profiles


@pytest.mark.parametrize("name", BUILT_HERE)
def test_named_settings_are_those_of_the_instances(name, mixture):
    own, economy = named_setting(name), BUILT_HERE[name](mixture)
    assert own.units == economy.units
    assert own.distribution.demand == economy.distribution.demand
    known = law(economy)
    assert sum(known.values()) == pytest.approx(1, abs=1e-6)
    assert law(own) == pytest.approx(known, abs=1e-9)


def test_colors_welfare_needs_no_adaptive_prices(mixture):
    economy = colors(mixture)
    assert sequential_price.optimal(economy) == pytest.approx(30, abs=1e-9)
    assert sequential_price.random_serial_dictatorship(economy) == pytest.approx(
        26.513672, abs=5e-7
    )
    assert sequential_price.expected_offline_optimum(economy) == pytest.approx(30, abs=1e-9)


def test_serial_dictatorship_depends_on_what_indifferent_agents_do(mixture):
    def value(economy):
        return sequential_price.random_serial_dictatorship(economy, buys_at_zero_utility=True)

    assert value(identification(mixture)) == pytest.approx(35.125, abs=1e-9)
    assert value(colors(mixture)) == pytest.approx(24.867, abs=5e-4)


@pytest.mark.parametrize("build", [kitchen_sink, *slowly(identification, proposition_4)])
@pytest.mark.parametrize(
    "oracle",
    [
        sequential_price.personalised_static_prices,
        *slowly(sequential_price.anonymous_static_prices),
    ],
)
def test_static_prices_earn_their_value_in_the_environment(build, oracle, mixture):
    economy = build(mixture)
    result = oracle(economy)
    env, params = environments.make("sequential_price", setting=economy)
    num_agents = env.num_agents
    prices = jnp.asarray(np.broadcast_to(result.prices, (num_agents, env.num_items)))

    def episode(key):
        _, state = env.reset(key, params)
        for agent in result.order.tolist():
            action = jnp.concatenate([jnp.eye(num_agents)[agent], prices[agent]])
            _, state, _, _, info = env.step_env(key, state, action, params)
        return info["welfare"]

    episodes = 20_000
    welfare = jax.jit(jax.vmap(episode))(jax.random.split(jax.random.key(0), episodes))
    error = float(welfare.std()) / episodes**0.5
    assert float(welfare.mean()) == pytest.approx(result.value, abs=4 * error + 1e-6)
