"""Ranking of ads by bid times a power of their quality, and the folder that such a study leaves."""

import json
from dataclasses import replace

import pytest

from jaxmech.experiments import timing
from jaxmech.experiments.auctions.configuration import SQUASHING
from jaxmech.experiments.configuration_files import read_config
from jaxmech.experiments.workspace import Workspace, description_of
from jaxmech.reports import folder

QUICK = replace(SQUASHING, bidders=4, slots=2, auctions=500)


def found(directory, study):
    return Workspace(directory, say=[].append).run(study)


def numbers_of(findings):
    return {(one.cell, one.scheme, one.metric): one for one in findings.records}


@pytest.fixture(scope="module")
def rankings(tmp_path_factory):
    study = replace(SQUASHING, squash=(0.0, 1.0), auctions=20_000)
    return found(tmp_path_factory.mktemp("run"), study)


@pytest.mark.slow
def test_ranking_by_bid_against_ranking_by_revenue(rankings):
    numbers = numbers_of(rankings)
    for spearman, share in ((0.0, 1.032), (0.4, 1.184)):
        ratio = numbers[f"spearman_{spearman}", "exponent_0.0", "revenue_share"]
        assert abs(ratio.value - share) < 0.001 + 2 * ratio.half_width
        assert numbers[f"spearman_{spearman}", "exponent_0.0", "efficiency"].value < 0.97
    for spearman in SQUASHING.spearman:
        cell = f"spearman_{spearman}"
        assert numbers[cell, "exponent_1.0", "revenue_share"].value == pytest.approx(1)
        assert numbers[cell, "exponent_1.0", "efficiency"].value == pytest.approx(1)
        # Who is clicked often is ranked higher.
        assert (
            numbers[cell, "exponent_1.0", "clicks"].value
            > numbers[cell, "exponent_0.0", "clicks"].value
        )


@pytest.mark.slow
def test_the_published_gain_is_quoted_for_its_setting(rankings):
    assert "25 %" in rankings.headline
    notes = rankings.tables[0].notes
    assert "not established" in notes[-2]
    gain = numbers_of(rankings)["spearman_0.57", "exponent_0.0", "revenue_share"].value - 1
    assert f"is {100 * gain:.2f} ±" in notes[-1]


def test_the_published_gain_is_not_quoted_for_another_setting(tmp_path):
    other = replace(QUICK, squash=(0.0,), spearman=(0.4,), auctions=10)
    findings = found(tmp_path / "by_bid", other)
    assert "25" not in findings.headline + " ".join(findings.tables[0].notes[-1:])
    between = found(tmp_path / "between", replace(other, squash=(0.5,)))
    assert "not asked for" in between.headline


@pytest.fixture(scope="module")
def quick(tmp_path_factory):
    """The folder and the findings of a quick run."""
    directory = tmp_path_factory.mktemp("run")
    return directory, found(directory, QUICK)


def test_a_run_writes_its_whole_folder(quick):
    directory, findings = quick
    for name in (
        "config.yaml",
        "summary.json",
        "records.csv",
        "report.html",
        "figures/revenue.png",
        "kept/spearman_0.0.npz",
        "kept/spearman_0.57.npz",
        "manifest.json",
    ):
        assert (directory / name).stat().st_size > 0, name
    assert read_config(directory / "config.yaml") == QUICK
    summary = json.loads((directory / "summary.json").read_text())
    assert summary["study"] == "auctions/squashing"
    assert summary["seconds"] > 0 and summary["compile_seconds"] > 0
    assert summary["devices"] and summary["versions"]["jax"]
    assert len(findings.estimates) == 3 * 5
    assert len(findings.records) == 3 * 5 * 4 + 1


def test_correlations_share_a_program(quick):
    directory, _ = quick
    compiling = [one.compile_seconds for one in timing.read(directory) if one.event == "finished"]
    assert len(compiling) == 3
    assert max(compiling[1:]) < compiling[0] / 10


def test_the_page_is_made_again_from_the_folder(quick):
    directory, _ = quick
    page = directory / "report.html"
    before = page.read_text()
    page.unlink()
    folder.write_pages(directory, description_of(QUICK))
    assert page.read_text() == before
    assert before.count("<svg") == 3
    for words in ("4 bidders, 2 slots", "click_decay", "Efficiency", "±"):
        assert words in before
    # Four bidders are not what the paper describes.
    assert "Reproduces" not in before


def test_a_study_goes_on_with_the_correlations_it_kept(quick):
    directory, findings = quick
    for name in ("manifest.json", "summary.json", "kept/spearman_0.4.npz"):
        (directory / name).unlink()
    assert found(directory, QUICK) == findings
    again = [one.name for one in timing.read(directory) if one.event == "begun"]
    assert again == ["spearman_0.0", "spearman_0.4", "spearman_0.57", "spearman_0.4"]
