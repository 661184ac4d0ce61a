"""What the study of daily reserve prices accepts, and the words in which it refuses the rest.

Nothing here imports jax.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict
from operator import attrgetter
from typing import TYPE_CHECKING, Any, get_args

from jaxmech import checks
from jaxmech.checks import InvalidValueError
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

_LOWEST = {
    "keywords": 2,
    "days": 1,
    "last_days": 1,
    "slots": 1,
    "bins": 3,
    "reserve_levels": 2,
    "seed": 0,
    "training.keywords": 2,
    "training.held_out_keywords": 2,
    "training.held_out_days": 1,
    "training.steps": 2,
    "search.depth": 1,
    "search.held_days": 1,
    "search.patience": 1,
    "search.auctions": 1,
    "policies.updates": 0,
    "policies.environments": 1,
    "policies.rollout_days": 1,
    "ablation.keywords": 0,
    "ablation.days": 1,
}
"""The lowest of the integers allowed."""

_BOUNDS: Mapping[str, Mapping[str, Any]] = {
    "deployed_reserve": {"low": 0, "high": 1},
    "inactive_activity": {"low": 0, "high": 1},
    "kinds.inactive": {"low": 0},
    "kinds.quantal_response": {"low": 0},
    "kinds.best_response": {"low": 0},
    "kinds.kpi_target": {"low": 0},
    "search.gamma": {"low": 0, "below": 1},
    "policies.gamma": {"low": 0, "high": 1},
}

_CHOICES = {
    "start": Start,
    "search.leaf_value": LeafValue,
    "search.backup": Backup,
}

_WITHOUT_BIDS = {
    **dict.fromkeys(BID_COLUMNS, "it names a column of theirs"),
    "relative": "it says what their bids are measured in",
}
"""Why a field is of no use without a file of bids."""


Refusal = tuple[bool, InvalidValueError]
"""Whether something is refused, and the error that says so."""


def check(study: ReservePricingStudy) -> None:
    """
    Raises:
      InvalidValueError: a field cannot be used; the file of bids is not looked at.
    """
    for name, low in _LOWEST.items():
        checks.integer(name, attrgetter(name)(study), low=low)
    for name, bounds in _BOUNDS.items():
        checks.number(name, attrgetter(name)(study), **bounds)
    for name, choices in _CHOICES.items():
        checks.one_of(name, attrgetter(name)(study), get_args(choices))
    for name, models in (("training.models", WindowModelName), ("ablation.models", ModelName)):
        for model in attrgetter(name)(study):
            checks.one_of(name, model, get_args(models))
    for days in study.ablation.held_days:
        checks.integer("ablation.held_days", days)
    for depth, _ in _depths_varied(study):
        checks.integer("ablation.depth_and_simulations", depth)
    checks.some("search.factors", study.search.factors)
    for name in ("search.factors", "search.larger_factors"):
        checks.numbers(name, attrgetter(name)(study), above=0)
    if study.bidders is not None:
        checks.integer("bidders", study.bidders)
    _raise_first(_together(study))


def check_bids(study: ReservePricingStudy, num_keywords: int, num_bidders: int) -> None:
    """
    Args:
      study: with a file of bids.
      num_keywords, num_bidders: of the file.

    Raises:
      InvalidValueError: too few keywords or bidders, or too many bidders for the simulations of
        a search.
    """
    few = InvalidValueError(
        "bids",
        study.bids,
        "at least 4, as half of them are compared on, and an interval needs 2",
        got=counted(num_keywords, "keyword"),
        verb="needed are",
    )
    _raise_first([(num_keywords < 4, few), *_number_of_bidders(study, num_bidders)])


def _raise_first(refusals: Iterable[Refusal]) -> None:
    for refused, error in refusals:
        if refused:
            raise error


def _together(study: ReservePricingStudy) -> list[Refusal]:
    """Fields that do not fit each other."""
    training, policies, ablation = study.training, study.policies, study.ablation
    has_bids = study.bids is not None
    needed = MEMORY + DAYS_IN_A_ROW
    trained = (*training.models, "lstm", "exact")
    kinds = asdict(study.kinds)
    rates = study.click_rates or ()
    never_rise = all(high >= low for high, low in zip((1, *rates), (*rates, 0), strict=True))
    return [
        (
            study.last_days > study.days,
            InvalidValueError("last_days", study.last_days, f"integers up to --days, {study.days}"),
        ),
        (
            not any(kinds.values()),
            InvalidValueError(
                ", ".join("--kinds." + kind.replace("_", "-") for kind in kinds),
                0,
                "some must be above 0",
                got="0 for all",
                verb="",
            ),
        ),
        (
            study.click_rates is not None and len(rates) != study.slots,
            InvalidValueError(
                "click_rates",
                rates,
                f"one for each of --slots, {study.slots}",
                got=str(len(rates)),
                verb="needed is",
            ),
        ),
        (
            study.click_rates is not None and not (never_rise and any(rates)),
            InvalidValueError(
                "click_rates", rates, "numbers from 0 to 1 that never rise, the first above 0"
            ),
        ),
        (
            training.days < training.held_out_days + needed,
            InvalidValueError(
                "training.days",
                training.days,
                f"integers from {training.held_out_days + needed}, {needed} more than "
                f"--training.held-out-days ({training.held_out_days})",
            ),
        ),
        (
            policies.environments % 4 != 0,
            InvalidValueError("policies.environments", policies.environments, "multiples of 4"),
        ),
        (
            ablation.keywords == 1,
            InvalidValueError("ablation.keywords", 1, "0 and integers from 2"),
        ),
        *(
            (
                ablation.keywords > 0 and model not in trained,
                InvalidValueError(
                    "ablation.models",
                    model,
                    f"--training.models are {training.models}",
                    got=f"{model!r}, which is not trained",
                    verb="",
                ),
            )
            for model in ablation.models
        ),
        (
            has_bids and study.bidders is not None,
            InvalidValueError(
                "bidders",
                study.bidders,
                "nothing, as they say how many",
                got=f"{study.bidders} with --bids",
                verb="allowed is",
            ),
        ),
        *(
            (
                not has_bids and getattr(study, name) != getattr(type(study), name),
                InvalidValueError(
                    name,
                    getattr(study, name),
                    why,
                    got=f"{getattr(study, name)!r} without --bids",
                    verb="",
                ),
            )
            for name, why in _WITHOUT_BIDS.items()
        ),
        # How many bidders there are, a file tells when it is read.
        *(_simulations(study, 1) if has_bids else _number_of_bidders(study, study.num_bidders)),
    ]


def _number_of_bidders(study: ReservePricingStudy, num_bidders: int) -> list[Refusal]:
    """Too few for the slots, or too many for the simulations."""
    few = InvalidValueError(
        "slots", study.slots, f"integers up to the number of bidders, {num_bidders}"
    )
    return [(study.slots > num_bidders, few), *_simulations(study, num_bidders)]


def _simulations(study: ReservePricingStudy, num_bidders: int) -> Iterator[Refusal]:
    """Searches that cannot try every move."""
    search, varied = study.search, _depths_varied(study)
    for name, count, factors in (
        ("search.simulations", search.simulations, "factors"),
        *(("ablation.depth_and_simulations", count, "factors") for _, count in varied),
        ("search.simulations", search.simulations, "larger_factors"),
    ):
        number = len(getattr(search, factors))
        moves = 1 + number * num_bidders
        yield (
            number > 0 and count < moves,
            InvalidValueError(
                name,
                count,
                f"integers from {moves}, the number of moves with "
                f"{counted(num_bidders, 'bidder')} and {number} "
                f"--search.{factors.replace('_', '-')}",
                got=counted(count, "simulation"),
            ),
        )


def _depths_varied(study: ReservePricingStudy) -> tuple[tuple[int, int], ...]:
    return study.ablation.depth_and_simulations if study.ablation.keywords else ()


def counted(count: int, what: str) -> str:
    """A number of things in words."""
    return f"{count} {what}" if count == 1 else f"{count} {what}s"
