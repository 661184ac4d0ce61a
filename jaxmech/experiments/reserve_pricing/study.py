"""Daily reserve prices on a learned model of the bidders (Tang 2017, section 4).

Schemes that set the reserves of keywords whose bidders react, compared on the same keywords
and days. Real bids: ``--bids`` takes a file with columns keyword, bidder and bid. For one, the
timber auctions of ``jaxmech.data.load_timber_bids`` (extra ``data``) become keywords so, each
auction that drew five bids a keyword, bids in multiples of the tract's advertised value::

    import csv
    from jaxmech.agents import load_timber_bids

    with open("timber.csv", "w", newline="") as file:
        table = csv.writer(file)
        table.writerow(("keyword", "bidder", "bid"))
        for keyword, bids in enumerate(load_timber_bids(5)[:, :, 0]):
            table.writerows((keyword, bidder, bid) for bidder, bid in enumerate(bids))

Half of the keywords are learned on; each of the others is compared on once. These are real
bids, but not for clicks: a bid stands for its bidder's value of a click, and how the bidders
would react, and their qualities, remain assumed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import NDArray

from jaxmech.environments import ReservePricingParams
from jaxmech.experiments.reserve_pricing.ablation import ablation
from jaxmech.experiments.reserve_pricing.comparison import comparison, mean_of, paired
from jaxmech.experiments.reserve_pricing.configuration import ReservePricingStudy
from jaxmech.experiments.reserve_pricing.findings import findings_of
from jaxmech.experiments.reserve_pricing.keywords import (
    Clock,
    Given,
    Keywords,
    draw_keywords,
    never_reacting,
    population_of,
)
from jaxmech.experiments.reserve_pricing.models import HORIZONS, foresight, train_models
from jaxmech.experiments.reserve_pricing.policies import learned_policies
from jaxmech.experiments.reserve_pricing.schemes import play_all
from jaxmech.experiments.reserve_pricing.settings import MEMORY, WINDOW
from jaxmech.reports.console import say
from jaxmech.reports.earlier_findings import Findings

_MODELS = f"training the bidder models, which read {WINDOW} or {MEMORY} days of simulated logs"
_POLICIES = "training PPO and policy gradient"
_PLAY = "playing all schemes"
_FORESIGHT = "comparing what models foresee with the simulator"
_STILL_MODELS = "training the LSTM anew, for bidders that never react"
_STILL_PLAY = "playing all schemes where bidders never react"
_ABLATION = "varying the tree search"


def reserve_pricing(study: ReservePricingStudy) -> Findings:
    """Trains the models and the policies, plays all schemes, and compares.

    Nothing is kept of a study that is stopped.

    Raises:
      ValueError: the file of bids cannot be used.
    """
    try:
        return _computed(study)
    except KeyboardInterrupt:
        say("stopped; jaxmech resume computes the study anew, from its beginning")
        raise


def _computed(study: ReservePricingStudy) -> Findings:
    clock = Clock()
    population = population_of(study)
    study = replace(study, keywords=population.keywords)
    count = min(study.ablation.keywords, study.keywords)
    stages = [
        stage
        for stage, wanted in (
            (_MODELS, True),
            (_POLICIES, study.policies.updates),
            (_PLAY, True),
            (_FORESIGHT, True),
            (_STILL_MODELS, study.never_react),
            (_STILL_PLAY, study.never_react),
            (_ABLATION, count),
        )
        if wanted
    ]

    def begin(stage: str) -> None:
        say(f"[{1 + stages.index(stage)}/{len(stages)}] {stage}")

    say("the study is computed at one go: stopped and resumed, it begins anew")
    key = jax.random.key(study.seed)
    # Policies see a summary of the history; planners read the history itself.
    env = replace(population.env, statistic="summary")
    models_key = jax.random.fold_in(key, 1)
    begin(_MODELS)
    models = train_models(
        study.training,
        env,
        population.learning,
        models_key,
        clock,
        (*study.training.models, "lstm"),
    )
    if study.policies.updates:
        begin(_POLICIES)
    policies = learned_policies(study, env, population.learning, clock)

    def drawn(params: ReservePricingParams) -> Keywords:
        draw = partial(draw_keywords, env, count=study.keywords)
        keywords: Keywords = clock.run("draw", draw, params, jax.random.fold_in(key, 2))
        return keywords

    given = Given(population.comparing, models.parameters)
    begin(_PLAY)
    keywords = drawn(given.params)
    played = play_all(study, env, given, keywords, policies, clock, exact=study.exact)
    start = jnp.asarray(played[f"static_{study.start}"].reserves[:, 0], float)
    begin(_FORESIGHT)
    foreseen = foresight(env, given, keywords, start, study.search.auctions, clock)
    results: dict[str, Any] = {
        "deployed_reserve": float(given.params.deployed_reserves[0]),
        "reacting": comparison(played, study.last_days),
        "cross_entropy": _cross_entropies(models.cross_entropy, models.entropy),
        "foresight": _errors(foreseen),
    }
    if population.listed is not None:
        results["listed"] = dict(
            zip(("learned_on", "kept_for_comparison"), population.listed, strict=True)
        )
    still = None
    if study.never_react:
        begin(_STILL_MODELS)
        learning = never_reacting(population.learning)
        lstm = train_models(study.training, env, learning, models_key, clock, ("lstm",))
        # Without the policies, which have learned from bidders that react.
        begin(_STILL_PLAY)
        params = never_reacting(given.params)
        still_given = Given(params, {**models.parameters, **lstm.parameters})
        still = play_all(study, env, still_given, drawn(params), {}, clock, exact=False)
        results["never_reacting"] = comparison(still, study.last_days)
    if count:
        begin(_ABLATION)
        part = keywords.first(count, study.ablation.days)
        results["ablation"] = ablation(study, env, given, part, start[:count], played, clock)
    return findings_of(study, results, played, still, clock)


def _cross_entropies(
    of_models: Mapping[str, NDArray[np.float64]], entropy: NDArray[np.float64]
) -> list[dict[str, Any]]:
    return [
        {
            "model": name,
            "nats": mean_of(nats),
            "above_entropy": mean_of(nats - entropy),
            "above_lstm": paired(nats, of_models["lstm"]),
        }
        for name, nats in of_models.items()
    ]


def _errors(foreseen: Mapping[str, NDArray[np.float64]]) -> list[dict[str, Any]]:
    records = []
    for name, of_model in foreseen.items():
        if name == "true":
            continue
        for ahead in HORIZONS:
            truth = foreseen["true"][:, ahead - 1]
            percent = 100 * (of_model[:, ahead - 1] - truth) / np.mean(truth)
            records.append(
                {
                    "model": name,
                    "days_ahead": ahead,
                    "absolute_percent": mean_of(np.abs(percent)),
                    "bias_percent": mean_of(percent),
                }
            )
    return records
