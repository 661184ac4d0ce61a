"""A study: one question, asked by a frozen configuration that computes what it finds.

A study is a jax-free dataclass whose fields are the flags of ``jaxmech run``. It imports what
it needs when ``compute`` is called. ``compute`` is deterministic and is called again to go on
with a run that was stopped: what its workspace kept is found, not computed.
"""

from __future__ import annotations

from dataclasses import Field, dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, Protocol, Self

import tyro

from jaxmech.experiments.registry import studies, study_called

if TYPE_CHECKING:
    from jaxmech.experiments.workspace import Workspace
    from jaxmech.reports.findings import Findings

Precision = Literal["float32", "float64"]

DESCRIPTION = ("name", "summary", "reproduces")
"""Fields of every study that say what it is and decide nothing."""

FREE = ("seed", "seeds", "first_seed")
"""Fields in which a study may differ from the registered one and still be as described."""


class Study(Protocol):
    """What runs, stops, goes on and reports; ``NamedStudy`` has the usual answers."""

    __dataclass_fields__: ClassVar[dict[str, Field[Any]]]

    @property
    def name(self) -> str:
        """What the study is called; registered under this name."""

    @property
    def summary(self) -> str:
        """One line of what is computed."""

    @property
    def reproduces(self) -> str:
        """Which result it reproduces; empty where none."""

    @property
    def title(self) -> str:
        """The name, and the user's file it is about, if any."""

    @property
    def files(self) -> tuple[str, ...]:
        """Paths of the files it reads; of a resolved study absolute."""

    @property
    def precision(self) -> Precision:
        """The type of its numbers, which has to be set before JAX compiles."""

    @property
    def is_as_described(self) -> bool:
        """Whether it is what ``summary`` and ``reproduces`` speak of."""

    def resolved(self) -> Self:
        """The same study with everything filled in that was left open, paths absolute.

        Raises:
          ValueError: a field cannot be used; raised before jax is imported.
        """

    def compute(self, workspace: Workspace) -> Findings:
        """What the study finds; deterministic, and called again to go on.

        Raises:
          InvalidValueError: what was asked for cannot be computed. The command shows its message
            alone; another ValueError is a mistake in the program.
        """


@dataclass(frozen=True)
class NamedStudy:
    """The description of a study, and the usual answers; a study adds fields and ``compute``."""

    name: Annotated[str, tyro.conf.Suppress]
    """What the study is called."""
    summary: Annotated[str, tyro.conf.Suppress]
    """One line: what is computed."""
    reproduces: Annotated[str, tyro.conf.Suppress]
    """Which result it reproduces; empty where none."""

    @property
    def title(self) -> str:
        """The name, and the names of the user's files it is about."""
        names = [Path(file).name for file in self.files]
        return f"{self.name}: {', '.join(names)}" if names else self.name

    @property
    def files(self) -> tuple[str, ...]:
        """None."""
        return ()

    @property
    def precision(self) -> Precision:
        """Single precision."""
        return "float32"

    @property
    def is_as_described(self) -> bool:
        """Whether it is the registered study, seeds apart."""
        return is_as_registered(self)

    def resolved(self) -> Self:
        """The same study, of which nothing was left open."""
        return self


def is_as_registered(study: Any, *, free: tuple[str, ...] = ()) -> bool:
    """Whether ``study`` is the one registered under its name, but for seeds and ``free`` fields."""
    if study.name not in studies():
        return False
    registered = study_called(study.name)
    if type(registered) is not type(study):
        return False
    study, registered = study.resolved(), registered.resolved()
    return all(
        getattr(study, field.name) == getattr(registered, field.name)
        for field in fields(study)
        if field.name not in (*DESCRIPTION, *FREE, *free)
    )
