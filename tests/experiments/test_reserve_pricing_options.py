"""What the study of daily reserve prices accepts and refuses, the user's own bids included."""

import importlib.util
from dataclasses import asdict, replace
from functools import partial
from typing import get_args

import jax
import numpy as np
import pytest
from bid_files import bid_file
from command_line import command

from jaxmech.agents.keywords.daily_bidders import KINDS
from jaxmech.data import load_timber_bids
from jaxmech.designers.planning import plans as reserve_planning
from jaxmech.designers.planning import tree_search
from jaxmech.designers.planning.plans import Moves
from jaxmech.experiments import EXPERIMENTS
from jaxmech.experiments.reserve_pricing import settings as reserve_pricing_settings
from jaxmech.experiments.reserve_pricing.keywords import draw_keywords, population_of
from jaxmech.networks.bidder_models.models import BidderModelName

NAME = "tang2017/reserve_pricing"

pytestmark = pytest.mark.usefixtures("leave_jax_as_it_is", "compile_quickly")


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
        np.testing.assert_allclose(params.deployed_reserves, 0.15 * np.median(parts[0]), rtol=1e-5)
        assert float(params.bins.edges[-1]) >= bids.max()
    # No more than those not learned on, which are 4.
    assert (population.keywords, population.listed) == (4, (5, 4))
    assert population_of(replace(study, keywords=3)).keywords == 3
    assert study.title == f"{NAME}: bids.csv"


def test_each_keyword_is_compared_on_once(tmp_path):
    bids = np.random.default_rng(0).lognormal(0, 0.5, (9, 2))
    path = bid_file(tmp_path / "bids.csv", bids)
    study = replace(EXPERIMENTS[NAME], bids=str(path), slots=1, days=2, last_days=1, bins=12)
    population = population_of(study)
    draw = partial(draw_keywords, population.env, population.comparing)
    keywords = jax.jit(draw, static_argnames="count")(jax.random.key(0), count=4)
    listed = population.comparing.distribution.values_and_quality.values
    np.testing.assert_array_equal(keywords.states.bidders.values, listed)
    assert len(np.unique(np.asarray(listed), axis=0)) == 4
    with pytest.raises(ValueError, match="count: got 5; allowed are integers up to 4"):
        draw(jax.random.key(0), 5)


def test_click_rates_are_the_users_own(tmp_path):
    study = replace(EXPERIMENTS[NAME], slots=2, click_rates=(0.9, 0.4))
    path = bid_file(tmp_path / "bids.csv", np.random.default_rng(0).lognormal(0, 0.5, (4, 2)))
    for bids in (None, str(path)):
        population = population_of(replace(study, bids=bids))
        for params in (population.learning, population.comparing):
            np.testing.assert_allclose(params.click_rates, [0.9, 0.4])


def test_bidders_who_do_not_bid_leave_the_deployed_reserve_alone(tmp_path):
    """Where most cells fill up keywords with bids of 0, the median bid is not 0."""
    bids = np.zeros((6, 5))
    bids[:, :2] = np.random.default_rng(0).lognormal(0, 0.5, (6, 2))
    path = bid_file(tmp_path / "bids.csv", bids)
    population = population_of(replace(EXPERIMENTS[NAME], bids=str(path)))
    learned = np.asarray(population.learning.distribution.values_and_quality.values)
    median = np.median(learned[learned > 0])
    np.testing.assert_allclose(population.comparing.deployed_reserves, 0.15 * median, rtol=1e-5)


def test_bids_are_read_by_the_names_of_their_columns_and_in_medians(tmp_path):
    bids = np.random.default_rng(0).lognormal(0, 0.5, (4, 3)) * np.array([[1], [10], [100], [1e4]])
    path = bid_file(tmp_path / "bids.csv", bids)
    lines = path.read_text().splitlines()
    path.write_text("\n".join(["phrase,firm,offer", *lines[1:]]))
    study = replace(EXPERIMENTS[NAME], bids=str(path))
    with pytest.raises(ValueError, match=r"column of .*: got 'keyword'"):
        population_of(study)
    names = {"keyword_column": "phrase", "bidder_column": "firm", "bid_column": "offer"}
    named = replace(study, **names, bins=20)
    with pytest.raises(ValueError, match="bins: got 20, too few .* allowed are more, or --rel"):
        population_of(named)
    relative = population_of(replace(named, relative=True))
    for params in (relative.learning, relative.comparing):
        values = np.asarray(params.distribution.values_and_quality.values)
        np.testing.assert_allclose(np.median(values, axis=1), 1, rtol=1e-6)


def test_names_are_those_that_the_designers_know():
    for here, there in (
        (reserve_pricing_settings.LeafValue, reserve_planning.LeafValue),
        (reserve_pricing_settings.Backup, tree_search.Backup),
    ):
        assert get_args(here) == get_args(there)
    windows = get_args(reserve_pricing_settings.WindowModelName)
    assert {*windows, "lstm"} == set(get_args(BidderModelName))
    assert tuple(asdict(EXPERIMENTS[NAME].kinds)) == KINDS
    assert EXPERIMENTS[NAME].search.factors == Moves(1).factors


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
        ([[1, 2, 3]], 3, "bids: got 1 keyword; needed are at least 4"),
        ([[1, 2, 3]] * 3, 3, "bids: got 3 keywords; needed are at least 4"),
        ([[1, 2], [2, 3]] * 2, 3, "slots: got 3; allowed are integers up to 2"),
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
        ("--last-days 241", "--last-days: got 241; allowed are integers up to --days, 240"),
        ("--slots 4", "slots: got 4; allowed are integers up to the number of bidders, 3"),
        ("--click-rates 1 .5", "--click-rates: got 2; needed is one for each of --slots"),
        ("--click-rates .5 .6 .1", "--click-rates: got (0.5, 0.6, 0.1); allowed are numbers"),
        ("--click-rates 1 nan .1", "--click-rates: got (1.0, nan, 0.1); allowed are numbers"),
        ("--click-rates 1 .5 -.1", "--click-rates: got (1.0, 0.5, -0.1); allowed are numbers"),
        ("--bids nowhere.csv", "bids: got nowhere.csv; there is no such file"),
        ("--quality-column q", "--quality-column: got 'q' without --bids"),
        ("--bid-column offer", "--bid-column: got 'offer' without --bids"),
        ("--relative", "--relative: got True without --bids"),
        ("--deployed-reserve 2", "--deployed-reserve: got 2.0; allowed are numbers from 0 to 1"),
        ("--kinds.inactive -1", "--kinds.inactive: got -1.0; allowed are finite numbers from 0"),
        (
            "--kinds.inactive 0 --kinds.quantal-response 0 --kinds.best-response 0 "
            "--kinds.kpi-target 0",
            "--kinds.inactive, --kinds.quantal-response, --kinds.best-response, "
            "--kinds.kpi-target: got 0 for all; some must be above 0",
        ),
        (
            "--training.days 60 --training.held-out-days 20",
            "--training.days: got 60; allowed are integers from 72, 52 more than "
            "--training.held-out-days (20)",
        ),
        ("--search.gamma 1", "search.gamma: got 1.0; allowed are numbers from 0 to below 1"),
        ("--search.simulations 6", "search.simulations: got 6 simulations; allowed are integers"),
        (
            "--search.simulations 18",
            "got 18 simulations; allowed are integers from 19, the number of moves with 3 bidders "
            "and 6 --search.larger-factors",
        ),
        (
            "--bidders 1 --slots 1 --search.simulations 1",
            "got 1 simulation; allowed are integers from 3, the number of moves with 1 bidder and",
        ),
        ("--search.factors 0", "--search.factors: got (0.0,); allowed are finite numbers above 0"),
        ("--search.factors", "--search.factors: got none; needed is at least one"),
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
