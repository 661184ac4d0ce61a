"""The folder of a run: its files, and whether a run may begin or go on there."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from jaxmech.runner.atomic import write_whole
from jaxmech.runner.claim import LOCK

if TYPE_CHECKING:
    from jaxmech.runner.plan import Plan

CONFIG = "config.yaml"
PLAN = "plan.json"
METRICS = "metrics.csv"
TIMING = "timing.csv"
EVALUATION = "evaluation.csv"
CHECKPOINTS = "checkpoints"
UNREADABLE = "checkpoints_unreadable"


def check_free(directory: Path) -> None:
    """
    Raises:
      FileExistsError: ``directory`` is a file, or holds something other than a lock.
    """
    if directory.is_dir() and all(path.name == LOCK for path in directory.iterdir()):
        return
    if directory.exists():
        raise FileExistsError(
            f"directory: {directory} exists already and is never overwritten; "
            "resume that run, or choose another name"
        )


def config_text(config: Mapping[str, Any] | None) -> str:
    """``config`` as YAML, in its own order.

    Raises:
      ValueError: it holds something YAML has no plain form for.
    """
    try:
        return yaml.safe_dump(dict(config or {}), sort_keys=False, allow_unicode=True)
    except yaml.representer.RepresenterError as error:
        raise ValueError(
            f"config: got {error.args[-1]!r}; allowed are numbers, strings, booleans, "
            "None, lists and mappings of them"
        ) from error


def create(directory: Path, config: str) -> None:
    """Makes the folder with its ``config.yaml``."""
    directory.mkdir(parents=True, exist_ok=True)
    write_whole(directory / CONFIG, config)


def has_checkpoint(directory: Path) -> bool:
    """Whether the run in ``directory`` came as far as its first checkpoint."""
    folder = Path(directory) / CHECKPOINTS
    return folder.is_dir() and any(
        path.name.isdigit() and path.is_dir() for path in folder.iterdir()
    )


def write_plan(directory: Path, plan: Plan) -> None:
    """Keeps the plan for a run that is stopped before its first checkpoint."""
    write_whole(directory / PLAN, json.dumps(plan.as_json(), indent=1) + "\n")


def read_plan(directory: Path) -> Plan:
    """The plan of a run that was stopped before its first checkpoint.

    Raises:
      FileNotFoundError: there is no run.
      ValueError: the file is damaged.
    """
    from jaxmech.runner.plan import Plan

    path = directory / PLAN
    if not path.is_file():
        raise FileNotFoundError(
            f"directory: {directory} holds no run (neither a checkpoint nor {PLAN} in it)"
        )
    try:
        return Plan.from_json(json.loads(path.read_text()))
    except (ValueError, RecursionError) as error:
        raise ValueError(
            f"{path}: is no plan of a run ({str(error)[:200]}); remove {directory}, which has no "
            "checkpoint yet, and start the run again"
        ) from error


def remove_start(directory: Path) -> None:
    """Removes what a run that came to no checkpoint has left of logs and checkpoints."""
    for name in (METRICS, TIMING, EVALUATION, PLAN):
        (directory / name).unlink(missing_ok=True)
    for name in (CHECKPOINTS, UNREADABLE):
        folder = directory / name
        if folder.is_dir() and not folder.is_symlink():
            shutil.rmtree(folder)
        else:
            folder.unlink(missing_ok=True)
