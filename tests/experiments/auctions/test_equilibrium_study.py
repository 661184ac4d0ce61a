"""Learned equilibria beside the closed forms, and what is certified of them."""

from dataclasses import replace

import pytest

from jaxmech.experiments.auctions.configuration import EQUILIBRIUM
from jaxmech.experiments.workspace import Workspace


def found(directory, **changes):
    return Workspace(directory, say=[].append).run(replace(EQUILIBRIUM, **changes))


def values(findings, metric):
    return {(one.cell, one.scheme): one.value for one in findings.records if one.metric == metric}


@pytest.mark.slow
def test_learned_equilibria_are_near_the_closed_forms(tmp_path):
    findings = found(tmp_path, bidders=(2,), iterations=200)
    distances = values(findings, "l2_distance")
    assert list(distances) == [
        ("first_price_2", "U[0, 1]"),
        ("all_pay_2", "U[0, 1]"),
        ("first_price_asymmetric", "U[0, 1] against U[0, 2]"),
        ("first_price_asymmetric", "U[0, 2] against U[0, 1]"),
    ]
    assert max(distances.values()) < 0.005
    assert findings.estimates["learned"].mean == max(distances.values())
    gains = values(findings, "exploitability_at_least")
    assert max(gains.values()) < 1e-3
    notes = " ".join(findings.tables[0].notes)
    assert "lower bound" in notes and "1,024 bids" in notes and "64 values" in notes
    assert [figure.name for figure in findings.figures] == [
        "first_price",
        "all_pay",
        "first_price_asymmetric",
    ]
    assert all(one.holds for one in findings.certificates.values())


@pytest.fixture(scope="module")
def unlearned(tmp_path_factory):
    """The folder and the findings of a single update."""
    directory = tmp_path_factory.mktemp("run")
    return directory, found(
        directory, rules=("first_price",), bidders=(2,), iterations=1, asymmetric=False
    )


def test_a_single_update_is_not_called_an_equilibrium(unlearned):
    _, findings = unlearned
    assert values(findings, "l2_distance")["first_price_2", "U[0, 1]"] > 0.02
    gain = values(findings, "exploitability_at_least")["first_price_2", "U[0, 1]"]
    certificate = findings.certificates["first_price_2"]
    assert certificate.value == gain > certificate.tolerance
    assert certificate.holds is False


def test_a_certificate_states_how_hard_it_was_tried(unlearned):
    statement = unlearned[1].certificates["first_price_2"].statement
    for words in ("1,024 even ones from 0 to", "at 64 values", "a finer search may find more"):
        assert words in statement


def test_the_bids_learned_are_found_again(unlearned):
    directory, findings = unlearned
    before = (directory / "kept" / "first_price_2.npz").read_bytes()
    for name in ("manifest.json", "summary.json", "kept/first_price_2_quality.npz"):
        (directory / name).unlink()
    again = found(directory, rules=("first_price",), bidders=(2,), iterations=1, asymmetric=False)
    assert again == findings
    assert (directory / "kept" / "first_price_2.npz").read_bytes() == before
