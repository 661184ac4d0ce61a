"""Training within a study: it goes on, and is refused where it is another one."""

import shutil
from dataclasses import replace

import noisy_descent
import pytest
from small_training import TRAINING

from jaxmech import runner
from jaxmech.experiments import registry, runs, timing
from jaxmech.experiments.workspace import Stopped, TrainingRequest, Workspace
from jaxmech.reports import folder


@pytest.fixture(autouse=True)
def registered(monkeypatch):
    monkeypatch.setitem(registry.STUDIES, TRAINING.name, "small_training:TRAINING")


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    directory = tmp_path_factory.mktemp("training") / "run"
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(registry.STUDIES, TRAINING.name, "small_training:TRAINING")
        quietly(directory).run(TRAINING)
    return directory


def quietly(directory, **options):
    return Workspace(directory, say=[].append, **options)


def test_curves_are_those_of_the_evaluations(finished):
    findings = folder.read(finished).findings
    (curves,) = findings.learning_curves
    assert curves.seeds == (0, 1)
    assert curves.steps == ((20.0, 40.0, 60.0),) * 2
    assert [values[-1] for values in curves.values] == list(findings.estimates["learned"].per_seed)
    assert curves.values[0][-1] < curves.values[0][0]
    assert (finished / "figures" / "learning_distance.svg").stat().st_size > 0
    assert "learned so far" in (finished / "report.html").read_text()


@pytest.mark.parametrize("lost", [["squared"], ["descent", "squared"]])
def test_what_was_lost_is_made_again_to_the_same_findings(lost, finished, tmp_path):
    directory = tmp_path / "run"
    shutil.copytree(finished, directory)
    for name in ("manifest.json", "summary.json"):
        (directory / name).unlink()
    if "squared" in lost:
        (directory / "kept" / "squared.npz").unlink()
    if "descent" in lost:
        shutil.rmtree(directory / "stages" / "descent")
    assert quietly(directory).run(TRAINING) == folder.read(finished).findings
    again = [one.name for one in timing.read(directory) if one.event == "begun"][2:]
    assert again == lost


def test_another_rate_is_refused_by_its_name(finished, tmp_path):
    directory = tmp_path / "run"
    shutil.copytree(finished, directory)
    for name in ("manifest.json", "summary.json", "config.yaml"):
        (directory / name).unlink()
    with pytest.raises(ValueError, match=r"rate: got 0.25; .* was made with 0.125"):
        quietly(directory).run(replace(TRAINING, rate=0.25))


def test_a_refused_extension_leaves_the_folder_as_it_was(finished, tmp_path, monkeypatch):
    directory = tmp_path / "run"
    shutil.copytree(finished, directory)
    before = {
        path: path.read_bytes()
        for path in directory.rglob("*")
        if path.is_file() and path.name not in ("lock", "timing.csv")
    }

    class Changed(noisy_descent.NoisyDescent):
        """As if the program had been edited."""

        def __init__(self, **options):
            super().__init__(size=4, **options)

    monkeypatch.setattr(noisy_descent, "NoisyDescent", Changed)
    with pytest.raises(ValueError, match=r"designer: got .* \(and 3 more differ\)"):
        runs.go_on(directory, updates=8, say=[].append)
    assert {path: path.read_bytes() for path in before} == before


def test_training_says_what_it_does_to_the_workspace(tmp_path, capsys):
    said = []
    Workspace(tmp_path / "run", say=said.append).run(TRAINING)
    assert any("compiled in" in line for line in said)
    assert capsys.readouterr().out == ""


def test_more_updates_are_made_only_where_that_is_said(finished, tmp_path):
    directory = tmp_path / "run"
    shutil.copytree(finished, directory)
    with pytest.raises(ValueError, match="updates: got 8"):
        quietly(directory).run(replace(TRAINING, updates=8))
    extended = runs.go_on(directory, updates=8, say=[].append)
    assert extended.learning_curves[0].steps[0] == (20.0, 40.0, 60.0, 80.0)
    whole = quietly(tmp_path / "whole").run(replace(TRAINING, updates=8))
    assert extended == whole
    with pytest.raises(ValueError, match="updates: got 4; allowed are integers from 8"):
        runs.go_on(directory, updates=4, say=[].append)


def test_a_caller_can_train_what_a_study_asks_for(finished, tmp_path):
    asking = quietly(tmp_path / "run", raise_requests=True)
    with pytest.raises(TrainingRequest) as asked:
        asking.run(TRAINING)
    request = asked.value
    assert (request.name, request.updates, request.seeds) == ("descent", 6, (0, 1))
    assert not (tmp_path / "run" / "stages" / "descent" / "checkpoints").exists()
    request.train()
    again = quietly(tmp_path / "run", raise_requests=True)
    assert again.run(TRAINING) == folder.read(finished).findings


def test_a_signal_stops_the_study_where_it_can_go_on(finished, monkeypatch, tmp_path):
    def stopped(*arguments, **options):
        import signal

        result = real(*arguments, **options)
        return replace(result, interrupted_by=signal.SIGTERM)

    real = runner.run_or_resume
    monkeypatch.setattr("jaxmech.runner.run_or_resume", stopped, raising=False)
    with pytest.raises(Stopped, match="stopped by SIGTERM after 6 of 6 updates"):
        quietly(tmp_path / "run").run(TRAINING)
    monkeypatch.undo()
    monkeypatch.setitem(registry.STUDIES, TRAINING.name, "small_training:TRAINING")
    assert quietly(tmp_path / "run").run(TRAINING) == folder.read(finished).findings
