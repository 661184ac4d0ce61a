"""A file of a folder is damaged; going on and showing find the same, or say which file it is."""

import random
import shutil
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from small_study import SMALL
from small_training import TRAINING

from jaxmech.experiments import registry, runs
from jaxmech.experiments.workspace import Workspace
from jaxmech.reports import folder
from jaxmech.reports.findings import Findings

WITH_A_CELL = replace(SMALL, parts=("one",))


@pytest.fixture(autouse=True, scope="module")
def registered():
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(registry.STUDIES, SMALL.name, "small_study:SMALL")
        patch.setitem(registry.STUDIES, TRAINING.name, "small_training:TRAINING")
        yield


@dataclass(frozen=True)
class Whole:
    """A folder before it was damaged, what it holds, and what is found in it."""

    directory: Path
    findings: Findings
    is_finished: bool


def flip(content: bytes, draw: random.Random) -> bytes:
    if not content:
        return b"x"
    place = draw.randrange(len(content))
    changed = content[place] ^ (1 << draw.randrange(8))
    return content[:place] + bytes([changed]) + content[place + 1 :]


def truncate(content: bytes, draw: random.Random) -> bytes:
    return content[: draw.randrange(len(content) or 1)]


def append(content: bytes, draw: random.Random) -> bytes:
    return content + draw.choice([b"\n", b"0", b"{}", draw.randbytes(7)])


def empty(content: bytes, draw: random.Random) -> bytes:
    return b""


def mapping(content: bytes, draw: random.Random) -> bytes:
    return b"{}"


def sequence(content: bytes, draw: random.Random) -> bytes:
    return b"[]"


def delete(content: bytes, draw: random.Random) -> None:
    return None


DAMAGES: tuple[Callable[[bytes, random.Random], bytes | None], ...] = (
    flip,
    flip,
    truncate,
    append,
    empty,
    mapping,
    sequence,
    delete,
)


@pytest.fixture(scope="module")
def folders(tmp_path_factory, registered):
    """Finished folders of two studies, and the same stopped on their way."""
    made = {}
    for study, lost in ((WITH_A_CELL, "told"), (TRAINING, "squared")):
        name = study.name.rpartition("/")[2]
        directory = tmp_path_factory.mktemp(name) / "run"
        findings = Workspace(directory, say=[].append).run(study)
        made[name, "finished"] = Whole(directory, findings, True)
        stopped = Path(shutil.copytree(directory, directory.with_name("stopped")))
        for file in ("manifest.json", "summary.json", f"kept/{lost}.npz"):
            (stopped / file).unlink()
        for checkpoints in stopped.rglob("checkpoints"):
            newest = max(checkpoints.iterdir(), key=lambda path: int(path.name))
            shutil.rmtree(newest)
        made[name, "stopped"] = Whole(stopped, findings, False)
    return made


def damaged(whole: Whole, directory: Path, draw: random.Random) -> Path:
    """A copy with one damaged file; its path."""
    shutil.copytree(whole.directory, directory)
    files = sorted(path for path in directory.rglob("*") if path.is_file())
    path = draw.choice(files)
    content = draw.choice(DAMAGES)(path.read_bytes(), draw)
    if content is None:
        path.unlink()
    else:
        path.write_bytes(content)
    return path


def answer(action: Callable[..., Any], directory: Path, **options: Any) -> Any:
    """What an action on the folder returns; None where it says which file it stops at."""
    message = ""
    try:
        return action(directory, **options)
    except ValueError as error:
        message = str(error)
    assert str(directory) in message, f"names no file: {message}"
    assert len(message) < 1000, message
    return None


def check(whole: Whole, directory: Path, draw: random.Random) -> None:
    """Damages a file of a copy, then shows it, and goes on with it in another."""
    path = damaged(whole, directory, draw)
    name = path.relative_to(directory)
    content = (whole.directory / name).read_bytes()
    is_told = (
        whole.is_finished
        and path.name != "lock"
        and (not path.exists() or path.read_bytes() != content)
    )
    copy = Path(shutil.copytree(directory, directory.parent / "copy" / "run"))

    shown = answer(runs.show, copy)
    if shown is not None:
        findings, page, lines = shown
        assert page.stat().st_size > 0
        is_there = whole.is_finished and (copy / "summary.json").exists()
        assert findings == (whole.findings if is_there else None), name
        assert not is_told or any(str(name) in line for line in lines), (name, lines)

    lines = []
    found = answer(runs.go_on, directory, say=lines.append)
    if found is not None:
        assert found == whole.findings, name
        assert not is_told or any(str(name) in line for line in lines), (name, lines)
        assert folder.is_finished(directory)
        again, page, _ = runs.show(directory)
        assert again == whole.findings
        assert whole.findings.headline in page.read_text()
        for figure in (whole.directory / "figures").iterdir():
            assert (directory / "figures" / figure.name).read_bytes() == figure.read_bytes()


@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize("state", ["finished", "stopped"])
@pytest.mark.parametrize("study", ["small", "training"])
def test_a_damaged_file_is_named_or_made_again(study, state, seed, folders, tmp_path):
    check(folders[study, state], tmp_path / "run", random.Random(seed))


@pytest.mark.slow
@pytest.mark.parametrize("state", ["finished", "stopped"])
@pytest.mark.parametrize(("study", "seeds"), [("small", 45), ("training", 30)])
def test_damaged_files_are_named_or_made_again(study, state, seeds, folders, tmp_path):
    for seed in range(100, 100 + seeds):
        check(folders[study, state], tmp_path / str(seed) / "run", random.Random(seed))
