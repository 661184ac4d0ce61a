"""The keywords of the study of daily reserve prices: to learn on, and to compare schemes on."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, replace
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxmech import checks, struct
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

MEDIAN_VALUE = math.exp(0.35)
"""Of the log-normal values of Lahaie and Pennock (2007), money per click."""


@struct.dataclass
class Keywords:
    """Keywords to compare schemes on; every array leads with [keywords].

    Attributes:
      observations, states: in the evening before the first day.
      day_keys: [keywords, days], of the bidders' choices, the same for all schemes.
      plan_keys: [keywords, days], of the chance that plans reckon with, which is another.
    """

    observations: Any
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
    """The keywords of a study that is resolved.

    Raises:
      ValueError: bins too wide to tell apart the bids of the file, or see ``resolved``.
    """
    known = (
        None
        if study.bids is None
        else load_keywords(study.bids, relative=study.relative, **study.columns)
    )
    num_bidders = study.num_bidders if known is None else known.values.shape[1]
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
        raise checks.InvalidValueError(
            "bins",
            study.bins,
            "more, or --relative, bids in the median of their keyword",
            got=f"{study.bins}, too few to tell apart bids of keywords whose medians go down to "
            f"{known.lowest_median:g} where the highest bid is {known.highest_value:g}",
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
    return replace(
        params,
        distribution=replace(
            params.distribution,
            kind_probabilities=inactive.kind_probabilities,
            activity=inactive.activity,
        ),
    )


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
        raise checks.InvalidValueError(
            "count", count, f"integers up to {listed.num_keywords}, the keywords listed"
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


def _distribution(study: ReservePricingStudy, known: SampledKeywords | None) -> KeywordDistribution:
    return keyword_distribution(
        known, kinds=asdict(study.kinds), inactive_activity=study.inactive_activity
    )
