"""Random keywords: their bidders, and keywords of the user's own bids."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.stats import spearmanr

from jaxmech.agents.keywords.daily_bidders import KINDS
from jaxmech.agents.keywords.distribution import keyword_distribution
from jaxmech.data import load_keywords


def draw(distribution, num_bidders, num_keywords=4000, click_rate=0.5):
    keys = jax.random.split(jax.random.key(0), num_keywords)
    return jax.vmap(lambda key: distribution.sample(key, num_bidders, jnp.asarray(click_rate)))(
        keys
    )


def test_default_bidders_are_those_fitted_to_bids_and_of_all_kinds_alike():
    bidders, bids = draw(keyword_distribution(), 3)
    assert bids.shape == (4000, 3)
    logs = np.log(bidders.values)
    np.testing.assert_allclose([logs.mean(), logs.std()], [0.35, 0.71], atol=0.02)
    np.testing.assert_allclose(bidders.quality.mean(), 2.71 / (2.71 + 25.43), atol=2e-3)
    rank_correlation = spearmanr(bidders.values.ravel(), bidders.quality.ravel())[0]
    np.testing.assert_allclose(rank_correlation, 0.4, atol=0.03)
    shares = bids / bidders.values
    assert shares.min() >= 0.5 and shares.max() <= 1
    kinds = [
        bidders.activity < 0.1,
        jnp.isfinite(bidders.precision),
        jnp.isclose(bidders.activity, 0.3) & jnp.isinf(bidders.precision),
        bidders.aims_at_kpi,
    ]
    np.testing.assert_allclose([kind.mean() for kind in kinds], 0.25, atol=0.02)
    assert (sum(kind.astype(int) for kind in kinds) == 1).all()


@pytest.mark.parametrize("kind", KINDS)
def test_weights_choose_the_kinds(kind):
    bidders, _ = draw(keyword_distribution(kinds={kind: 2.0}, inactive_activity=0), 2, 50)
    expected = {"inactive": 0.0, "kpi_target": 1.0}.get(kind, 0.3)
    np.testing.assert_allclose(bidders.activity, expected)
    assert (jnp.isfinite(bidders.precision) == (kind == "quantal_response")).all()
    assert (bidders.aims_at_kpi == (kind == "kpi_target")).all()


def test_kpi_targets_are_shares_of_the_clicks_of_the_first_slot():
    bidders, _ = draw(keyword_distribution(kinds={"kpi_target": 1.0}), 2, 200)
    share = bidders.target / (0.5 * bidders.quality)
    assert share.min() >= 0.3 - 1e-6 and share.max() <= 0.9 + 1e-6
    np.testing.assert_allclose(bidders.adjustment_rate * 0.5 * bidders.quality, 0.2, rtol=1e-5)


def test_keywords_of_a_list_keep_their_bidders_together():
    bids = np.array([[1.0, 2.0], [3.0, 5.0], [4.0, 0.0]])
    quality = np.array([[0.1, 0.2], [0.3, 0.0], [0.5, 0.6]])
    keywords = load_keywords(np.stack([bids, quality], axis=-1))
    bidders, first = draw(keyword_distribution(keywords), 2, 300)
    for row, qualities in zip(bids, quality, strict=True):
        same = np.isclose(bidders.values, row).all(axis=1)
        np.testing.assert_allclose(same.mean(), 1 / 3, atol=0.1)
        np.testing.assert_allclose(bidders.quality[same], np.tile(qualities, (same.sum(), 1)))
    assert np.isfinite(first).all()
    assert all(np.isfinite(leaf).all() for leaf in (bidders.target, bidders.adjustment_rate))
    assert keyword_distribution(keywords).highest_value == 5


def test_a_list_of_one_place_draws_that_keyword_alone():
    bids = np.array([[1.0, 2.0], [3.0, 5.0]])
    quality = np.array([[0.1, 0.2], [0.3, 0.4]])
    keywords = load_keywords(np.stack([bids, quality], axis=-1))
    assert (keywords.num_keywords, keywords.only([1]).num_keywords) == (2, 1)
    bidders, _ = draw(keyword_distribution(keywords.only([1])), 2, 20)
    np.testing.assert_allclose(bidders.values, np.tile(bids[1], (20, 1)))
    np.testing.assert_allclose(bidders.quality, np.tile(quality[1], (20, 1)))
    assert load_keywords(bids).only([0]).quality is None


def test_qualities_that_a_list_lacks_are_drawn():
    bidders, _ = draw(keyword_distribution(load_keywords([[1.0, 2.0]])), 2)
    assert (bidders.values == jnp.asarray([[1.0, 2.0]])).all()
    np.testing.assert_allclose(bidders.quality.mean(axis=0), 2.71 / 28.14, atol=3e-3)


def test_the_number_of_bidders_must_be_that_of_the_list():
    distribution = keyword_distribution(load_keywords([[1.0, 2.0]]))
    with pytest.raises(ValueError, match="num_bidders: got 3; allowed is 2"):
        distribution.sample(jax.random.key(0), 3, jnp.ones(()))


def test_kinds_are_named_with_their_weights():
    with pytest.raises(ValueError, match=r"kinds: got \['inactive'\]; needed are weights"):
        keyword_distribution(kinds=["inactive"])


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_a_file_of_bids_is_read_by_the_names_of_its_columns(tmp_path, suffix):
    pandas = pytest.importorskip("pandas")
    rows = {"phrase": ["a", "b", "a", "b"], "firm": [1, 1, 2, 2], "offer": [1.0, 3.0, 2.0, 4.0],
            "score": [0.1, 0.3, 0.2, 0.4]}  # fmt: skip
    path = tmp_path / f"bids{suffix}"
    table = pandas.DataFrame(rows)
    (table.to_csv if suffix == ".csv" else table.to_parquet)(path, index=False)
    names = {"keyword_column": "phrase", "bidder_column": "firm", "bid_column": "offer"}
    keywords = load_keywords(path, **names, quality_column="score")
    np.testing.assert_allclose(keywords.values, [[1, 2], [3, 4]])
    np.testing.assert_allclose(keywords.quality, [[0.1, 0.2], [0.3, 0.4]])
    assert load_keywords(path, **names).quality is None
    with pytest.raises(ValueError, match="got no column 'firms'; did you mean 'firm'"):
        load_keywords(path, **{**names, "bidder_column": "firms"})


def test_bidders_are_numbered_within_keywords_whatever_their_names(tmp_path):
    path = tmp_path / "bids.csv"
    path.write_text("keyword,bidder,bid\na,ann,1\nb,cat,3\nb,ann,4\na,bob,2\n")
    np.testing.assert_allclose(load_keywords(path).values, [[1, 2], [3, 4]])


def test_relative_bids_are_in_medians_of_their_keyword():
    bids = [[100.0, 300.0, 200.0, 0.0], [0.3, 0.1, 0.2, 0.1]]
    keywords = load_keywords(bids, relative=True)
    expected = [[0.5, 1.5, 1, 0], [2, 2 / 3, 4 / 3, 2 / 3]]
    np.testing.assert_allclose(keywords.values, expected, rtol=1e-6)
    np.testing.assert_allclose(load_keywords(bids).values, bids, rtol=1e-6)
    # What the money is called makes no difference.
    of_cents = load_keywords(np.array(bids) * 100, relative=True)
    np.testing.assert_allclose(of_cents.values, expected, rtol=1e-6)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("keyword,bidder,bid\n", "no bids, only a header"),
        ("", "first line is empty"),
        ("keyword,bidder\na,1\n", "got no column 'bid'.*ts columns are bidder, keyword"),
        ("keyword,bid\na,1\n", "got no column 'bidder'"),
        ("keyword,bidder,bid\na,1,-2\n", "row 1 .*column 'bid'.*negative"),
        ("keyword,bidder,bid\na,1,nan\n", "NaN"),
        (
            "keyword,bidder,bid\na,1,2\na,2,1\nb,1,2\n",
            "2 bidders on keyword 'a' and 1 on keyword 'b'",
        ),
        ("keyword,bidder,bid\na,1,2\na,1,1\n", "row 2 .*the same as row 1 .*has one row"),
        ("keyword,bidder,bid\na,,2\n", "row 1 .*column 'bidder': the cell is empty"),
        (
            "keyword,bidder,bid\na,1,0\na,2,2\nb,1,0\nb,2,0\nc,1,0\nc,2,0\n",
            r"bids.csv: got no bid above 0 on keyword number 2 of 3, and on 1 more; needed is one",
        ),
    ],
)
def test_a_file_with_a_mistake_is_refused(tmp_path, content, message):
    path = tmp_path / "bids.csv"
    path.write_text(content)
    with pytest.raises(ValueError, match=message):
        load_keywords(path)


def test_an_array_with_a_mistake_is_refused(tmp_path):
    place = "keyword 0, bidder 0"
    with pytest.raises(ValueError, match=rf"{place}, quality: got 1.5; allowed are .* 0 to 1"):
        load_keywords([[[1.0, 1.5]]])
    for bid in (-1.0, float("nan"), float("inf")):
        with pytest.raises(ValueError, match=f"{place}, bid: got {bid}; allowed are finite"):
            load_keywords([[bid]])
    for array in ([[[1.0, 0.5, 2.0]]], [1.0], np.zeros((0, 2)), 3.0):
        with pytest.raises(ValueError, match=r"source: got shape .*\[keywords, bidders\] of bids"):
            load_keywords(array)
    with pytest.raises(ValueError, match="source: got no bid above 0 on keyword number 1 of 1; n"):
        load_keywords([[0.0, 0.0]])
    with pytest.raises(ValueError, match="as many bidders on each keyword"):
        load_keywords([[1.0, 2.0], [1.0]])
    with pytest.raises(ValueError, match=r"type of file: got '.xlsx'"):
        load_keywords(tmp_path / "bids.xlsx")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"kinds": {"best_respons": 1.0}}, "kind of bidder: got 'best_respons'; did you mean"),
        ({"kinds": {"inactive": -1.0}}, r"kinds\['inactive'\]: got -1.0"),
        ({"kinds": {}}, "kinds: got {}; some weight must be above 0"),
        ({"kinds": {"inactive": 0.0}}, "some weight must be above 0"),
        ({"inactive_activity": 1.5}, "inactive_activity: got 1.5; allowed are numbers from 0 to 1"),
        ({"response_activity": float("nan")}, "response_activity: got nan"),
        ({"precision": 0.0}, "precision: got 0.0"),
        ({"adjustment_rate": -0.1}, "adjustment_rate: got -0.1"),
        ({"scatter": float("inf")}, "scatter: got inf"),
        ({"target_range": (0.9, 0.3)}, "target_range: got"),
        ({"shading_range": (0.5, 1.2)}, "shading_range: got"),
    ],
)
def test_distribution_refuses(options, message):
    with pytest.raises(ValueError, match=message):
        keyword_distribution(**options)
