"""Every study of incentives that is lost in part goes on to the same bytes."""

from __future__ import annotations

import shutil

import pytest
from small_incentives import SMALLEST, computed, files_of

from jaxmech.experiments.registry import STUDIES


def test_all_studies_of_incentives_are_tried():
    named = {name for name in STUDIES if name.startswith(("mguni2018/", "incentives/"))}
    assert named == SMALLEST.keys()


@pytest.mark.slow
@pytest.mark.parametrize("name", SMALLEST)
def test_lost_in_part_and_gone_on_with(tmp_path, name):
    """A stage, and every other kept value, are gone; what is left was made by the first run."""
    computed(SMALLEST[name], tmp_path)
    whole = files_of(tmp_path)
    kept = sorted((tmp_path / "kept").iterdir(), key=lambda path: path.stat().st_mtime_ns)
    for file in ("manifest.json", "summary.json", "records.csv"):
        (tmp_path / file).unlink()
    shutil.rmtree(max((tmp_path / "stages").iterdir()))
    for path in kept[::2]:
        path.unlink()
    left = {path: path.stat().st_mtime_ns for path in kept[1::2]}
    computed(SMALLEST[name], tmp_path)
    assert files_of(tmp_path) == whole
    assert {path: path.stat().st_mtime_ns for path in left} == left
