"""The results of a study as a table and in a sentence: learned, simulated and exact values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from jaxmech.reports.findings import Estimate, Oracle, Table, with_interval

LABELS = {
    "offline_optimum": "Offline optimum (all values known)",
    "known_centre_upper_bound": "Upper bound of the optimum",
    "optimum": "Optimal sequential price mechanism",
    "purchase_history_lower_bound": "Lower bound of the optimum",
    "personalised_static_prices": "Personalised static prices",
    "anonymous_static_prices": "Anonymous static prices",
    "random_serial_dictatorship": "Random serial dictatorship",
}
"""What each baseline and oracle is called in print, best first."""

NUMERICAL = "\N{DAGGER}"
"""Marks a value that a numerical search found."""

_SHARES = {
    "optimum": ("% of optimum", "the exact optimum"),
    "known_centre_upper_bound": ("% of upper bound", "an upper bound of the optimum"),
    "offline_optimum": ("% of offline optimum", "the offline optimum"),
}
"""What values are shown as shares of, the first that is known: in a head, and in a sentence."""


@dataclass(frozen=True)
class Results:
    """What was learned, and what it is compared with.

    Attributes:
      title: of the table.
      objective: what was maximised.
      estimates: ``learned``, ``learned_best`` and what the baselines are worth.
      oracles: exact values, and why others are missing.
      best_seeds: those of ``learned_best``, best first.
      held_out: how many samples were held out; None where the economy is not made of samples.
    """

    title: str
    objective: str
    estimates: Mapping[str, Estimate]
    oracles: Mapping[str, Oracle]
    best_seeds: tuple[int, ...]
    held_out: int | None = None

    @property
    def known(self) -> dict[str, float]:
        """The oracles that have a value."""
        return {name: of.value for name, of in self.oracles.items() if of.value is not None}

    @property
    def values(self) -> dict[str, float]:
        """What every mechanism is worth, exact where that is known."""
        return {name: estimate.mean for name, estimate in self.estimates.items()} | self.known

    @property
    def references(self) -> dict[str, float]:
        """The value of every baseline and oracle, exact where that is known, by its label."""
        return {label: self.values[name] for name, label in LABELS.items() if name in self.values}

    @property
    def share(self) -> tuple[str, str, float | None]:
        """What results are shares of: the head of that column, its name, and the number."""
        shares = dict(_SHARES)
        if self.objective == "revenue":
            del shares["offline_optimum"]
        for name, words in shares.items():
            if name in self.values:
                return *words, self.values[name]
        return *shares.get("offline_optimum", ("", "")), None

    def percentage(self, value: float) -> str:
        """``value`` as a share of the optimum or what stands for it; empty where none does."""
        reference = self.share[2]
        return f"{100 * value / reference:.2f}" if reference else ""

    @property
    def headline(self) -> str:
        """The result in a sentence."""
        learned = self.estimates["learned"]
        words = f"Learned {self.objective} {with_interval(learned)}"
        _, name, reference = self.share
        share = self.percentage(learned.mean)
        return f"{words}: {share} % of {name}, {reference:.4f}." if share else words + "."

    @property
    def table(self) -> Table:
        """The learned mechanisms, then every baseline and exact value, best first."""
        learned, best = self.estimates["learned"], self.estimates["learned_best"]
        seeds = len(learned.per_seed)
        what = "Learned" if seeds == 1 else f"Learned, mean of {seeds} seeds"
        rows = [self._row(what, learned)]
        if len(self.best_seeds) < seeds:
            rows.append(self._row(f"Learned, mean of the best {len(self.best_seeds)}", best))
        return Table(
            title=self.title,
            columns=("Mechanism", f"Simulated {self.objective}", "Exact", self.share[0]),
            rows=(*rows, *self.reference_rows),
            notes=tuple(self.notes),
            emphasised=tuple(range(len(rows))),
        )

    @property
    def reference_rows(self) -> list[tuple[str, str, str, str]]:
        """Label, simulated value, exact value and share of every baseline and oracle."""
        return [
            self._row(label, self.estimates.get(name), self.oracles.get(name))
            for name, label in LABELS.items()
            if name in self.values
        ]

    @property
    def notes(self) -> list[str]:
        """What the reader of the table must know."""
        seeds = len(self.estimates["learned"].per_seed)
        lines = [self._simulated_from(seeds)]
        count = len(self.best_seeds)
        if count < seeds:
            which = (
                "samples trained on" if self.held_out else "episodes other than those of the table"
            )
            lines.append(
                f"The best {count} seeds were chosen on {which}. They have no interval, since they "
                "were selected."
            )
        if any(not self.oracles[name].exact for name in self.known):
            lines.append(
                f"{NUMERICAL} Best prices found by a numerical search (a local optimum), not exact."
            )
        return lines + [
            f"No exact value: {'; '.join(LABELS[name] for name in names)} ({why})."
            for why, names in by_reason(self.oracles).items()
        ]

    def _simulated_from(self, seeds: int) -> str:
        """What means are taken and intervals formed over."""
        if self.held_out is None:
            several = ", over seeds for learned mechanisms, over episodes for the others"
            return f"Simulated: mean and 95 % interval{several if seeds > 1 else ' over episodes'}."
        samples = f"{self.held_out:,} held-out sample" + ("s" if self.held_out > 1 else "")
        line = f"Simulated: mean over {samples}, each played equally often; "
        if self.held_out == 1:
            return line + "one sample gives no interval."
        quadrature = ", for learned mechanisms combined in quadrature with that over seeds"
        return f"{line}95 % interval over samples{quadrature if seeds > 1 else ''}."

    def _row(
        self, label: str, simulated: Estimate | None, oracle: Oracle | None = None
    ) -> tuple[str, str, str, str]:
        exact = None if oracle is None else oracle.value
        value = exact if exact is not None or simulated is None else simulated.mean
        mark = f" {NUMERICAL}" if oracle is not None and not oracle.exact else ""
        return (
            label,
            "" if simulated is None else with_interval(simulated),
            "" if exact is None else f"{exact:.4f}{mark}",
            "" if value is None else self.percentage(value),
        )


def by_reason(oracles: Mapping[str, Oracle]) -> dict[str, list[str]]:
    """The oracles that have no value, by the reason why."""
    found: dict[str, list[str]] = {}
    for name, oracle in oracles.items():
        if oracle.missing:
            found.setdefault(oracle.missing, []).append(name)
    return found
