"""Daily reserve prices on a learned model of the bidders (Tang 2017, section 4).

Schemes that set the reserves of keywords whose bidders react, compared on the same keywords
and days. Real bids: ``--bids`` takes a file with columns keyword, bidder and bid. For one, the
timber auctions of ``jaxmech.data.load_timber_bids`` (extra ``data``) become keywords so, each
auction that drew five bids a keyword, bids in multiples of the tract's advertised value::

    import csv
    from jaxmech.data import load_timber_bids

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

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any, get_args

import jax

from jaxmech.environments import ReservePricing, ReservePricingParams
from jaxmech.experiments.reserve_pricing.bidder_models import foresight, train_models
from jaxmech.experiments.reserve_pricing.configuration import ReservePricingStudy
from jaxmech.experiments.reserve_pricing.findings import findings_of
from jaxmech.experiments.reserve_pricing.keywords import (
    Keywords,
    draw_keywords,
    never_reacting,
    population_of,
)
from jaxmech.experiments.reserve_pricing.playing import Revenue, ablation, play_all
from jaxmech.experiments.reserve_pricing.results import Results
from jaxmech.experiments.reserve_pricing.schemes import PolicyName, learner_of, static_reserves
from jaxmech.experiments.reserve_pricing.settings import MEMORY, WINDOW, LearnedPolicies
from jaxmech.experiments.workspace import Workspace
from jaxmech.intervals import Floats
from jaxmech.networks.bidder_models.models import BidderModelName
from jaxmech.reports.findings import Findings


def compute(study: ReservePricingStudy, workspace: Workspace) -> Findings:
    """Trains the models and the policies, plays all schemes, and compares.

    Raises:
      ValueError: the file of bids cannot be used.
    """
    population = population_of(study)
    study = replace(study, keywords=population.keywords)
    # Policies see a summary of the history; planners read the history itself.
    env = replace(population.env, statistic="summary")
    learning, params = population.learning, population.comparing
    key = jax.random.key(study.seed)
    models_key, keywords_key, policies_key = (jax.random.fold_in(key, part) for part in (1, 2, 3))
    stages = _numbered(study)

    workspace.say(next(stages))
    names: tuple[BidderModelName, ...] = (*study.training.models, "lstm")
    models = train_models(workspace, study.training, env, learning, models_key, names)
    if study.policies.updates:
        workspace.say(next(stages))
    learned = learned_policies(workspace, study.policies, env, learning, policies_key)

    def compare(
        params: ReservePricingParams,
        lstm: Any,
        learned: Mapping[PolicyName, Any],
        exact: bool,
        suffix: str = "",
    ) -> tuple[Keywords, jax.Array, dict[str, Revenue]]:
        """Keywords, the static reserves that some schemes start from, and what all earn."""
        workspace.say(next(stages))
        keywords = workspace.kept(
            "keywords" + suffix, draw_keywords, env, params, keywords_key, study.keywords
        )
        ground = (workspace, study, env, params, lstm, keywords)
        reserves = static_reserves(*ground, suffix)
        played = play_all(*ground, reserves, learned, learning, exact=exact, suffix=suffix)
        return keywords, reserves[f"static_{study.start}"], played

    keywords, start, played = compare(params, models.parameters["lstm"], learned, study.exact)

    workspace.say(next(stages))
    foreseen = foresight(
        workspace, env, params, models.parameters, keywords, start, study.search.auctions
    )

    still = None
    if study.never_react:
        workspace.say(next(stages))
        unmoved, suffix = never_reacting(learning), "_never_reacting"
        anew = train_models(workspace, study.training, env, unmoved, models_key, ("lstm",), suffix)
        lstm = anew.parameters["lstm"]
        # Without the policies, which have learned from bidders that react.
        *_, still = compare(never_reacting(params), lstm, {}, False, suffix)

    variants: Mapping[tuple[str, str], Floats] = {}
    count = min(study.ablation.keywords, study.keywords)
    if count:
        workspace.say(next(stages))
        part = keywords.first(count, study.ablation.days)
        variants = ablation(
            workspace, study, env, params, models.parameters, part, start[:count], played
        )
    results = Results(
        deployed_reserve=float(params.deployed_reserves[0]),
        played=played,
        still=still,
        models=models,
        foreseen=foreseen,
        ablation=variants,
        listed=population.listed,
    )
    return findings_of(study, results)


def learned_policies(
    workspace: Workspace,
    settings: LearnedPolicies,
    env: ReservePricing,
    params: ReservePricingParams,
    key: jax.Array,
) -> dict[PolicyName, Any]:
    """States of PPO and policy gradient, trained on keywords drawn from ``params``.

    None of them where no updates are asked for.
    """
    learned: dict[PolicyName, Any] = {}
    for name in get_args(PolicyName) if settings.updates else ():
        result = workspace.train(
            name,
            learner_of(name, settings, env, params),
            updates=settings.updates,
            seeds=1,
            keys=[key],
        )
        learned[name] = jax.tree.map(lambda leaf: leaf[0], result.states)
    return learned


def _numbered(study: ReservePricingStudy) -> Iterator[str]:
    """The stages of the study in words, each with its number."""
    stages = [
        stage
        for stage, wanted in (
            (f"training the bidder models, which read {WINDOW} or {MEMORY} days of logs", True),
            ("training PPO and policy gradient", study.policies.updates),
            ("playing all schemes", True),
            ("comparing what models foresee with the simulator", True),
            ("training the LSTM anew, for bidders that never react", study.never_react),
            ("playing all schemes where bidders never react", study.never_react),
            ("varying the tree search", study.ablation.keywords),
        )
        if wanted
    ]
    return (f"[{number}/{len(stages)}] {stage}" for number, stage in enumerate(stages, 1))
