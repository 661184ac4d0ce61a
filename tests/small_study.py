"""A study of a moment, that counts how often it computes each of its parts."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from jaxmech.experiments.study import NamedStudy
from jaxmech.reports.findings import Curve, Estimate, Figure, Findings, Record, Table

CALLS: Counter[str] = Counter()


@dataclass(frozen=True)
class Add:
    """Adds."""

    amount: float = 1.0
    """What is added."""


@dataclass(frozen=True)
class Multiply:
    """Multiplies."""

    factor: float = 2.0
    """What is multiplied by."""


@dataclass(frozen=True)
class Small(NamedStudy):
    """Draws numbers and changes them."""

    count: int = 4
    """How many numbers."""
    change: Add | Multiply | None = None
    """What is done to them."""
    path: str | None = None
    """A file that is read."""
    parts: tuple[str, ...] = ()
    """Names of cells."""
    seed: int = 0
    """Of the draw."""

    @property
    def files(self):
        return () if self.path is None else (self.path,)

    def compute(self, workspace):
        import jax

        drawn = workspace.kept("drawn", draw, jax.random.key(self.seed), self.count)
        told = workspace.kept_on_host("told", tell, self.change)
        mean = float(drawn["values"].mean())
        for part in self.parts:
            workspace.cell(part).run(Small(*description(), count=self.count, change=Add(3.0)))
        curve = Curve("a", (0.0, 1.0), (1.0, 2.0))
        return Findings(
            headline=f"mean {mean:.4f}, {told['words']}",
            estimates={"learned": Estimate(mean)},
            tables=(Table("Numbers", ("mean",), ((f"{mean:.4f}",),)),),
            figures=(Figure("numbers", "Numbers.", "x", "y", (curve,)),),
            records=(Record("numbers", "mean", mean),),
        )


def description():
    return "small", "numbers drawn", "nothing"


def draw(key, count):
    import jax

    CALLS["draw"] += 1
    return {"values": jax.random.normal(key, (count,)), "key": jax.random.fold_in(key, 1)}


def tell(change):
    CALLS["tell"] += 1
    return {"words": f"changed by {change}", "pair": (1, 0.1), "none": None}


SMALL = Small(*description())
