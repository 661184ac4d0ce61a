"""The keywords of the study of daily reserve prices, and their days under any scheme."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import struct

from jaxmech.agents.keyword_distribution import (
    KeywordDistribution,
    SampledKeywords,
    keyword_distribution,
    load_keywords,
)
from jaxmech.console import say
from jaxmech.environments import ReservePricing, ReservePricingParams, ReservePricingState
from jaxmech.environments.reserve_pricing_params import params_of
from jaxmech.experiments.reserve_pricing_configuration import MEMORY, ReservePricingStudy

MEDIAN_VALUE = math.exp(0.35)
"""Of the log-normal values of Lahaie and Pennock (2007), money per click."""


@struct.dataclass
class Given:
    """What programs are run with; the same program serves all of its values.

    Attributes:
      params: of the environment.
      models: parameters of the bidder models, by name.
    """

    params: ReservePricingParams
    models: Any


Choose = Callable[[Given, Any, jax.Array, ReservePricingState, jax.Array], jax.Array]
"""(given, of the keyword, observation, state, key) -> reserves of the day, float [bidders]."""


@dataclass
class Clock:
    """Runs programs, says when each is done, and counts the seconds.

    Attributes:
      seconds: of running.
      compile_seconds: of tracing and compiling.
      programs: compiled, by what they are called.
    """

    seconds: float = 0.0
    compile_seconds: float = 0.0
    programs: dict[str, Any] = field(default_factory=dict)

    def run(self, name: str, function: Callable[..., Any], *arguments: Any) -> Any:
        """What ``function`` returns, compiled at the first call of this name.

        Later calls have to be of the same function, and of arguments of the same shapes.
        """
        start = time.perf_counter()
        if name not in self.programs:
            self.programs[name] = jax.jit(function).lower(*arguments).compile()
        ready = time.perf_counter()
        found = jax.block_until_ready(self.programs[name](*arguments))
        compiling, running = ready - start, time.perf_counter() - ready
        self.compile_seconds += compiling
        self.seconds += running
        say(f"{name}: {compiling + running:.0f} s, {compiling:.0f} s compiling")
        return found


@struct.dataclass
class Keywords:
    """Keywords to compare schemes on; every array leads with [keywords].

    Attributes:
      observations, states: in the evening before the first day.
      day_keys: [keywords, days], of the bidders' choices, the same for all schemes.
    """

    observations: jax.Array
    states: ReservePricingState
    day_keys: jax.Array

    def first(self, keywords: int, days: int) -> Keywords:
        """The first of them, for their first days."""
        part: Keywords = jax.tree.map(lambda leaf: leaf[:keywords], self)
        return replace(part, day_keys=part.day_keys[:, :days])


@dataclass(frozen=True)
class Population:
    """Where keywords come from: one distribution to learn on, another to compare on.

    They differ only where the keywords are the user's own: then no keyword is in both.

    Attributes:
      env: the environment.
      learning, comparing: its parameters.
    """

    env: ReservePricing
    learning: ReservePricingParams
    comparing: ReservePricingParams


def population_of(study: ReservePricingStudy) -> Population:
    """The study's keywords.

    Raises:
      ValueError: the file of bids cannot be used, or has too few keywords or bidders,
        or too many bidders for the simulations of a search.
    """
    known = None
    num_bidders = study.num_bidders
    if study.bids is not None:
        known = load_keywords(study.bids, quality_column=study.quality_column)
        count, num_bidders = known.values.shape
        if count < 2:
            raise ValueError(
                f"bids: got {count} keyword; needed are at least 2, one to learn on and another to "
                "compare on"
            )
        if study.slots > num_bidders:
            raise ValueError(
                f"slots: got {study.slots}; allowed are integers up to {num_bidders}, the bidders "
                "on each keyword"
            )
        study.check_simulations(num_bidders)
    env = ReservePricing(
        num_bidders, study.slots, days=study.days, num_bins=study.bins, memory=MEMORY
    )
    everything = _distribution(study, known)
    median = MEDIAN_VALUE if known is None else float(jnp.median(known.values))
    whole = params_of(env, everything, deployed_reserves=study.deployed_reserve * median)
    if known is None:
        return Population(env, whole, whole)
    # Any order in the file must not tell the two parts apart.
    order = np.random.default_rng(study.seed).permutation(known.values.shape[0])
    compared = order[: len(order) // 2]
    learned = order[len(order) // 2 :]
    return Population(
        env,
        replace(whole, distribution=_distribution(study, _listed(known, learned))),
        replace(whole, distribution=_distribution(study, _listed(known, compared))),
    )


def never_reacting(params: ReservePricingParams) -> ReservePricingParams:
    """The same keywords, where every bidder keeps its first bid for ever."""
    inactive = keyword_distribution(kinds={"inactive": 1.0}, inactive_activity=0.0)
    distribution = replace(
        params.distribution,
        kind_probabilities=inactive.kind_probabilities,
        activity=inactive.activity,
    )
    return replace(params, distribution=distribution)


def draw_keywords(
    env: ReservePricing, params: ReservePricingParams, key: jax.Array, count: int
) -> Keywords:
    """Fresh keywords after the days at the deployed reserves; pure."""

    def one(key: jax.Array) -> Keywords:
        reset_key, days_key = jax.random.split(key)
        observation, state = env.reset(reset_key, params)
        return Keywords(observation, state, jax.random.split(days_key, env.days))

    keywords: Keywords = jax.vmap(one)(jax.random.split(key, count))
    return keywords


def play(
    env: ReservePricing, choose: Choose, given: Given, keywords: Keywords, of_keyword: Any
) -> tuple[jax.Array, jax.Array]:
    """What a scheme does and earns; pure.

    Args:
      env: the environment.
      choose: the scheme.
      given: handed to it.
      keywords: to play on.
      of_keyword: handed to it; every array leads with [keywords].

    Returns:
      revenue per auction, float [keywords, days]; reserves, float [keywords, days, bidders].
    """

    def one(keywords: Keywords, of_keyword: Any) -> tuple[jax.Array, jax.Array]:
        def day(carry: Any, key: jax.Array) -> tuple[Any, tuple[jax.Array, jax.Array]]:
            observation, state = carry
            # A plan's noise is not that with which the day will be played.
            plan_key = jax.random.fold_in(key, 1)
            reserves = choose(given, of_keyword, observation, state, plan_key)
            observation, state, revenue, _, _ = env.step_env(key, state, reserves, given.params)
            return (observation, state), (revenue, state.reserves)

        start = (keywords.observations, keywords.states)
        return jax.lax.scan(day, start, keywords.day_keys)[1]

    earned: tuple[jax.Array, jax.Array] = jax.vmap(one)(keywords, of_keyword)
    return earned


def _distribution(study: ReservePricingStudy, known: SampledKeywords | None) -> KeywordDistribution:
    return keyword_distribution(
        known, kinds=asdict(study.kinds), inactive_activity=study.inactive_activity
    )


def _listed(known: SampledKeywords, places: Any) -> SampledKeywords:
    quality = None if known.quality is None else known.quality[places]
    return replace(known, values=known.values[places], quality=quality)
