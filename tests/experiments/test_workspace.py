"""Runs that stop, go on, and refuse what they were not asked for."""

import json
import os
import sys
from contextlib import suppress
from dataclasses import replace
from functools import partial
from types import SimpleNamespace

import jax
import numpy as np
import pytest
import small_study
from small_study import CALLS, SMALL, Add, Multiply
from small_training import TRAINING

from jaxmech.experiments import configuration_files, kept_values, registry, runs, timing
from jaxmech.experiments.workspace import Workspace
from jaxmech.reports import folder
from jaxmech.runner.files import claim


@pytest.fixture(autouse=True)
def registered(monkeypatch):
    monkeypatch.setitem(registry.STUDIES, "small", "small_study:SMALL")
    CALLS.clear()


def workspace(directory, lines=None):
    return Workspace(directory, say=(lines if lines is not None else []).append)


def test_a_study_writes_its_whole_folder_and_is_read_back(tmp_path):
    found = workspace(tmp_path / "run").run(SMALL)
    there = {
        path.relative_to(tmp_path / "run").as_posix() for path in (tmp_path / "run").rglob("*")
    }
    assert there >= {
        "config.yaml",
        "kept/drawn.npz",
        "kept/told.npz",
        "timing.csv",
        "summary.json",
        "records.csv",
        "figures/numbers.png",
        "figures/numbers.svg",
        "report.html",
        "manifest.json",
    }
    assert found == folder.read(tmp_path / "run").findings
    lines = []
    assert workspace(tmp_path / "run", lines).run(SMALL) == found
    assert CALLS == {"draw": 1, "tell": 1}
    assert lines == [f"{tmp_path / 'run'}: already finished"]
    assert (
        (tmp_path / "run" / "records.csv").read_text().splitlines()[1].startswith("small,,,numbers")
    )


@pytest.mark.parametrize("amount", [float("inf"), float("-inf"), float("nan")])
def test_a_number_that_json_lacks_is_the_same_again(amount, tmp_path):
    study = replace(SMALL, change=Add(amount))
    first = workspace(tmp_path / "run").run(study)
    assert workspace(tmp_path / "run").run(study) == first
    assert workspace(tmp_path / "run").cell("part").run(study) == first
    # The part is finished, the whole is not.
    for file in ("manifest.json", "summary.json"):
        (tmp_path / "run" / file).unlink()
    assert workspace(tmp_path / "run").cell("part").run(study) == first
    assert workspace(tmp_path / "run").run(study) == first
    assert CALLS["tell"] == 1
    with pytest.raises(ValueError, match=rf"change\.amount: got 1\.0; .* was made with {amount}"):
        workspace(tmp_path / "run").run(replace(SMALL, change=Add(1.0)))


def test_what_is_kept_is_found_and_the_same(tmp_path):
    first = workspace(tmp_path / "run").run(SMALL)
    (tmp_path / "run" / "manifest.json").unlink()
    (tmp_path / "run" / "summary.json").unlink()
    assert workspace(tmp_path / "run").run(SMALL) == first
    # The function is traced for its shapes, and not run.
    events = [(one.event, one.name) for one in timing.read(tmp_path / "run")]
    assert events == [
        ("begun", "drawn"),
        ("finished", "drawn"),
        ("begun", "told"),
        ("finished", "told"),
    ]


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"count": 5}, "count: got 5; .* was made with 4"),
        ({"seed": 1}, "seed: got 1"),
        ({"change": Add(2.0)}, "change.name: got add"),
    ],
)
def test_another_configuration_is_refused_by_its_field(changed, words, tmp_path):
    workspace(tmp_path / "run").run(SMALL)
    before = {path: path.read_bytes() for path in (tmp_path / "run").rglob("*") if path.is_file()}
    with pytest.raises(ValueError, match=words):
        workspace(tmp_path / "run").run(replace(SMALL, **changed))
    after = {path: path.read_bytes() for path in (tmp_path / "run").rglob("*") if path.is_file()}
    assert before == after


def test_an_edited_configuration_file_is_refused(tmp_path):
    workspace(tmp_path / "run").run(SMALL)
    path = tmp_path / "run" / "config.yaml"
    path.write_text(path.read_text().replace("count: 4", "count: 6"))
    (tmp_path / "run" / "manifest.json").unlink()
    edited = configuration_files.read_config(path)
    with pytest.raises(ValueError, match=r"count: got 6; .*drawn.npz was made with 4"):
        workspace(tmp_path / "run").run(edited)


def test_a_file_that_changed_is_refused(tmp_path):
    (tmp_path / "values.csv").write_text("1,2")
    study = replace(SMALL, path=str(tmp_path / "values.csv"))
    workspace(tmp_path / "run").run(study)
    (tmp_path / "values.csv").write_text("1,3")
    with pytest.raises(ValueError, match=r"values.csv: its content is another"):
        workspace(tmp_path / "run").run(study)


def test_damaged_values_are_computed_again(tmp_path):
    first = workspace(tmp_path / "run").run(SMALL)
    (tmp_path / "run" / "manifest.json").unlink()
    path = tmp_path / "run" / "kept" / "drawn.npz"
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 255
    path.write_bytes(bytes(content))
    lines = []
    assert workspace(tmp_path / "run", lines).run(SMALL) == first
    assert any("drawn.npz: damaged" in line for line in lines)


def test_a_finished_folder_tells_what_was_changed(tmp_path):
    workspace(tmp_path / "run").run(SMALL)
    (tmp_path / "run" / "report.html").write_text("nothing")
    (tmp_path / "run" / "records.csv").unlink()
    lines = []
    workspace(tmp_path / "run", lines).run(SMALL)
    assert any("report.html: is not as it was" in line for line in lines)
    assert any("records.csv: is missing" in line for line in lines)


def test_cells_are_complete_and_find_what_their_parent_kept(tmp_path):
    study = replace(SMALL, parts=("one", "two"))
    workspace(tmp_path / "run").run(study)
    assert CALLS["tell"] == 3  # another change in each cell
    for part in ("one", "two"):
        cell = tmp_path / "run" / "cells" / part
        assert folder.is_finished(cell)
        assert not (cell / "kept" / "drawn.npz").exists()
        assert [one.name for one in timing.read(cell)] == ["told", "told"]
    listed = json.loads((tmp_path / "run" / "manifest.json").read_text())["files"]
    assert "cells/one/summary.json" in listed


def test_a_damaged_summary_of_a_part_is_made_again(tmp_path):
    study = replace(SMALL, parts=("one",))
    first = workspace(tmp_path / "run").run(study)
    summary = tmp_path / "run" / "cells" / "one" / "summary.json"
    content = summary.read_bytes()
    summary.write_bytes(content.replace(b"changed", b"touched"))
    lines = []
    assert workspace(tmp_path / "run", lines).run(study) == first
    assert any("one/summary.json: is not as it was" in line for line in lines)
    assert json.loads(summary.read_text())["headline"] == json.loads(content)["headline"]
    assert folder.damage(tmp_path / "run") == []


class Diverging(small_study.Small):
    def compute(self, workspace):
        CALLS["diverging"] += 1
        workspace.kept("drawn", small_study.draw, jax.random.key(0), 4)
        raise FloatingPointError("diverged")


class WithDiverged(small_study.Small):
    def compute(self, workspace):
        with suppress(FloatingPointError):
            workspace.cell("bad").run(Diverging(*small_study.description()))
        return workspace.cell("good").run(SMALL)


def test_a_part_that_diverged_does_not_leave_the_whole_unfinished(tmp_path):
    study, lines = WithDiverged(*small_study.description()), []
    first = workspace(tmp_path / "run").run(study)
    assert workspace(tmp_path / "run", lines).run(study) == first
    assert lines == [f"{tmp_path / 'run'}: already finished"]
    assert CALLS["diverging"] == 1
    (tmp_path / "run" / "cells" / "good" / "summary.json").unlink()
    assert workspace(tmp_path / "run").run(study) == first
    assert CALLS["diverging"] == 2


def test_a_refusal_leaves_parts_that_were_computed(tmp_path, monkeypatch):
    class Refusing(type(SMALL)):
        def compute(self, workspace):
            workspace.cell("one").run(SMALL)
            raise ValueError("amount: got 1; allowed is 2")

    study = Refusing(*small_study.description())
    with pytest.raises(ValueError, match="amount: got 1"):
        runs.start(study, tmp_path / "run", say=[].append)
    assert folder.is_finished(tmp_path / "run" / "cells" / "one")


def test_a_part_is_claimed_while_it_is_computed(tmp_path, monkeypatch):
    study, lines = replace(SMALL, parts=("one",)), []
    workspace(tmp_path / "run").run(study)
    part, summary = tmp_path / "run" / "cells" / "one", tmp_path / "run" / "summary.json"
    summary.unlink()
    with claim(part), pytest.raises(ValueError, match=f"got {part}, where another process is"):
        workspace(tmp_path / "run", lines).run(study)
    workspace(tmp_path / "run", lines).run(study)
    assert lines[-1] == f"{part}: already finished"


def test_more_updates_are_refused_of_parts_and_nothing_is_lost(tmp_path, monkeypatch):
    class Parted(type(TRAINING)):
        def compute(self, workspace):
            return workspace.cell("one").run(replace(TRAINING, updates=self.updates))

    monkeypatch.setitem(registry.STUDIES, TRAINING.name, "small_training:TRAINING")

    parted = Parted("tests/parted", "parted", "")
    monkeypatch.setitem(registry.STUDIES, parted.name, "parted:PARTED")
    monkeypatch.setitem(sys.modules, "parted", SimpleNamespace(PARTED=parted))
    runs.start(parted, tmp_path / "run", say=[].append)
    with pytest.raises(ValueError, match="updates: got 8; the parts of .* were made with 6"):
        runs.go_on(tmp_path / "run", updates=8, say=[].append)
    with pytest.raises(ValueError, match=f"updates: got 8; .*one is a part of {tmp_path / 'run'}"):
        runs.go_on(tmp_path / "run" / "cells" / "one", updates=8, say=[].append)
    assert folder.is_finished(tmp_path / "run")


@pytest.mark.parametrize(
    ("argument", "plain"), [(float("nan"), {"float": "nan"}), (1.5, 1.5), ((1, None), [1, None])]
)
def test_arguments_are_the_same_when_read_back(argument, plain):
    assert kept_values.plain(argument) == plain


def test_an_argument_without_a_name_is_refused():
    with pytest.raises(ValueError, match="argument: got a partial"):
        kept_values.plain(partial(int, 1))


def test_choices_are_written_with_their_name_and_read_back(tmp_path):
    for change in (None, Add(3.0), Multiply(0.5)):
        study = replace(SMALL, change=change)
        path = tmp_path / "config.yaml"
        path.write_text(configuration_files.text_of(configuration_files.config_of(study)))
        assert configuration_files.read_config(path) == study
    assert configuration_files.with_choice(SMALL, "change", "multiply").change == Multiply()
    with pytest.raises(ValueError, match=r"change.name: got 'multiplyy'; did you mean 'multiply'"):
        configuration_files.with_choice(SMALL, "change", "multiplyy")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("count: [", "not YAML"),
        ("3", "got int; a mapping"),
        ("name: smal", "did you mean 'small'"),
        ("name: small\ncount: 4", "change: got nothing"),
        ("a: &a [1]\nb: *a", "aliases"),
        ("name: small\ncount: x\nchange:\npath:\nparts: []\nseed: 0", "count"),
        (
            "name: small\ncount: 2.9\nchange:\npath:\nparts: []\nseed: 0",
            "got '2.9'; allowed are whole numbers @ config.count",
        ),
        (
            "name: small\ncount: 4\nchange:\npath:\nparts: []\nseed: true",
            "got 'True'; allowed are whole numbers @ config.seed",
        ),
        ("name: small\ncount: 4\nchange: 3\npath:\nparts: []\nseed: 0", "a mapping of fields"),
        (
            "name: small\ncount: 4\nchnge: 3\nchange:\npath:\nparts: []\nseed: 0",
            "did you mean 'change'",
        ),
    ],
)
def test_a_file_that_is_no_configuration_is_refused_with_its_name(content, words, tmp_path):
    path = tmp_path / "config.yaml"
    path.write_text(content)
    with pytest.raises(ValueError, match=words) as error:
        configuration_files.read_config(path)
    assert str(error.value).startswith(str(path))


def test_functions_made_at_every_call_are_refused(tmp_path):
    with pytest.raises(ValueError, match=r"got .*<lambda>; allowed are functions of a mod"):
        workspace(tmp_path).kept("anything", lambda: 0)
    begun = workspace(tmp_path / "run")
    begun.run(SMALL)
    with pytest.raises(ValueError, match=r"got .*<lambda>; allowed are functions of a mod"):
        begun.kept_on_host("anything", small_study.tell, lambda: 0)


def test_typed_keys_go_on_where_they_were(tmp_path):
    one = workspace(tmp_path / "run")
    one.run(SMALL)
    kept = one.kept("drawn", small_study.draw, jax.random.key(0), 4)
    fresh = small_study.draw(jax.random.key(0), 4)
    assert np.array_equal(jax.random.key_data(kept["key"]), jax.random.key_data(fresh["key"]))
    assert kept["key"].dtype == fresh["key"].dtype


def test_a_line_half_written_by_a_killed_process_costs_nothing(tmp_path):
    workspace(tmp_path / "run").run(SMALL)
    path = tmp_path / "run" / "timing.csv"
    with open(path, "a") as file:
        file.write("begun,kep")
    timing.note(tmp_path / "run", "begun", "kept", "drawn")
    assert [one.name for one in timing.read(tmp_path / "run")][-1] == "drawn"
    os.truncate(path, 3)
    assert timing.read(tmp_path / "run") == []
