"""The panels of the figures of Brero et al. (2021): one economy, and the mechanisms compared.

Nothing here imports jax.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal

from jaxmech.experiments.earlier_registry import SEQUENTIAL_PRICE_EXPERIMENTS
from jaxmech.experiments.sequential_price.configuration import (
    Correlated,
    FiniteSettingFile,
    NamedSetting,
    SequentialPriceExperiment,
    Statistic,
    TimberAuctions,
)
from jaxmech.naming import full_name, lookup


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


@dataclass(frozen=True)
class Protocol:
    """How much is spent on each mechanism; what is not given is the experiment's own."""

    seeds: int | None = None
    """How many times to learn, independently."""
    updates: int | None = None
    """Iterations of the learner."""
    num_environments: int | None = None
    """Episodes played side by side in one update."""
    evaluation_episodes: int | None = None
    """Fresh episodes on which each mechanism is evaluated."""
    validation_episodes: int | None = None
    """Other episodes, on which the best seeds are chosen."""

    def changed_by(self, changes: Protocol) -> Protocol:
        """This protocol, but for what ``changes`` gives."""
        return replace(self, **changes._given())

    def of(self, experiment: SequentialPriceExperiment) -> SequentialPriceExperiment:
        """The experiment at this expense."""
        given = self._given()
        if "num_environments" in given:
            environments = given.pop("num_environments")
            given["ppo"] = replace(experiment.ppo, num_environments=environments)
        return replace(experiment, **given)

    def _given(self) -> dict[str, Any]:
        return {name: value for name, value in asdict(self).items() if value is not None}


QUICK = Protocol(seeds=3, updates=85, evaluation_episodes=20_000, validation_episodes=4_000)
"""A few minutes for a panel on two cores."""

PAPER = Protocol(seeds=6)
"""As in the paper: six seeds, of which the three best are shown."""


@dataclass(frozen=True)
class Panel:
    """An economy in which mechanisms are compared.

    Attributes:
      name: after the paper's figure.
      also: another name, after the economy.
      figure: where it is in the paper.
      shows: what there is to see, in a sentence.
      experiment: the economy, and how to learn in it.
      mechanisms: names in ``MECHANISMS`` of those compared.
    """

    name: str
    also: str
    figure: str
    shows: str
    experiment: SequentialPriceExperiment
    mechanisms: tuple[str, ...] = tuple(MECHANISMS)

    def experiments(self, protocol: Protocol = QUICK) -> dict[str, SequentialPriceExperiment]:
        """The experiment that learns each mechanism, by its name."""
        return {
            name: protocol.of(_learning(MECHANISMS[name], self.experiment)).resolved()
            for name in self.mechanisms
        }


def _learning(
    mechanism: Mechanism, experiment: SequentialPriceExperiment
) -> SequentialPriceExperiment:
    ppo = replace(experiment.ppo, actor_sees=mechanism.actor_sees)
    if mechanism.actor_sees != "statistic":
        # Only the flat network can hide a part of the statistic.
        ppo = replace(ppo, architecture="flat")
    return replace(experiment, statistic=mechanism.statistic, ppo=ppo)


def _panel(
    letters: str, economy: str, shows: str, *, setting: NamedSetting | None = None, also: str = ""
) -> Panel:
    experiment = SEQUENTIAL_PRICE_EXPERIMENTS[f"brero2021/{economy}"]
    return Panel(
        name=f"brero2021/figure_{letters}",
        also=f"brero2021/{also or economy}",
        # The paper's text gives no letters for Figure 4.
        figure=f"Figure {letters[0]} ({economy if letters[0] == '4' else letters[1]})",
        shows=shows,
        experiment=replace(experiment, setting=setting) if setting else experiment,
    )


def _correlated(letters: str, delta: float, shows: str) -> Panel:
    return _panel(
        letters,
        "correlated",
        f"Values around a common centre, delta {delta:g}: {shows}",
        setting=Correlated(delta=delta),
        also=f"correlated_{delta:g}",
    )


# Of Figure 4, the letters in the names follow the order in which the paper's text tells it.
_PANELS = (
    _correlated("2a", 0.0, "values are independent, so it is enough to know who and what is left."),
    _correlated("2b", 0.25, "what agents bought begins to tell what the others will pay."),
    _correlated("2c", 0.33, "prices that agents faced tell more than what they bought."),
    _correlated("2d", 0.5, "static prices fall far behind those that follow the purchases."),
    _panel("3a", "colors", "Colors: anonymous static prices are optimal."),
    _panel("3b", "two_worlds", "Two worlds: static prices are optimal if they are personalised."),
    _panel("3c", "inventory", "Inventory: the optimum needs prices that follow the units left."),
    _panel("3d", "kitchen_sink", "Kitchen sink: the optimum needs adaptive order and prices."),
    _panel("3e", "id", "ID: who bought tells where to go next, what is left may not."),
    _panel("4a", "additive_types", "Two item types whose values add up, each of its own centre."),
    _panel("4b", "revenue", "Revenue: payments count, in the economy of Figure 2, delta 0.5."),
    _panel("4c", "max_min", "Max-min fairness: the least value counts, and the order must adapt."),
)

PANELS: dict[str, Panel] = {panel.name: panel for panel in _PANELS}


ECONOMIES: dict[str, NamedSetting] = {
    **{
        name: experiment.setting
        for name, experiment in SEQUENTIAL_PRICE_EXPERIMENTS.items()
        if not isinstance(experiment.setting, FiniteSettingFile | TimberAuctions | None)
    },
    **{
        name: panel.experiment.setting
        for panel in _PANELS
        for name in (panel.name, panel.also)
        if panel.experiment.setting is not None
    },
}
"""The settings in which mechanisms are learned, by the names of experiments and panels."""


def panels_called(names: Sequence[str]) -> tuple[Panel, ...]:
    """The panels of these names, by figure or by economy, each once; ``all`` means every one.

    Raises:
      ValueError: no name is given, or there is no panel of a name; the nearest is suggested.
    """
    if not names:
        raise ValueError(f"panel: got none; allowed are all, {', '.join(PANELS)}")
    known: Mapping[str, Sequence[Panel]] = {
        **{panel.name: (panel,) for panel in _PANELS},
        **{panel.also: (panel,) for panel in _PANELS},
        "all": _PANELS,
    }
    chosen = [panel for name in names for panel in lookup("panel", full_name(name, known), known)]
    return tuple(dict.fromkeys(chosen))
