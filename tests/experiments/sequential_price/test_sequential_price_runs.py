"""Studies of sequential prices, run whole: stopped, gone on with, and compared in panels."""

import csv
import dataclasses
import json
import os
import re
import signal

import numpy as np
import pytest

from jaxmech.agents.settings.named import TwoWorlds
from jaxmech.experiments import timing
from jaxmech.experiments.registry import study_called
from jaxmech.experiments.workspace import Stopped, Workspace
from jaxmech.reports import folder

pytestmark = pytest.mark.slow


def tiny(**fields):
    study = study_called("brero2021/two_worlds")
    ppo = dataclasses.replace(
        study.ppo, num_environments=16, hidden=(8,), architecture="flat", **fields.pop("ppo", {})
    )
    return dataclasses.replace(
        study,
        setting=TwoWorlds(num_agents=3),
        seeds=2,
        updates=3,
        evaluation_episodes=1000,
        validation_episodes=1000,
        ppo=ppo,
        **fields,
    )


def without_times(directory):
    summary = json.loads((directory / "summary.json").read_text())
    return {name: of for name, of in summary.items() if "seconds" not in name}


def stopping_at(update, monkeypatch):
    """The process gets a signal once that many updates are made."""
    from jaxmech.runner.progress import ConsoleProgress

    advance = ConsoleProgress.advance

    def stop(self, done, *rest):
        advance(self, done, *rest)
        if done >= update:
            os.kill(os.getpid(), signal.SIGTERM)

    monkeypatch.setattr(ConsoleProgress, "advance", stop)


@pytest.fixture(scope="module")
def straight(tmp_path_factory):
    directory = tmp_path_factory.mktemp("straight") / "run"
    Workspace(directory, say=lambda _: None).run(tiny())
    return directory


def test_a_run_has_everything_and_its_page_links_nowhere(straight):
    found = folder.read(straight).findings
    learned = found.estimates["learned"]
    assert len(learned.per_seed) == 2 and learned.mean == pytest.approx(np.mean(learned.per_seed))
    assert found.oracles["optimum"].value == pytest.approx(
        max(one.value for name, one in found.oracles.items() if name != "offline_optimum")
    )
    assert all(one.holds for one in found.certificates.values())
    curves = found.learning_curves[0]
    assert curves.seeds == (0, 1) and [len(of) for of in curves.values] == [3, 3]
    with open(straight / "stages" / "learned" / "metrics.csv") as file:
        lines = list(csv.DictReader(file))
    taken = sum(float(line["environment_steps"]) for line in lines if line["seed"] == "1")
    assert curves.steps[1][-1] == taken
    page = (straight / "report.html").read_text()
    for words in (
        "brero2021/two_worlds",
        f"{learned.mean:.4f} ± {learned.half_width:.4f}",
        "The learned mechanism",
        "Mean price by visit and units left",
        "ppo.learning_rate",
        "Certificates",
    ):
        assert words in page, words
    assert "Reproduces" not in page  # of ten agents
    assert not re.findall(r'(?:src|href)="(?!#)', page.replace('xlink:href="#', 'href="#'))
    assert "<script" not in page and "@import" not in page


def test_a_stopped_run_goes_on_to_the_same_findings(straight, tmp_path, monkeypatch):
    with monkeypatch.context() as patch:
        stopping_at(1, patch)
        with pytest.raises(Stopped):
            Workspace(tmp_path / "run", say=lambda _: None).run(tiny())
    begun = [one.name for one in timing.read(tmp_path / "run") if one.event == "begun"]
    Workspace(tmp_path / "run", say=lambda _: None).run(tiny())
    assert without_times(tmp_path / "run") == without_times(straight)
    # Nothing that was finished is computed again.
    again = [one.name for one in timing.read(tmp_path / "run") if one.event == "begun"]
    assert set(again[len(begun) :]) & set(begun) == {"learned"}


def test_a_policy_with_a_memory_is_resumed_and_evaluated(tmp_path, monkeypatch):
    study = tiny(statistic="last_visit", ppo={"memory_width": 4})
    study = dataclasses.replace(study, ppo=dataclasses.replace(study.ppo, architecture="recurrent"))
    straight = Workspace(tmp_path / "straight", say=lambda _: None).run(study)
    with monkeypatch.context() as patch:
        stopping_at(1, patch)
        with pytest.raises(Stopped):
            Workspace(tmp_path / "parts", say=lambda _: None).run(study)
    assert Workspace(tmp_path / "parts", say=lambda _: None).run(study) == straight
    # The first agent to buy, if any, has at least the least value and at most the highest.
    assert all(0 < mean < 1 for mean in straight.estimates["learned"].per_seed)


def test_a_panel_keeps_once_what_its_mechanisms_share(tmp_path):
    panel = dataclasses.replace(
        study_called("brero2021/figure_3d"),
        mechanisms=("agents_items", "anonymous_static_prices"),
        seeds=2,
        updates=2,
        num_environments=16,
        evaluation_episodes=400,
        validation_episodes=400,
    )
    lines = []
    found = Workspace(tmp_path / "panel", say=lines.append).run(panel)
    assert found.oracles["optimum"].value == pytest.approx(1.3096)
    shared = {path.name for path in (tmp_path / "panel" / "kept").iterdir()}
    assert shared >= {"exact_optimum.npz", "random_serial_dictatorship.npz"}
    for name in panel.mechanisms:
        cell = tmp_path / "panel" / "cells" / name
        assert folder.is_finished(cell)
        own = folder.read(cell).findings
        assert found.estimates[f"learned_{name}"] == own.estimates["learned"]
        assert own.oracles == found.oracles
        assert not shared & {path.name for path in (cell / "kept").iterdir()}
    # Asked for again, nothing is computed.
    begun = len(timing.read(tmp_path / "panel"))
    assert Workspace(tmp_path / "panel", say=lines.append).run(panel) == found
    assert len(timing.read(tmp_path / "panel")) == begun
    with pytest.raises(ValueError, match=r"updates: got 3; .* was made with 2"):
        Workspace(tmp_path / "panel").run(dataclasses.replace(panel, updates=3))
