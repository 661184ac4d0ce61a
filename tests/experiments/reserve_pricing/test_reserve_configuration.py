"""What the study of daily reserve prices accepts and refuses, the user's own bids included."""

import subprocess
import sys
from dataclasses import asdict, replace
from typing import get_args

import numpy as np
import pytest
from bid_files import bid_file

from jaxmech.agents.keywords.daily_bidders import KINDS
from jaxmech.designers.planning import plans, tree_search
from jaxmech.designers.planning.plans import Moves
from jaxmech.experiments import configuration_files
from jaxmech.experiments.registry import study_called
from jaxmech.experiments.reserve_pricing import settings
from jaxmech.experiments.reserve_pricing.configuration import RESERVE_PRICING
from jaxmech.networks.bidder_models.models import BidderModelName


def changed(**fields):
    """The registered study with other fields, those of its parts by names with dots."""
    study = RESERVE_PRICING
    parts = {}
    for name, value in fields.items():
        part, _, field = name.rpartition("__")
        if part:
            parts.setdefault(part, {})[field] = value
        else:
            parts[name] = value
    whole = {
        name: replace(getattr(study, name), **of) if isinstance(of, dict) else of
        for name, of in parts.items()
    }
    return replace(study, **whole)


def test_it_is_registered_and_as_described_for_any_seed_and_number_of_keywords(tmp_path):
    assert study_called("tang2017/reserve_pricing") == RESERVE_PRICING
    assert changed(seed=3, keywords=10, ablation__keywords=0, exact=False).is_as_described
    assert not changed(days=60).is_as_described
    assert not changed(training__steps=100).is_as_described
    path = bid_file(tmp_path / "bids.csv", [[1, 2, 3]] * 4)
    own = changed(bids=str(path))
    assert not own.is_as_described
    assert own.title == "tang2017/reserve_pricing: bids.csv"
    assert own.files == (str(path),)


def test_configuring_does_not_import_jax_nor_does_looking_through_a_file(tmp_path):
    path = bid_file(tmp_path / "bids.csv", [[1, 2, 3]] * 4)
    program = (
        "import sys; from dataclasses import replace\n"
        "from jaxmech.experiments.registry import study_called\n"
        "study = study_called('tang2017/reserve_pricing').resolved()\n"
        f"replace(study, keywords=2, bids={str(path)!r}).resolved()\n"
        "print('jax' in sys.modules)"
    )
    shown = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert shown.stdout.strip() == "False", shown.stderr


def test_a_configuration_reads_back_the_same(tmp_path):
    study = changed(
        ablation__depth_and_simulations=((1, 16), (3, 99)),
        ablation__models=("lstm",),
        training__models=(),
        kinds__inactive=0.5,
        search__larger_factors=(),
        click_rates=(0.5, 0.25, 0.1),
    )
    path = tmp_path / "config.yaml"
    path.write_text(configuration_files.text_of(configuration_files.config_of(study)))
    assert configuration_files.read_config(path) == study


def test_names_are_those_that_the_designers_know():
    for here, there in (
        (settings.LeafValue, plans.LeafValue),
        (settings.Backup, tree_search.Backup),
    ):
        assert get_args(here) == get_args(there)
    windows = get_args(settings.WindowModelName)
    assert {*windows, "lstm"} == set(get_args(BidderModelName))
    assert tuple(asdict(RESERVE_PRICING.kinds)) == KINDS
    assert RESERVE_PRICING.search.factors == Moves(1).factors


def test_the_default_searches_try_every_move_of_five_bidders(tmp_path):
    path = bid_file(tmp_path / "bids.csv", np.random.default_rng(0).lognormal(0, 0.5, (4, 5)))
    changed(bids=str(path)).resolved()
    few = changed(bids=str(path), search__simulations=10)
    with pytest.raises(ValueError, match="got 10 simulations; allowed are integers from 11, the n"):
        few.resolved()


def test_the_path_of_own_bids_is_kept_whole(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    bid_file(tmp_path / "bids.csv", [[1, 2, 3], [2, 3, 4]] * 2)
    assert changed(bids="bids.csv").resolved().bids == str(tmp_path / "bids.csv")
    with pytest.raises(ValueError, match=r"bids: got 'nowhere.csv'; there is no such file"):
        changed(bids="nowhere.csv").resolved()


@pytest.mark.parametrize(
    ("bids", "slots", "answer"),
    [
        ([[1, 2, 3]], 3, "bids: got 1 keyword; needed are at least 4"),
        ([[1, 2, 3]] * 3, 3, "bids: got 3 keywords; needed are at least 4"),
        ([[1, 2], [2, 3]] * 2, 3, "slots: got 3; allowed are integers up to the number of bidders"),
        ([[1, -2], [2, 3]] * 2, 2, "values must not be negative"),
        ([[1, 2], [0, 0], [2, 3], [3, 4]], 2, "got no bid above 0 on keyword number 2 of 4; "),
        (
            [range(1, 62)] * 4,
            2,
            "search.simulations: got 64 simulations; allowed are integers from 123, the number "
            "of moves with 61 bidders and 2 --search.factors",
        ),
        (
            [range(1, 10)] * 4,
            2,
            "ablation.depth_and_simulations: got 16 simulations; allowed are integers from 19",
        ),
    ],
)
def test_bids_that_cannot_be_used_are_refused(tmp_path, bids, slots, answer):
    path = bid_file(tmp_path / "bids.csv", bids)
    with pytest.raises(ValueError, match=".*") as refused:
        changed(bids=str(path), slots=slots).resolved()
    assert answer in str(refused.value)


@pytest.mark.parametrize(
    ("fields", "answer"),
    [
        ({"keywords": 1}, "keywords: got 1; allowed are integers from 2"),
        ({"days": 0}, "days: got 0"),
        ({"last_days": 241}, "last_days: got 241; allowed are integers up to --days, 240"),
        ({"slots": 4}, "slots: got 4; allowed are integers up to the number of bidders, 3"),
        ({"click_rates": (1, 0.5)}, "click_rates: got 2; needed is one for each of --slots"),
        ({"click_rates": (0.5, 0.6, 0.1)}, "click_rates: got (0.5, 0.6, 0.1); allowed are numbers"),
        ({"click_rates": (1, float("nan"), 0.1)}, "click_rates: got (1, nan, 0.1); allowed are"),
        ({"click_rates": (1, 0.5, -0.1)}, "click_rates: got (1, 0.5, -0.1); allowed are numbers"),
        ({"quality_column": "q"}, "quality_column: got 'q' without --bids"),
        ({"bid_column": "offer"}, "bid_column: got 'offer' without --bids"),
        ({"relative": True}, "relative: got True without --bids"),
        ({"bids": "bids.csv", "bidders": 3}, "bidders: got 3 with --bids; allowed is nothing"),
        ({"deployed_reserve": 2.0}, "deployed_reserve: got 2.0; allowed are numbers from 0 to 1"),
        ({"kinds__inactive": -1.0}, "kinds.inactive: got -1.0; allowed are finite numbers from 0"),
        (
            dict.fromkeys((f"kinds__{kind}" for kind in KINDS), 0.0),
            "--kinds.inactive, --kinds.quantal-response, --kinds.best-response, "
            "--kinds.kpi-target: got 0 for all; some must be above 0",
        ),
        (
            {"training__days": 60, "training__held_out_days": 20},
            "training.days: got 60; allowed are integers from 72, 52 more than "
            "--training.held-out-days (20)",
        ),
        ({"search__gamma": 1.0}, "search.gamma: got 1.0; allowed are numbers from 0 to below 1"),
        ({"search__simulations": 6}, "search.simulations: got 6 simulations; allowed are integers"),
        (
            {"search__simulations": 18},
            "got 18 simulations; allowed are integers from 19, the number of moves with 3 bidders "
            "and 6 --search.larger-factors",
        ),
        (
            {"bidders": 1, "slots": 1, "search__simulations": 1},
            "got 1 simulation; allowed are integers from 3, the number of moves with 1 bidder and",
        ),
        ({"search__factors": (0.0,)}, "search.factors: got (0.0,); allowed are finite numbers abo"),
        ({"search__factors": ()}, "search.factors: got none; needed is at least one"),
        ({"search__patience": 0}, "search.patience: got 0"),
        ({"search__depth": 0}, "search.depth: got 0"),
        ({"policies__environments": 6}, "policies.environments: got 6; allowed are multiples"),
        ({"ablation__keywords": 1}, "ablation.keywords: got 1; allowed are 0 and integers from 2"),
        ({"ablation__days": 0}, "ablation.days: got 0"),
        ({"ablation__depth_and_simulations": ((2, 5),)}, "ablation.depth_and_simulations: got 5"),
        ({"ablation__depth_and_simulations": ((0, 9),)}, "ablation.depth_and_simulations: got 0"),
        ({"ablation__models": ("oracle",)}, "ablation.models: got 'oracle'; allowed are"),
        ({"training__models": ("linear",)}, "got 'persistence', which is not trained"),
    ],
)
def test_what_is_out_of_range_is_refused(fields, answer):
    with pytest.raises(ValueError, match=".*") as refused:
        changed(**fields)
    assert answer in str(refused.value)


@pytest.mark.parametrize(("field", "fewer"), [("days", 60), ("keywords", 10)])
def test_fewer_days_or_keywords_need_no_other_ablation(field, fewer):
    assert getattr(changed(**{field: fewer}), field) == fewer
