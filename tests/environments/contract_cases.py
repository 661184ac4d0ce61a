"""Environments in many settings, for what every one of them promises."""

from __future__ import annotations

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from tiers import slowly

import jaxmech
from jaxmech.agents import (
    AdditiveDemand,
    BundleDemand,
    CorrelatedUniform,
    Samples,
    Setting,
    UnitDemand,
)
from jaxmech.agents.responses.transfers import PiecewiseLinear, WithSubsidy
from jaxmech.agents.values.joint import CopulaValueQuality
from jaxmech.agents.values.univariate import LogNormal
from jaxmech.environments import names


def uniform(demand, units):
    return Setting(CorrelatedUniform(jnp.asarray(0.3, float), 3, demand), units)


def bundles(num_items, units):
    demand = BundleDemand(num_items)
    values = np.random.default_rng(0).uniform(0, 2, (5, 3, *demand.values_shape))
    return Setting(Samples(jnp.asarray(values, float), demand), units)


SIZES = {
    "reserve_pricing": {"days": 4, "num_bins": 8, "auctions_per_day": 4},
    "impression_allocation": {"num_sellers": 6, "num_rounds": 6, "rounds_per_cost": 2},
    "multilane": {"num_positions": 5, "num_actions": 7},
}
"""Environments that are large as they come, and smaller sizes of theirs."""

GAMES = ("bertrand", "consumer_tax", "cournot", "escape_room", "four_rooms", "income_tax",
         "matrix_game", "stackelberg_pricing")  # fmt: skip
"""Games in the same environment as ``multilane``, which stands for them all."""

# A setting is made anew in each test, so that it has the precision of that test.
FEW = [(name, SIZES.get(name, {})) for name in names() if name not in GAMES] + [
    ("sequential_price", {"setting": partial(uniform, UnitDemand(2), (2, 1)),
                          "statistic": "last_visit", "subtract_offline_optimum": True}),
    ("repeated_auction", {"bidders": ["hedge", "exp3", "truthful"],
                          "num_participants": 2, "num_slots": 2, "num_rounds": 3,
                          "statistic": "bidders", "personal_reserves": True,
                          "value_draws": "once", "random_ties": True, "bid_grid": 5}),
    ("reserve_pricing", {"num_bidders": 2, "days": 3, "num_bins": 6, "history_days": 1,
                         "auctions_per_day": 4, "statistic": "summary", "revenue": "sampled",
                         "filtering": "lazy", "squash": 0.5}),
    ("impression_allocation", {"sellers": ["resampling", "exp3", "ucb1", "epsilon_first",
                                           "epsilon_greedy"], "num_records": 2, "num_rounds": 7,
                               "rounds_per_cost": 3, "action_form": "shares", "price_grid": 4,
                               "prices_shown": False, "num_buyers": 30, "entry_rate": 0.3,
                               "exit_rate": 0.2, "appeal_spread": 0.3}),
    ("multilane", {"num_agents": 3, "num_positions": 4, "num_actions": 6, "num_rounds": 3,
                   "responses_per_round": 2, "response_rate": 0.5, "sampled": True,
                   "transfer": lambda: WithSubsidy(PiecewiseLinear((0.0, 0.6, 1.0))),
                   "blind": True, "temperature": 0.5}),
]  # fmt: skip
"""Each environment as it comes but for its sizes, and with most of its options changed."""

_OTHERS = [
    ("sequential_price", {"setting": "correlated", "num_agents": 4, "num_items": 2, "delta": 0.3}),
    ("sequential_price", {"setting": "inventory", "num_agents": 3, "num_items": 2,
                          "statistic": "allocation", "objective": "revenue"}),
    ("sequential_price", {"num_agents": 3, "statistic": "agents_items", "objective": "max_min",
                          "subtract_offline_optimum": True}),
    ("sequential_price", {"setting": "max_min", "objective": "max_min"}),
    ("sequential_price", {"setting": partial(uniform, AdditiveDemand(2), (1, 2)),
                          "statistic": "allocation"}),
    ("sequential_price", {"setting": partial(bundles, 2, (2, 1)),
                          "subtract_offline_optimum": True}),
    ("repeated_auction", {"bidders": "equilibrium", "num_bidders": 3, "num_participants": 2,
                          "num_rounds": 3, "payment_rule": "first_price",
                          "objective": "welfare", "distribution": lambda: LogNormal(0.35, 0.71)}),
    ("repeated_auction", {"num_bidders": 20, "num_participants": 2, "num_rounds": 2,
                          "filtering": "lazy", "objective": "max_min",
                          "distribution": CopulaValueQuality}),
    ("reserve_pricing", {"num_bidders": 1, "days": 2, "num_bins": 6, "auctions_per_day": 4}),
] + [(name, {}) for name in (*SIZES, *GAMES)]  # fmt: skip

# Reserve prices are dearest, and changed they differ most from the others.
_DEAREST = ("reserve_pricing", SIZES["reserve_pricing"])
CASES = [case for case in FEW if case != _DEAREST] + slowly(_DEAREST, *_OTHERS)


def make(name, options):
    made = {key: value() if callable(value) else value for key, value in options.items()}
    return jaxmech.make(name, **made)


def rollout(env, key, params):
    """Three longest episodes of uniformly random actions; all outputs of ``step``, stacked."""

    def one(carry, key):
        _, state = carry
        action_key, step_key = jax.random.split(key)
        action = env.action_space(params).sample(action_key)
        observation, state, *rest = env.step(step_key, state, action, params)
        return (observation, state), (observation, state, *rest)

    reset_key, steps_key = jax.random.split(key)
    start = env.reset(reset_key, params)
    steps = 3 * params.max_steps_in_episode
    return jax.lax.scan(one, start, jax.random.split(steps_key, steps))[1]
