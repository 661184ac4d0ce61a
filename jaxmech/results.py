"""The results of a run as a table, for the terminal and for the page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.table import Table

LABELS = {
    "offline_optimum": "Offline optimum (all values known)",
    "known_centre_upper_bound": "Upper bound of the optimum",
    "optimum": "Optimal sequential price mechanism",
    "purchase_history_lower_bound": "Lower bound of the optimum",
    "personalised_static_prices": "Personalised static prices",
    "anonymous_static_prices": "Anonymous static prices",
    "random_serial_dictatorship": "Random serial dictatorship",
}
"""What each baseline and oracle of ``summary.json`` is called in print, best first."""

NUMERICAL = "\N{DAGGER}"
"""Marks a value that a numerical search found."""


@dataclass(frozen=True)
class Row:
    """A line of the table: its cells, and whether it is a learned mechanism's."""

    cells: tuple[str, ...]
    learned: bool = False


def columns(summary: Mapping[str, Any]) -> tuple[str, ...]:
    """The heads of the columns."""
    return (
        "Mechanism",
        f"Simulated {summary['objective']}",
        "Exact",
        share_of(summary)[0],
    )


def rows(summary: Mapping[str, Any]) -> list[Row]:
    """The learned mechanisms, then every baseline and exact value, best first."""
    learned, best = summary["learned"], summary["learned"]["best"]
    seeds = len(learned["per_seed"])
    what = "Learned" if seeds == 1 else f"Learned, mean of {seeds} seeds"
    lines = [_row(summary, what, learned, None, learned=True)]
    if len(best["seeds"]) < seeds:
        what = f"Learned, mean of the best {len(best['seeds'])}"
        lines.append(_row(summary, what, best, None, learned=True))
    return lines + reference_rows(summary)


def reference_rows(summary: Mapping[str, Any]) -> list[Row]:
    """Every baseline and exact value, best first."""
    lines = []
    for name, label in LABELS.items():
        simulated, exact = summary["baselines"].get(name), summary["oracles"].get(name)
        if simulated is not None or exact is not None:
            numerical = name in summary.get("oracles_numerical", ())
            lines.append(_row(summary, label, simulated, exact, numerical=numerical))
    return lines


def notes(summary: Mapping[str, Any]) -> list[str]:
    """What the reader of the table must know."""
    seeds = len(summary["learned"]["per_seed"])
    held_out = summary.get("held_out_samples")
    lines = [_simulated_from(seeds, held_out)]
    best = summary["learned"]["best"]["seeds"]
    if len(best) < seeds:
        which = "samples trained on" if held_out else "episodes other than those of the table"
        lines.append(f"The best {len(best)} seeds were chosen on {which}.")
        if "ci95" not in summary["learned"]["best"]:
            lines[-1] += " They have no interval, since they were selected."
    if summary.get("oracles_numerical"):
        lines.append(
            f"{NUMERICAL} Best prices found by a numerical search (a local optimum), not exact."
        )
    by_reason: dict[str, list[str]] = {}
    for name, reason in summary.get("oracles_missing", {}).items():
        by_reason.setdefault(reason, []).append(LABELS[name])
    lines += [f"No exact value: {'; '.join(names)} ({why})." for why, names in by_reason.items()]
    return lines


def _simulated_from(seeds: int, held_out: int | None) -> str:
    """What means are taken and intervals formed over."""
    if held_out is None:
        if seeds == 1:
            return "Simulated: mean and 95 % interval over episodes."
        return (
            "Simulated: mean and 95 % interval, over seeds for learned mechanisms, "
            "over episodes for the others."
        )
    samples = f"{held_out:,} held-out sample" + ("s" if held_out > 1 else "")
    line = f"Simulated: mean over {samples}, each played equally often"
    if held_out == 1:
        return line + "; one sample gives no interval."
    line += "; 95 % interval over samples"
    if seeds > 1:
        line += ", for learned mechanisms combined in quadrature with that over seeds"
    return line + "."


def headline(summary: Mapping[str, Any]) -> str:
    """The result in a sentence."""
    learned = summary["learned"]
    words = f"Learned {summary['objective']} {interval(learned)}"
    share, reference = share_of(summary)
    if not reference:
        return words + "."
    kind = {
        "% of optimum": "the exact optimum",
        "% of upper bound": "an upper bound of the optimum",
        "% of offline optimum": "the offline optimum",
    }[share]
    return f"{words}: {100 * learned['mean'] / reference:.2f} % of {kind}, {reference:.4f}."


def rich_table(summary: Mapping[str, Any]) -> Table:
    """The table for a terminal."""
    return table(summary["experiment"], columns(summary), rows(summary), notes(summary))


def table(title: str, heads: Sequence[str], rows: Sequence[Row], notes: Sequence[str]) -> Table:
    """A table for a terminal, with its notes beneath."""
    from rich.markup import escape
    from rich.table import Table

    made = Table(title=escape(title), caption=escape("\n".join(notes)))
    for number, name in enumerate(heads):
        made.add_column(name, justify="left" if number == 0 else "right")
    for row in rows:
        made.add_row(*row.cells, style="bold" if row.learned else None)
    return made


def share_of(summary: Mapping[str, Any]) -> tuple[str, float | None]:
    """What results are a share of: the head of that column, and the number."""
    if "optimum" in summary["oracles"]:
        return "% of optimum", summary["oracles"]["optimum"]
    if "known_centre_upper_bound" in summary["oracles"]:
        return "% of upper bound", summary["oracles"]["known_centre_upper_bound"]
    if summary["objective"] == "revenue":
        return "", None
    exact = summary["oracles"].get("offline_optimum")
    simulated = summary["baselines"].get("offline_optimum")
    if exact is None and simulated is not None:
        exact = simulated["mean"]
    return "% of offline optimum", exact


def _row(
    summary: Mapping[str, Any],
    label: str,
    simulated: Mapping[str, Any] | None,
    exact: float | None,
    *,
    learned: bool = False,
    numerical: bool = False,
) -> Row:
    value = exact if exact is not None or simulated is None else simulated["mean"]
    return Row(
        (
            label,
            "" if simulated is None else interval(simulated),
            "" if exact is None else f"{exact:.4f}" + (f" {NUMERICAL}" if numerical else ""),
            "" if value is None else percentage(summary, value),
        ),
        learned,
    )


def percentage(summary: Mapping[str, Any], value: float) -> str:
    """``value`` as a share of the optimum, or of what stands for it; empty where none does."""
    _, reference = share_of(summary)
    return f"{100 * value / reference:.2f}" if reference else ""


def references(summary: Mapping[str, Any]) -> dict[str, float]:
    """The value of every baseline and oracle, exact where that is known."""
    simulated = {name: value["mean"] for name, value in summary["baselines"].items()}
    known = simulated | summary["oracles"]
    return {name: known[name] for name in LABELS if name in known}


def interval(estimate: Mapping[str, Any]) -> str:
    """The mean, and its interval where there is one."""
    if estimate.get("ci95") is None:
        return f"{estimate['mean']:.4f}"
    return f"{estimate['mean']:.4f} ± {estimate['ci95']:.4f}"
