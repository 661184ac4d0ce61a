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

from jaxmech import struct
from jaxmech.agents.keywords.distribution import (
    KeywordDistribution,
    SampledKeywords,
    keyword_distribution,
)
from jaxmech.data import load_keywords
from jaxmech.environments import ReservePricing, ReservePricingParams, ReservePricingState
from jaxmech.environments.reserve_pricing.params import TooFewBinsError, params_of
from jaxmech.experiments.reserve_pricing.configuration import ReservePricingStudy
from jaxmech.experiments.reserve_pricing.settings import MEMORY
from jaxmech.reports.console import say

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
    """Runs programs, says when each begins and is done, and counts the seconds.

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
        say(f"{name} ...")
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
      plan_keys: [keywords, days], of the chance that plans reckon with, which is another.
    """

    observations: jax.Array
    states: ReservePricingState
    day_keys: jax.Array
    plan_keys: jax.Array

    def first(self, keywords: int, days: int) -> Keywords:
        """The first of them, for their first days."""
        part: Keywords = jax.tree.map(lambda leaf: leaf[:keywords], self)
        return replace(part, day_keys=part.day_keys[:, :days], plan_keys=part.plan_keys[:, :days])


@dataclass(frozen=True)
class Population:
    """Where keywords come from: one distribution to learn on, another to compare on.

    They differ only where the keywords are the user's own: then no keyword is in both.

    Attributes:
      env: the environment.
      learning, comparing: its parameters.
      keywords: how many to compare on; of the user's own each only once.
      listed: the user's own keywords that are learned on, and those that are not; None where
        keywords are drawn from a distribution.
    """

    env: ReservePricing
    learning: ReservePricingParams
    comparing: ReservePricingParams
    keywords: int
    listed: tuple[int, int] | None = None


def population_of(study: ReservePricingStudy) -> Population:
    """The study's keywords.

    Raises:
      ValueError: the file of bids cannot be used, or has too few keywords or bidders,
        or too many bidders for the simulations of a search.
    """
    known = None
    num_bidders = study.num_bidders
    if study.bids is not None:
        known = load_keywords(
            study.bids,
            keyword_column=study.keyword_column,
            bidder_column=study.bidder_column,
            bid_column=study.bid_column,
            quality_column=study.quality_column,
            relative=study.relative,
        )
        count, num_bidders = known.values.shape
        if count < 4:
            raise ValueError(
                f"bids: got {count} keyword{'' if count == 1 else 's'}; needed are at least 4, as "
                "half of them are compared on, and an interval needs 2"
            )
        if study.slots > num_bidders:
            raise ValueError(
                f"slots: got {study.slots}; allowed are integers up to {num_bidders}, the bidders "
                "on each keyword"
            )
        study.check_simulations(num_bidders)
    env = ReservePricing(
        num_bidders, study.slots, days=study.days, num_bins=study.bins, history_days=MEMORY
    )
    if known is None:
        params = params_of(
            env,
            _distribution(study, None),
            click_rates=study.click_rates,
            deployed_reserves=study.deployed_reserve * MEDIAN_VALUE,
        )
        return Population(env, params, params, study.keywords)
    # Any order in the file must not tell the two parts apart.
    order = np.random.default_rng(study.seed).permutation(known.num_keywords)
    compared = known.only(order[: len(order) // 2])
    learned = known.only(order[len(order) // 2 :])
    # A bid of 0 is of one who does not bid.
    positive = learned.values[learned.values > 0]
    try:
        # Bins and the highest reserve are those of the whole file: they have to reach all bids.
        whole = params_of(
            env,
            _distribution(study, known),
            click_rates=study.click_rates,
            deployed_reserves=study.deployed_reserve * float(jnp.median(positive)),
        )
    except TooFewBinsError:
        raise ValueError(
            f"bins: got {study.bins}, too few to tell apart bids of keywords whose medians go down "
            f"to {known.lowest_median:g} where the highest bid is {known.highest_value:g}; allowed "
            "are more, or --relative, bids in the median of their keyword"
        ) from None
    return Population(
        env,
        replace(whole, distribution=_distribution(study, learned)),
        replace(whole, distribution=_distribution(study, compared)),
        min(study.keywords, compared.num_keywords),
        (learned.num_keywords, compared.num_keywords),
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
    """Keywords after the days at the deployed reserves; pure.

    Fresh ones, or the first of the user's own, each once: the keywords of a list are no draws
    from something larger, and one that came twice would count as two.

    Raises:
      ValueError: ``count`` above the number of listed keywords.
    """
    listed = params.distribution.values_and_quality
    if isinstance(listed, SampledKeywords) and count > listed.num_keywords:
        raise ValueError(
            f"count: got {count}; allowed are integers up to {listed.num_keywords}, the keywords "
            "listed"
        )

    def one(key: jax.Array, place: jax.Array) -> Keywords:
        reset_key, days_key = jax.random.split(key)
        distribution = params.distribution
        if isinstance(listed, SampledKeywords):
            distribution = replace(distribution, values_and_quality=listed.only(place[None]))
        observation, state = env.reset(reset_key, replace(params, distribution=distribution))
        # The third part of the key, of which the first two are in use.
        plans_key = jax.random.split(key, 3)[2]
        day_keys, plan_keys = (jax.random.split(of, env.days) for of in (days_key, plans_key))
        return Keywords(observation, state, day_keys, plan_keys)

    keywords: Keywords = jax.vmap(one)(jax.random.split(key, count), jnp.arange(count))
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
        def day(
            carry: Any, keys: tuple[jax.Array, jax.Array]
        ) -> tuple[Any, tuple[jax.Array, jax.Array]]:
            observation, state = carry
            key, plan_key = keys
            reserves = choose(given, of_keyword, observation, state, plan_key)
            observation, state, revenue, _, _ = env.step_env(key, state, reserves, given.params)
            return (observation, state), (revenue, state.reserves)

        start = (keywords.observations, keywords.states)
        return jax.lax.scan(day, start, (keywords.day_keys, keywords.plan_keys))[1]

    earned: tuple[jax.Array, jax.Array] = jax.vmap(one)(keywords, of_keyword)
    return earned


def _distribution(study: ReservePricingStudy, known: SampledKeywords | None) -> KeywordDistribution:
    return keyword_distribution(
        known, kinds=asdict(study.kinds), inactive_activity=study.inactive_activity
    )
