"""The panels of the figures of Brero et al. (2021): one economy, and the mechanisms compared.

Each mechanism is learned by a study of its own, in a cell. Nothing here imports jax before a
panel is computed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self

import tyro

from jaxmech import checks
from jaxmech.checks import InvalidValueError
from jaxmech.experiments.registry import study_called
from jaxmech.experiments.sequential_price.settings import NamedSetting
from jaxmech.experiments.sequential_price.study import SequentialPriceStudy, Statistic
from jaxmech.experiments.study import NamedStudy, is_as_registered
from jaxmech.naming import lookup

if TYPE_CHECKING:
    from jaxmech.experiments.workspace import Workspace
    from jaxmech.reports.findings import Findings


@dataclass(frozen=True)
class Mechanism:
    """A way to learn.

    Attributes:
      label: what it is called in print.
      statistic: what is known of the history.
      actor_sees: what of it prices and order can depend on.
    """

    label: str
    statistic: Statistic
    actor_sees: Literal["statistic", "agents_left", "nothing"] = "statistic"

    def learning(self, study: SequentialPriceStudy) -> SequentialPriceStudy:
        """The study that learns so in the economy of ``study``."""
        ppo = replace(study.ppo, actor_sees=self.actor_sees)
        if self.actor_sees != "statistic":
            # Only the flat network can hide a part of the statistic.
            ppo = replace(ppo, architecture="flat")
        return replace(study, statistic=self.statistic, ppo=ppo)


MECHANISMS: dict[str, Mechanism] = {
    "prices": Mechanism("Learned, sees allocation and prices", "prices"),
    "allocation": Mechanism("Learned, sees the allocation", "allocation"),
    "agents_items": Mechanism("Learned, sees agents and items left", "agents_items"),
    "personalised_static_prices": Mechanism(
        "Learned, personalised static prices", "agents_items", "agents_left"
    ),
    "anonymous_static_prices": Mechanism(
        "Learned, anonymous static prices", "agents_items", "nothing"
    ),
}
"""What each panel compares, from the most to the least informed."""

QUICK: Mapping[str, int] = {
    "seeds": 3, "updates": 85, "evaluation_episodes": 20_000, "validation_episodes": 4_000,
}  # fmt: skip
"""A few minutes for a panel on two cores."""

PAPER: Mapping[str, int] = {"seeds": 6}
"""As in the paper: six seeds, of which the three best are shown."""


@dataclass(frozen=True)
class Expense(NamedStudy):
    """How much is spent on each mechanism, and which are compared."""

    paper: bool = False
    """Follow the paper's protocol: 6 seeds, all updates, the best 3 shown. By default 3 seeds and
    85 updates, a few minutes a panel on two cores."""
    seeds: int | None = None
    """How many times to learn, independently."""
    updates: int | None = None
    """Iterations of the learner; by the paper's protocol those of the economy's own study."""
    num_environments: int | None = None
    """Episodes played side by side in one update; those of the economy's own study where not
    given."""
    evaluation_episodes: int | None = None
    """Fresh episodes on which each mechanism is evaluated."""
    validation_episodes: int | None = None
    """Other episodes, on which the best seeds are chosen."""
    mechanisms: tuple[str, ...] = tuple(MECHANISMS)
    """What is learned: prices sees who bought what at which prices, allocation who bought what,
    agents_items who and what is left; the prices of the others do not follow the history."""

    def __post_init__(self) -> None:
        for name in _SIZES:
            if getattr(self, name) is not None:
                checks.integer(name, getattr(self, name))
        checks.some("mechanisms", self.mechanisms)
        for name in self.mechanisms:
            lookup("mechanisms", name, MECHANISMS)

    @property
    def is_as_described(self) -> bool:
        """Whether the registered mechanisms are compared, at whatever expense."""
        return is_as_registered(self, free=("paper", *_SIZES))


_SIZES = ("seeds", "updates", "num_environments", "evaluation_episodes", "validation_episodes")


@dataclass(frozen=True)
class Panel(Expense):
    """Learn all mechanisms in the economy of a panel, and compare them."""

    figure: Annotated[str, tyro.conf.Suppress] = ""
    """Where it is in the paper."""
    economy: Annotated[str, tyro.conf.Suppress] = ""
    """The study whose economy it is."""
    setting: Annotated[NamedSetting | None, tyro.conf.Suppress] = None
    """In place of that study's."""

    @property
    def study(self) -> SequentialPriceStudy:
        """The study whose economy it is, at this expense.

        Raises:
          ValueError: there is none of that name.
        """
        own = study_called(self.economy)
        if not isinstance(own, SequentialPriceStudy):
            raise InvalidValueError("economy", self.economy, "studies of a sequential price")
        if self.setting is not None:
            own = replace(own, setting=self.setting)
        given: dict[str, Any] = {name: getattr(self, name) for name in _SIZES}
        sizes: dict[str, Any] = {**(PAPER if self.paper else QUICK)}
        sizes |= {name: value for name, value in given.items() if value is not None}
        if "num_environments" in sizes:
            count = sizes.pop("num_environments")
            own = replace(own, ppo=replace(own.ppo, num_environments=count))
        return replace(own, **sizes)

    def studies(self) -> dict[str, SequentialPriceStudy]:
        """The study that learns each mechanism, by its name."""
        study = self.study
        return {name: MECHANISMS[name].learning(study).resolved() for name in self.mechanisms}

    def resolved(self) -> Self:
        """The same panel with every size filled in."""
        study = self.study
        sizes = {name: getattr(study, name) for name in _SIZES if name != "num_environments"}
        return replace(self, num_environments=study.ppo.num_environments, **sizes)

    def compute(self, workspace: Workspace) -> Findings:
        """Each mechanism learned in a cell, and all of them compared."""
        from jaxmech.experiments.sequential_price.comparison import compared

        return compared(self, workspace)


@dataclass(frozen=True)
class Figures(Expense):
    """Learn and compare the mechanisms of every panel of the paper's figures."""

    def panels(self) -> dict[str, Panel]:
        """The panels, at this expense, by the names of their cells."""
        from jaxmech.experiments.sequential_price.named import PANELS

        given = {name: getattr(self, name) for name in ("paper", *_SIZES, "mechanisms")}
        return {
            panel.name.rpartition("/")[2]: replace(panel, **given).resolved() for panel in PANELS
        }

    def compute(self, workspace: Workspace) -> Findings:
        """Each panel in a cell, and their tables one after another."""
        from jaxmech.experiments.sequential_price.comparison import all_compared

        return all_compared(self, workspace)
