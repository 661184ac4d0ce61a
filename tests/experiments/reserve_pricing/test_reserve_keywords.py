"""The keywords that are learned on and compared on, the user's own among them."""

from dataclasses import replace
from functools import partial

import jax
import numpy as np
import pytest
from bid_files import bid_file
from tiers import with_package

from jaxmech.data import load_timber_bids
from jaxmech.experiments.reserve_pricing.configuration import RESERVE_PRICING
from jaxmech.experiments.reserve_pricing.keywords import draw_keywords, population_of


def test_own_bids_are_learned_on_and_compared_on_apart(tmp_path):
    bids = np.random.default_rng(0).lognormal(3, 0.5, (9, 4))
    path = bid_file(tmp_path / "bids.csv", bids)
    study = replace(RESERVE_PRICING, bids=str(path))
    population = population_of(study.resolved())
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


def test_each_keyword_is_compared_on_once(tmp_path):
    bids = np.random.default_rng(0).lognormal(0, 0.5, (9, 2))
    path = bid_file(tmp_path / "bids.csv", bids)
    study = replace(RESERVE_PRICING, bids=str(path), slots=1, days=2, last_days=1, bins=12)
    population = population_of(study.resolved())
    draw = partial(draw_keywords, population.env, population.comparing)
    keywords = jax.jit(draw, static_argnames="count")(jax.random.key(0), count=4)
    listed = population.comparing.distribution.values_and_quality.values
    np.testing.assert_array_equal(keywords.states.bidders.values, listed)
    assert len(np.unique(np.asarray(listed), axis=0)) == 4
    with pytest.raises(ValueError, match="count: got 5; allowed are integers up to 4"):
        draw(jax.random.key(0), 5)


def test_click_rates_are_the_users_own(tmp_path):
    study = replace(RESERVE_PRICING, slots=2, click_rates=(0.9, 0.4))
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
    population = population_of(replace(RESERVE_PRICING, bids=str(path)))
    learned = np.asarray(population.learning.distribution.values_and_quality.values)
    median = np.median(learned[learned > 0])
    np.testing.assert_allclose(population.comparing.deployed_reserves, 0.15 * median, rtol=1e-5)


def test_bids_are_read_by_the_names_of_their_columns_and_in_medians(tmp_path):
    bids = np.random.default_rng(0).lognormal(0, 0.5, (4, 3)) * np.array([[1], [10], [100], [1e4]])
    path = bid_file(tmp_path / "bids.csv", bids)
    lines = path.read_text().splitlines()
    path.write_text("\n".join(["phrase,firm,offer", *lines[1:]]))
    study = replace(RESERVE_PRICING, bids=str(path))
    with pytest.raises(ValueError, match="got no column 'keyword'"):
        study.resolved()
    names = {"keyword_column": "phrase", "bidder_column": "firm", "bid_column": "offer"}
    named = replace(study, **names, bins=20)
    with pytest.raises(ValueError, match="bins: got 20, too few .* allowed are more, or --rel"):
        population_of(named)
    relative = population_of(replace(named, relative=True))
    for params in (relative.learning, relative.comparing):
        values = np.asarray(params.distribution.values_and_quality.values)
        np.testing.assert_allclose(np.median(values, axis=1), 1, rtol=1e-6)


@with_package("simple_fpa")
def test_timber_auctions_become_keywords(tmp_path):
    path = bid_file(tmp_path / "timber.csv", load_timber_bids(5)[:50, :, 0])
    population = population_of(replace(RESERVE_PRICING, bids=str(path)).resolved())
    assert population.env.num_bidders == 5
    assert 1 <= population.comparing.distribution.highest_value <= 4
