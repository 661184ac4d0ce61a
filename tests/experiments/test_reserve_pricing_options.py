"""What the study of daily reserve prices accepts and refuses, the user's own bids included."""

import importlib.util
from dataclasses import replace

import numpy as np
import pytest
from bid_files import bid_file, command

from jaxmech import cli
from jaxmech.agents import load_timber_bids
from jaxmech.experiments import (
    EXPERIMENTS,
)
from jaxmech.experiments.reserve_keywords import population_of

NAME = "tang2017/reserve_pricing"


@pytest.fixture(autouse=True)
def leave_jax_as_it_is(monkeypatch):
    monkeypatch.setattr(cli, "_set_up_jax", lambda: None)


def test_own_bids_are_learned_on_and_compared_on_apart(tmp_path):
    bids = np.random.default_rng(0).lognormal(3, 0.5, (9, 4))
    path = bid_file(tmp_path / "bids.csv", bids)
    study = replace(EXPERIMENTS[NAME], bids=str(path))
    population = population_of(study)
    assert population.env.num_bidders == 4
    parts = [
        np.asarray(params.distribution.values_and_quality.values)
        for params in (population.learning, population.comparing)
    ]
    assert [len(part) for part in parts] == [5, 4]
    together = np.concatenate(parts)
    np.testing.assert_allclose(np.sort(together[:, 0]), np.sort(bids[:, 0]), rtol=1e-6)
    for params in (population.learning, population.comparing):
        np.testing.assert_allclose(params.deployed_reserves, 0.15 * np.median(bids), rtol=1e-5)
    assert study.title == f"{NAME}: bids.csv"


def test_the_default_searches_try_every_move_of_five_bidders(tmp_path):
    path = bid_file(tmp_path / "bids.csv", np.random.default_rng(0).lognormal(0, 0.5, (4, 5)))
    study = replace(EXPERIMENTS[NAME], bids=str(path))
    assert population_of(study).env.num_bidders == 5
    few = replace(study, search=replace(study.search, simulations=10))
    with pytest.raises(ValueError, match="got 10 simulations; allowed are integers from 11, the n"):
        population_of(few)


def test_the_path_of_own_bids_is_kept_whole(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    bid_file(tmp_path / "bids.csv", [[1, 2, 3], [2, 3, 4]])
    study = replace(EXPERIMENTS[NAME], bids="bids.csv")
    assert study.resolved().bids == str(tmp_path / "bids.csv")


@pytest.mark.skipif(
    importlib.util.find_spec("simple_fpa") is None, reason="the extra data is not installed"
)
def test_timber_auctions_become_keywords(tmp_path):
    path = bid_file(tmp_path / "timber.csv", load_timber_bids(5)[:50, :, 0])
    population = population_of(replace(EXPERIMENTS[NAME], bids=str(path)))
    assert population.env.num_bidders == 5
    assert 1 <= population.comparing.distribution.highest_value <= 4


@pytest.mark.parametrize(
    ("bids", "slots", "answer"),
    [
        ([[1, 2, 3]], 3, "bids: got 1 keyword"),
        ([[1, 2], [2, 3]], 3, "slots: got 3; allowed are integers up to 2"),
        ([[1, -2], [2, 3]], 2, "values must not be negative"),
        (
            [range(1, 62)] * 2,
            2,
            "search.simulations: got 64 simulations; allowed are integers from 123, the number "
            "of moves with 61 bidders",
        ),
        (
            [range(1, 10)] * 2,
            2,
            "--ablation.depth-and-simulations: got 16 simulations; allowed are integers from 19",
        ),
    ],
)
def test_bids_that_cannot_be_used_leave_no_folder(tmp_path, capsys, bids, slots, answer):
    path = bid_file(tmp_path / "bids.csv", bids)
    made = tmp_path / "run"
    asked = ("--bids", str(path), "--slots", str(slots), "--directory", str(made))
    assert command("run", NAME, *asked) == 2
    assert answer in capsys.readouterr().err
    assert not made.exists()


@pytest.mark.parametrize(
    ("arguments", "answer"),
    [
        ("--keywords 1", "keywords: got 1; allowed are integers from 2"),
        ("--days 0", "days: got 0"),
        ("--last-days 241", "--last-days: got 241; allowed are integers up to days, 240"),
        ("--slots 4", "slots: got 4; allowed are integers up to the number of bidders, 3"),
        ("--bids nowhere.csv", "bids: got nowhere.csv; there is no such file"),
        ("--quality-column q", "--quality-column: got 'q' without bids"),
        ("--deployed-reserve 2", "--deployed-reserve: got 2.0; allowed are numbers from 0 to 1"),
        ("--kinds.inactive -1", "kinds: got (-1.0, "),
        ("--training.days 20", "training.days: got 20; allowed are integers from 52 above"),
        ("--search.gamma 1", "search.gamma: got 1.0; allowed are numbers from 0 to below 1"),
        ("--search.simulations 6", "search.simulations: got 6 simulations; allowed are integers"),
        ("--search.patience 0", "search.patience: got 0"),
        ("--search.depth 0", "search.depth: got 0"),
        ("--policies.environments 6", "policies.environments: got 6; allowed are multiples"),
        ("--ablation.keywords 1", "ablation.keywords: got 1; allowed are 0 and integers from 2"),
        ("--ablation.days 0", "ablation.days: got 0"),
        ("--ablation.depth-and-simulations 2 5", "--ablation.depth-and-simulations: got 5"),
        ("--ablation.depth-and-simulations 0 9", "--ablation.depth-and-simulations: got 0"),
        ("--ablation.models oracle", "oracle"),
        ("--training.models linear", "ablation.models: got 'persistence', which is not trained"),
    ],
)
def test_what_is_out_of_range_is_refused(arguments, answer, capsys):
    assert command("run", NAME, *arguments.split()) == 2
    shown = capsys.readouterr()
    assert answer in shown.err + shown.out


@pytest.mark.parametrize(("field", "fewer"), [("days", 60), ("keywords", 10)])
def test_fewer_days_or_keywords_need_no_other_ablation(field, fewer):
    assert getattr(replace(EXPERIMENTS[NAME], **{field: fewer}), field) == fewer
