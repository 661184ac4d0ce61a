"""Runs of studies: a folder begun, gone on with, and shown again.

For a process to be alone in a folder, it claims it; see ``jaxmech.runner.files.claim``.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

from jaxmech.experiments.configuration_files import CONFIG, config_of, study_in, text_of
from jaxmech.experiments.study import Study
from jaxmech.experiments.workspace import KEPT, STAGES, Workspace, description_of
from jaxmech.reports import console, folder
from jaxmech.reports.findings import Findings
from jaxmech.runner.files import check_free, claim, write_whole

Say = Callable[[str], None]

REFUSALS = (ValueError, ModuleNotFoundError, FileNotFoundError)
"""What a study is refused by: a value that is not allowed, a package or a file not there."""


def start(study: Study, directory: str | Path, *, say: Say = console.say) -> Findings:
    """Computes a study in a new folder, or in an empty one.

    A folder in which nothing was computed yet is removed when the study is refused.

    Raises:
      FileExistsError: there is something in the folder.
      ValueError: the study cannot be computed as it is, or another process is at work there.
      ModuleNotFoundError, FileNotFoundError: a package or a file that it needs is not there.
      Stopped, TrainingDivergedError: see ``Workspace.train``.
    """
    directory, study = Path(directory), study.resolved()
    check_free(directory)
    above = [parent for parent in directory.parents if not parent.exists()]
    with claim(directory):
        try:
            say(f"{study.title}: writing {directory}")
            return Workspace(directory, say=say).run(study)
        except REFUSALS:
            if not any((directory / name).exists() for name in (KEPT, STAGES, folder.CELLS)):
                shutil.rmtree(directory)
                with suppress(OSError):  # another run has come into it
                    for parent in above:
                        parent.rmdir()
            raise


def go_on(directory: str | Path, *, updates: int | None = None, say: Say = console.say) -> Findings:
    """Goes on with the study in a folder, to its findings; a finished one is read back.

    Args:
      directory: the folder.
      updates: of training, more than the study was begun with; what was kept is then computed
        again.
      say: shows a line to a person.

    Raises:
      ValueError: there is no run in the folder, a file of it is damaged or was changed, or
        another process is at work there; names the file or the field.
      Stopped, TrainingDivergedError: see ``Workspace.train``.
    """
    directory = Path(directory)
    study = study_in(directory)
    with claim(directory):
        if updates is None:
            return Workspace(directory, say=say).run(study)
        with _put_back_if_refused(directory):
            study = _extended(study, updates, directory)
            return Workspace(directory, say=say, extend=True).run(study)


def show(directory: str | Path) -> tuple[Findings | None, Path, list[str]]:
    """Makes figures and page of a folder again, and those of its parts.

    Returns:
      the findings, None where the study is not finished; the path of the page; and a line for
      every file that is not as it was when the study finished, or of a part cannot be read.

    Raises:
      ValueError: there is no run in the folder, or a file of it is damaged; names the file.
    """
    directory = Path(directory)
    study = study_in(directory)
    finished = (directory / folder.SUMMARY).is_file()
    lines = folder.damage(directory)
    page = folder.write_pages(directory, description_of(study))
    for part in folder.parts(directory):
        try:
            show(part)
        except ValueError as error:
            lines.append(str(error))
    return folder.read(directory).findings if finished else None, page, lines


@contextmanager
def _put_back_if_refused(directory: Path) -> Iterator[None]:
    """Within its context what depends on the number of updates may be removed.

    Where the context ends by a refusal before anything was trained further, it is put back.
    """
    stages = f"{STAGES}/*/checkpoints/*"
    with TemporaryDirectory() as aside:
        for name in (folder.MANIFEST, folder.SUMMARY, CONFIG):
            if (directory / name).is_file():
                shutil.copy2(directory / name, aside)
        if (directory / KEPT).is_dir():
            shutil.copytree(directory / KEPT, Path(aside) / KEPT)
        trained = set(directory.glob(stages))
        try:
            yield
        except ValueError:
            if trained == set(directory.glob(stages)):
                shutil.rmtree(directory / KEPT, ignore_errors=True)
                shutil.copytree(aside, directory, dirs_exist_ok=True)
            raise


def _extended(study: Study, updates: int, directory: Path) -> Study:
    """The study with more updates, written down; what depends on how many is forgotten."""
    was = config_of(study).get("updates")
    if was is None:
        raise ValueError(f"updates: got {updates}; {study.name} has no updates to add to")
    if updates < was:
        raise ValueError(f"updates: got {updates}; allowed are integers from {was}, as begun with")
    if updates == was:
        return study
    whole = directory.resolve().parent.parent
    if directory.resolve().parent.name == folder.CELLS and (whole / CONFIG).is_file():
        raise ValueError(
            f"updates: got {updates}; {directory} is a part of {whole}, which needs it with {was}; "
            "start another run"
        )
    if folder.parts(directory):
        raise ValueError(
            f"updates: got {updates}; the parts of {directory} were made with {was}, and are not "
            "trained further; start another run"
        )
    study = replace(study, updates=updates).resolved()
    for name in (folder.MANIFEST, folder.SUMMARY):
        (directory / name).unlink(missing_ok=True)
    shutil.rmtree(directory / KEPT, ignore_errors=True)
    write_whole(directory / CONFIG, text_of(config_of(study)))
    return study
