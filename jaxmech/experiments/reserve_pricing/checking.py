"""What the study of daily reserve prices accepts, and the words in which it refuses the rest.

Nothing here imports jax, but where a file of bids is looked through.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

from jaxmech import checks
from jaxmech.experiments.reserve_pricing.settings import (
    DAYS_IN_A_ROW,
    MEMORY,
    Backup,
    LeafValue,
    ModelName,
    Start,
    WindowModelName,
)

if TYPE_CHECKING:
    from jaxmech.experiments.reserve_pricing.configuration import ReservePricingStudy

BID_COLUMNS = ("keyword_column", "bidder_column", "bid_column", "quality_column")
"""Fields that name the columns of the file of bids."""


def check_study(study: ReservePricingStudy) -> None:
    """
    Raises:
      InvalidValueError: a field cannot be used; the file of bids is not looked at.
    """
    for name, lowest in (("keywords", 2), ("days", 1), ("slots", 1), ("bins", 3)):
        checks.integer(name, getattr(study, name), low=lowest)
    if study.last_days > study.days:
        raise checks.InvalidValueError(
            "last_days", study.last_days, f"integers up to --days, {study.days}"
        )
    checks.integer("last_days", study.last_days)
    checks.integer("reserve_levels", study.reserve_levels, low=2)
    checks.integer("seed", study.seed, low=0)
    if study.bidders is not None:
        checks.integer("bidders", study.bidders)
    if study.slots > study.num_bidders and study.bids is None:
        _refuse_slots(study, study.num_bidders)
    checks.number("deployed_reserve", study.deployed_reserve, low=0, high=1)
    checks.number("inactive_activity", study.inactive_activity, low=0, high=1)
    checks.one_of("start", study.start, get_args(Start))
    _check_kinds(study)
    _check_click_rates(study)
    _check_bids(study)
    _check_training(study)
    _check_planning(study)


def _check_kinds(study: ReservePricingStudy) -> None:
    weights = asdict(study.kinds)
    for kind, weight in weights.items():
        checks.number(f"kinds.{kind}", weight, low=0)
    if not sum(weights.values()):
        flags = ", ".join("--kinds." + kind.replace("_", "-") for kind in weights)
        raise checks.InvalidValueError(flags, 0, "some must be above 0", got="0 for all", verb="")


def _check_click_rates(study: ReservePricingStudy) -> None:
    rates = study.click_rates
    if rates is None:
        return
    if len(rates) != study.slots:
        raise checks.InvalidValueError(
            "click_rates",
            rates,
            f"one for each of --slots, {study.slots}",
            got=str(len(rates)),
            verb="needed is",
        )
    never_rise = all(high >= low for high, low in zip((1, *rates), (*rates, 0), strict=True))
    if not (never_rise and rates[0] > 0):
        raise checks.InvalidValueError(
            "click_rates", rates, "numbers from 0 to 1 that never rise, the first above 0"
        )


def _check_bids(study: ReservePricingStudy) -> None:
    if study.bids is not None:
        if study.bidders is not None:
            raise checks.InvalidValueError(
                "bidders",
                study.bidders,
                "nothing, as they say how many",
                got=f"{study.bidders} with --bids",
                verb="allowed is",
            )
        return
    for column in BID_COLUMNS:
        named = getattr(study, column)
        if named != getattr(type(study), column):
            raise checks.InvalidValueError(
                column,
                named,
                "it names a column of theirs",
                got=f"{named!r} without --bids",
                verb="",
            )
    if study.relative:
        raise checks.InvalidValueError(
            "relative",
            True,
            "it says what their bids are measured in",
            got="True without --bids",
            verb="",
        )


def look_through_bids(study: ReservePricingStudy, bids_path: str) -> None:
    """
    Raises:
      ValueError: the file of bids cannot be used, or has too few keywords or bidders, or too
        many bidders for the simulations of a search.
    """
    from jaxmech.data.keyword_bids import read_keyword_bids

    columns = {column: getattr(study, column) for column in BID_COLUMNS}
    bids, _ = read_keyword_bids(Path(bids_path), **columns)
    count, num_bidders = bids.shape
    if count < 4:
        raise checks.InvalidValueError(
            "bids",
            study.bids,
            "at least 4, as half of them are compared on, and an interval needs 2",
            got=counted(count, "keyword"),
            verb="needed are",
        )
    if study.slots > num_bidders:
        _refuse_slots(study, num_bidders)
    _check_simulations(study, num_bidders)


def _refuse_slots(study: ReservePricingStudy, num_bidders: int) -> None:
    raise checks.InvalidValueError(
        "slots", study.slots, f"integers up to the number of bidders, {num_bidders}"
    )


def _check_training(study: ReservePricingStudy) -> None:
    training, policies = study.training, study.policies
    for name in ("keywords", "held_out_keywords", "steps"):
        checks.integer(f"training.{name}", getattr(training, name), low=2)
    checks.integer("training.held_out_days", training.held_out_days)
    needed = MEMORY + DAYS_IN_A_ROW
    if training.days < training.held_out_days + needed:
        raise checks.InvalidValueError(
            "training.days",
            training.days,
            f"integers from {training.held_out_days + needed}, {needed} more than "
            f"--training.held-out-days ({training.held_out_days})",
        )
    for model in training.models:
        checks.one_of("training.models", model, get_args(WindowModelName))
    checks.integer("policies.updates", policies.updates, low=0)
    checks.integer("policies.rollout_days", policies.rollout_days)
    checks.integer("policies.environments", policies.environments)
    if policies.environments % 4:
        raise checks.InvalidValueError(
            "policies.environments", policies.environments, "multiples of 4"
        )
    checks.number("policies.gamma", policies.gamma, low=0, high=1)


def _check_planning(study: ReservePricingStudy) -> None:
    search, ablation = study.search, study.ablation
    checks.number("search.gamma", search.gamma, low=0, below=1)
    checks.one_of("search.leaf_value", search.leaf_value, get_args(LeafValue))
    checks.one_of("search.backup", search.backup, get_args(Backup))
    depths = [depth for depth, _ in _depths_varied(study)]
    _counts("ablation.depth_and_simulations", depths)
    _counts("ablation.held_days", ablation.held_days)
    checks.integer("ablation.days", ablation.days)
    for name in ("auctions", "depth", "held_days", "patience"):
        checks.integer(f"search.{name}", getattr(search, name))
    for name in ("factors", "larger_factors"):
        if not all(0 < factor < math.inf for factor in getattr(search, name)):
            raise checks.InvalidValueError(
                f"search.{name}", getattr(search, name), "finite numbers above 0"
            )
    checks.some("search.factors", search.factors)
    checks.integer("ablation.keywords", ablation.keywords, low=0)
    if ablation.keywords == 1:
        raise checks.InvalidValueError("ablation.keywords", 1, "0 and integers from 2")
    for model in ablation.models:
        checks.one_of("ablation.models", model, get_args(ModelName))
    for model in ablation.models if ablation.keywords else ():
        if model not in (*study.training.models, "lstm", "exact"):
            raise checks.InvalidValueError(
                "ablation.models",
                model,
                f"--training.models are {study.training.models}",
                got=f"{model!r}, which is not trained",
                verb="",
            )
    _check_simulations(study, 1 if study.bids is not None else study.num_bidders)


def _check_simulations(study: ReservePricingStudy, num_bidders: int) -> None:
    """Refuses searches that cannot try every move; how many there are, bids may have to tell.

    Raises:
      ValueError: fewer simulations than moves.
    """
    search = study.search
    varied = [count for _, count in _depths_varied(study)]
    for name, counts, factors in (
        ("search.simulations", [search.simulations], "factors"),
        ("ablation.depth_and_simulations", varied, "factors"),
        ("search.simulations", [search.simulations], "larger_factors"),
    ):
        number = len(getattr(search, factors))
        moves = 1 + number * num_bidders
        for count in counts if number else ():
            if count < moves:
                flag = "--search." + factors.replace("_", "-")
                raise checks.InvalidValueError(
                    name,
                    count,
                    f"integers from {moves}, the number of moves with "
                    f"{counted(num_bidders, 'bidder')} and {number} {flag}",
                    got=counted(count, "simulation"),
                )


def _depths_varied(study: ReservePricingStudy) -> tuple[tuple[int, int], ...]:
    return study.ablation.depth_and_simulations if study.ablation.keywords else ()


def counted(count: int, what: str) -> str:
    """A number of things in words."""
    return f"{count} {what}" if count == 1 else f"{count} {what}s"


def _counts(name: str, counts: Iterable[Any]) -> None:
    for count in counts:
        checks.integer(name, count)
