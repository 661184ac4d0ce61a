"""Panels: every figure of the paper, and what its mechanisms may see."""

import dataclasses

import pytest

from jaxmech.experiments import EXPERIMENTS, Correlated
from jaxmech.experiments.sequential_price.panels import (
    MECHANISMS,
    PANELS,
    PAPER,
    QUICK,
    Protocol,
    panels_called,
)


def test_every_panel_of_the_paper_is_there():
    letters = {2: "abcd", 3: "abcde", 4: "abc"}
    assert set(PANELS) == {
        f"brero2021/figure_{figure}{letter}" for figure in letters for letter in letters[figure]
    }
    deltas = [PANELS[f"brero2021/figure_2{letter}"].experiment.setting.delta for letter in "abcd"]
    assert deltas == [0, 0.25, 0.33, 0.5]
    shown = {panel.experiment.name for panel in PANELS.values()}
    published = {name for name in EXPERIMENTS if name.startswith("brero2021/")}
    assert shown == {name for name in published if "proposition" not in name}


@pytest.mark.parametrize("panel", PANELS.values(), ids=lambda panel: panel.name)
def test_mechanisms_differ_only_in_what_they_see(panel):
    experiments = panel.experiments()
    seen = {name: (one.statistic, one.ppo.actor_sees) for name, one in experiments.items()}
    assert seen == {
        "prices": ("prices", "statistic"),
        "allocation": ("allocation", "statistic"),
        "agents_items": ("agents_items", "statistic"),
        "personalised_static_prices": ("agents_items", "agents_left"),
        "anonymous_static_prices": ("agents_items", "nothing"),
    }
    for one in experiments.values():
        ppo = dataclasses.replace(
            one.ppo, actor_sees="statistic", architecture=panel.experiment.ppo.architecture
        )
        alike = dataclasses.replace(one, statistic=panel.experiment.statistic, ppo=ppo)
        assert alike == QUICK.of(panel.experiment).resolved()


def test_static_prices_can_be_learned_beside_a_symmetric_network():
    panel = PANELS["brero2021/figure_2d"]
    ppo = dataclasses.replace(panel.experiment.ppo, architecture="symmetric")
    panel = dataclasses.replace(panel, experiment=dataclasses.replace(panel.experiment, ppo=ppo))
    networks = [one.ppo.architecture for one in panel.experiments().values()]
    assert networks == ["symmetric"] * 3 + ["flat"] * 2


def test_protocols():
    panel = PANELS["brero2021/figure_2b"]
    quick, paper = panel.experiments(QUICK)["prices"], panel.experiments(PAPER)["prices"]
    assert (quick.seeds, quick.updates) == (3, 85)
    assert (paper.seeds, paper.updates) == (6, panel.experiment.updates)
    assert paper.setting == Correlated(delta=0.25)
    tiny = PAPER.changed_by(Protocol(seeds=1, num_environments=16))
    one = panel.experiments(tiny)["prices"]
    assert (one.seeds, one.ppo.num_environments) == (1, 16)
    assert one.updates == panel.experiment.updates


def test_panels_are_found_by_figure_and_by_economy():
    panels = panels_called(["brero2021/colors", "brero2021/figure_3a", "brero2021/correlated_0.5"])
    assert [panel.name for panel in panels] == ["brero2021/figure_3a", "brero2021/figure_2d"]
    assert panels_called(["all"]) == tuple(PANELS.values())
    with pytest.raises(ValueError, match="panel: got .* did you mean 'brero2021/two_worlds'"):
        panels_called(["brero2021/two_worls"])
    with pytest.raises(ValueError, match="panel: got none; allowed are all, brero2021/figure_2a"):
        panels_called([])


def test_labels_are_distinct():
    assert len({mechanism.label for mechanism in MECHANISMS.values()}) == len(MECHANISMS)
