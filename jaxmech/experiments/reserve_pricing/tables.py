"""The tables of the study of daily reserve prices, and the words in them."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product

from jaxmech.experiments.reserve_pricing.bidder_models import HORIZONS
from jaxmech.experiments.reserve_pricing.configuration import ReservePricingStudy
from jaxmech.experiments.reserve_pricing.results import Numbers
from jaxmech.experiments.reserve_pricing.schemes import DAYS_FORESEEN, LABELS, either
from jaxmech.experiments.reserve_pricing.settings import MEMORY, WINDOW
from jaxmech.intervals import PairedComparison
from jaxmech.reports.findings import Table, with_interval

_VERDICTS = {
    "more": "holds",
    "less": "does not hold: it earns less",
    "not told apart": "not told apart",
    "not known from one pair": "not known from one keyword",
}
"""Whether the first of two schemes earns at least as much."""

_MORE_OR_LESS = _VERDICTS | {"more": "more", "less": "less"}

_THAN_LSTM = _VERDICTS | {"more": "the LSTM is better", "less": "the LSTM is worse"}

_TRAINED_ONCE = (
    "Each model and each policy was trained once, so that the intervals leave out what another "
    "training would change."
)

_INTERVALS = (
    "95 % intervals over keywords (Student's t). Differences are paired: all schemes meet the "
    "same bidders and the same chance, so that these intervals, not those of the revenues, say "
    f"which scheme earns more. {_TRAINED_ONCE}"
)


def schemes_table(
    study: ReservePricingStudy,
    numbers: Numbers,
    cell: str,
    schemes: Sequence[str],
    title: str,
    further_notes: tuple[str, ...] = (),
) -> Table:
    """What each scheme earns, and its gains on the static ones."""
    means, differences = numbers.means, numbers.differences
    rows = tuple(
        (
            LABELS[name],
            with_interval(means[cell, name, "all_days.revenue"]),
            with_interval(means[cell, name, "last_days.revenue"]),
            percent(differences[cell, name, "last_days.against_deployed"]),
            percent(differences[cell, name, "last_days.against_static_initial"]),
            percent(differences[cell, name, "all_days.against_static_hindsight"]),
            percent(differences[cell, name, "last_days.against_static_hindsight"]),
            str(differences[cell, name, "last_days.against_static_hindsight"].ahead),
        )
        for name in schemes
    )
    factors = study.search.larger_factors
    larger = f", or, with larger moves, by {either(factors)}" if factors else ""
    notes = (
        "Mean revenue per auction, in the money of the values. Gains in percent of the other "
        "scheme's mean revenue. " + _INTERVALS,
        "Best static: the reserves that earn most over all the days in the simulator itself, "
        "bidders' reactions and chance known in advance, by a search along one bidder's reserve "
        f"after another on {study.reserve_levels} levels, and then near the best ones. No scheme "
        "that has to learn them knows as much. Keywords ahead: those where a scheme earns more "
        "over the last days.",
        "GREEDY and tree search multiply at most one bidder's reserve a day by "
        f"{either(study.search.factors)}{larger}. They start from the deployed "
        "reserves or, where so named, from the static best on "
        f"the {'initial bids' if study.start == 'initial' else 'bidder model'}. They plan on the "
        "learned LSTM: GREEDY what a move earns on its first day, patient GREEDY what it earns "
        f"over {study.search.patience} days if no other follows, tree search up to "
        f"{study.search.depth} moves in a row, each held for {study.search.held_days} days. The "
        f"static best on it is that of {DAYS_FORESEEN} days as it foresees them. "
        "PPO and policy gradient were trained in the simulator on other keywords; "
        "theirs is each bidder's reserve as a share of yesterday's mean bid.",
        "A reserve below the price that the next bidder sets does not bind: on such a plateau "
        "small moves change nothing, and a plan that sees no slope keeps the reserves. Compare "
        "what is earned from the deployed reserves and from the static best.",
        *further_notes,
    )
    return Table(
        title,
        (
            "Scheme",
            f"Revenue, {study.days} days",
            f"last {study.last_days}",
            "on deployed, last",
            "on static initial, last",
            f"on best static, {study.days} days",
            "on best static, last",
            "keywords ahead",
        ),
        rows,
        notes,
    )


def orderings_table(numbers: Numbers, orderings: Sequence[tuple[str, str]]) -> Table:
    """Whether schemes earn as much as they are asked to, pair by pair."""
    rows = tuple(
        (
            f"{LABELS[better]} ≥ {LABELS[worse]}",
            *(
                text
                for period in ("all_days", "last_days")
                for found in [numbers.differences["reacting", better, f"{period}.against_{worse}"]]
                for text in (difference(found), _VERDICTS[found.verdict])
            ),
        )
        for better, worse in orderings
    )
    return Table(
        "Orderings",
        ("Ordering", "All days", "", "Last days", ""),
        rows,
        ("Mean difference of revenue per auction. " + _INTERVALS,),
    )


def models_table(study: ReservePricingStudy, numbers: Numbers, models: Sequence[str]) -> Table:
    """How well the bidder models predict days they have not seen."""
    unseen = "keywords that no model was trained on"
    if study.bids is not None:
        unseen = (
            "other bidders' kinds and bids, drawn for the same listed keywords that were learned on"
        )
    cell = "bidder_models"
    rows = tuple(
        (
            name,
            with_interval(numbers.means[cell, name, "nats"]),
            with_interval(numbers.means[cell, name, "above_entropy"]),
            "" if name == "lstm" else difference(above),
            "" if name == "lstm" else _THAN_LSTM[above.verdict],
        )
        for name in models
        for above in [numbers.differences[cell, name, "above_lstm"]]
    )
    notes = (
        f"Nats per bid, on later days of {unseen}, all by as many "
        f"gradient steps. The LSTM predicts from the {MEMORY} days before, the others from the "
        f"last {WINDOW}, or {MEMORY} where so named, and all but persistence from fading "
        f"means of those before; plans are on the former. With {WINDOW} days the LSTM is the "
        f"same one, which learned to read from {WINDOW} days on. The entropy is that of the days' "
        "histograms, which no model could go below. 95 % intervals over keywords; differences are "
        f"paired. {_TRAINED_ONCE}",
        f"The reference setting reads {WINDOW} days and learns at the rate 1e-3; here it is 3e-3, "
        "and .03 for persistence.",
    )
    return Table(
        "Bidder models, held out",
        ("Bidder model", "Cross-entropy", "above the entropy", "above the LSTM", ""),
        rows,
        notes,
    )


def foresight_table(numbers: Numbers) -> Table:
    """How well the planner foresees revenue."""
    models = dict.fromkeys(scheme for cell, scheme, _ in numbers.means if cell == "foresight")
    rows = tuple(
        (
            name,
            str(days),
            *(
                with_interval(numbers.means["foresight", name, f"{days}_days_ahead.{error}"], form)
                for error, form in (("absolute_percent", ".2f"), ("bias_percent", "+.2f"))
            ),
        )
        for name, days in product(models, HORIZONS)
    )
    notes = (
        "Revenue that the planner foresees under random moves, less the expected revenue, the mean "
        "of 16 runs of the simulator; in percent of the mean expected revenue. 95 % intervals over "
        "keywords.",
    )
    return Table(
        "Foresight of the planner",
        ("Bidder model", "Days ahead", "Mean absolute error, %", "Mean error, %"),
        rows,
        notes,
    )


def ablation_table(
    study: ReservePricingStudy, numbers: Numbers, variants: Sequence[tuple[str, str]]
) -> Table:
    """What varying the tree search costs or earns."""
    search = study.search
    rows = tuple(
        (
            varied,
            value,
            with_interval(numbers.means["ablation", scheme, "revenue"]),
            difference(against),
            percent(against, interval=False),
            _MORE_OR_LESS[against.verdict],
        )
        for varied, value in variants
        for scheme in [f"{varied}: {value}"]
        for against in [numbers.differences["ablation", scheme, "against_usual"]]
    )
    notes = (
        f"Tree search from static best on {min(study.ablation.keywords, study.keywords)} keywords "
        f"for {min(study.ablation.days, study.days)} days; all of these days count. The "
        f"usual search: depth {search.depth}, {search.simulations} simulations, moves held for "
        f"{search.held_days} days, on the LSTM. On exact it plans on the environment "
        "itself, with the bidders' values and kinds, but other chance. Factors are what a move may "
        "multiply one reserve by. No search: the reserves it starts from, and those that are the "
        f"best of all {study.days} days of the study. " + _INTERVALS,
    )
    return Table(
        "Tree search, one thing varied",
        ("Varied", "to", "Revenue", "on the usual search", "", ""),
        rows,
        notes,
    )


def difference(compared: PairedComparison) -> str:
    """A mean difference with its sign."""
    return with_interval(compared.difference, "+.4f")


def percent(compared: PairedComparison, *, interval: bool = True) -> str:
    """The same in percent of what it is compared with."""
    if compared.percent is None:
        return "of 0"
    mean = f"{compared.percent.mean:+.1f} %"
    if not interval or compared.percent.half_width is None:
        return mean
    return f"{mean} ± {compared.percent.half_width:.1f}"
