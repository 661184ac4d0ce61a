"""The user's logs: what a small file becomes, and what a mistake in one is told."""

from __future__ import annotations

import jax
import numpy as np
import pytest

from jaxmech.agents.keywords.bid_history import BidBins
from jaxmech.data.bid_log_writer import AUCTIONS_COLUMN, write_bid_logs
from jaxmech.data.bid_logs import COLUMNS, load_bid_logs, split_logs
from jaxmech.networks.bidder_models.features import see_days

BINS = BidBins.log_spaced(0.5, 8.0, 5)  # Bins of positive bids begin at .5, 1, 2 and 4.
HEADER = ",".join(COLUMNS)
ROWS = [
    # keyword, day, bidder, bid, reserve, impressions, clicks, cost, quality
    "shoes,3,ann,1.5,0.4,1,0.2,0.3,0.1",
    "shoes,3,ann,3,0.6,0,0,0,0.3",
    "shoes,3,bob,0,0.5,0,0,0,0.2",
    "shoes,4,bob,5,0.7,1,0.5,1,0.2",
    "hats,3,cat,0.6,0.2,1,1,0.5,0.4",
    "hats,4,cat,0.7,0.2,1,1,0.5,0.4",
]


def write(tmp_path, rows=ROWS, header=HEADER):
    path = tmp_path / "bids.csv"
    path.write_text("\n".join([header, *rows]) + "\n")
    return path


def check(logs):
    assert (logs.num_keywords, logs.num_days) == (2, 2)
    histograms = np.zeros((2, 2, 2, 5))
    histograms[0, 0, 0, [2, 3]] = 0.5  # ann on the first day
    histograms[0, 1, 0, 0] = 1  # ann without a row
    histograms[0, 0, 1, 0] = 1  # bob, who bid 0
    histograms[0, 1, 1, 4] = 1
    histograms[1, :, 0, 1] = 1
    histograms[1, :, 1, 0] = 1  # no second bidder on hats
    np.testing.assert_allclose(logs.days.histograms, histograms, rtol=1e-6)
    np.testing.assert_allclose(
        logs.days.reserves, [[[0.5, 0.5], [0.5, 0.7]], [[0.2, 0], [0.2, 0]]], rtol=1e-6
    )
    np.testing.assert_allclose(logs.days.kpis[0, 0, 0], [0.5, 0.1, 0.15], rtol=1e-6)
    np.testing.assert_allclose(logs.days.kpis[0, 1], [[0, 0, 0], [1, 0.5, 1]], rtol=1e-6)
    np.testing.assert_allclose(logs.quality, [[0.2, 0.2], [0.4, 1]], rtol=1e-6)
    np.testing.assert_array_equal(logs.present, [[True, True], [True, False]])


def test_rows_become_histograms_and_means(tmp_path):
    check(load_bid_logs(write(tmp_path), bins=BINS))


def test_the_order_of_days_in_the_file_does_not_matter(tmp_path):
    rows = [ROWS[i] for i in (1, 3, 0, 2, 5, 4)]
    check(load_bid_logs(write(tmp_path, rows), bins=BINS))


def test_parquet_with_dates_and_names_of_its_own(tmp_path):
    import pandas as pd

    table = pd.read_csv(write(tmp_path)).rename(columns={"bid": "max_cpc"})
    table["day"] = pd.to_datetime("2024-02-26") + pd.to_timedelta(table["day"], unit="D")
    table.to_parquet(tmp_path / "bids.parquet")
    check(load_bid_logs(tmp_path / "bids.parquet", columns={"bid": "max_cpc"}, bins=BINS))


def test_iso_dates_in_a_csv_file_over_the_end_of_a_month(tmp_path):
    dates = {"3": "2024-02-29", "4": "2024-03-01"}
    rows = [",".join([k, dates[day], *rest]) for k, day, *rest in (r.split(",") for r in ROWS)]
    check(load_bid_logs(write(tmp_path, rows), bins=BINS))


def test_a_row_may_stand_for_many_auctions(tmp_path):
    rows = ["shoes,1,ann,1.5,0.4,2,1,0.9,0.1,3", "shoes,1,ann,3,0.8,1,0,0,0.1,1"]
    path = write(tmp_path, rows, HEADER + ",auctions")
    logs = load_bid_logs(path, auctions_column="auctions", bins=BINS)
    np.testing.assert_allclose(logs.days.histograms[0, 0, 0], [0, 0, 0.75, 0.25, 0], rtol=1e-6)
    np.testing.assert_allclose(logs.days.kpis[0, 0, 0], [3 / 4, 1 / 4, 0.9 / 4], rtol=1e-6)
    np.testing.assert_allclose(logs.days.reserves, [[[0.5]]], rtol=1e-6)


def test_default_bins_hold_every_positive_bid_inside(tmp_path):
    bins = load_bid_logs(write(tmp_path), num_bins=20).bins
    assert bins.num_bins == 20
    assert bins.edges[1] < 0.6 and bins.edges[-1] > 5


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([], "only a header"),
        ([*ROWS, "hats,6,cat,1,0,0,0,0,1"], r"'shoes' has no row on day 5, one of the 4"),
        ([*ROWS, "hats,5,cat,1,0,0,0,0,1"], r"'shoes' has no row on day 5, one of the 3"),
        ([*ROWS, "hats,2,cat,1,0,0,0,0,1"], r"'shoes' has no row on day 2, one of the 3"),
        ([*ROWS, "hats,1e300,cat,1,0,0,0,0,1"], r"'day': got '1e300'; allowed are whole"),
        ([*ROWS, "hats,4,cat,inf,0,0,0,0,1"], r"row 7 .*'bid': got 'inf'.*finite"),
        ([*ROWS, "hats,4,cat,1,0,0,-1,0,1"], r"row 7 .*'clicks': got '-1'.*negative"),
        ([*ROWS, "hats,4,cat,1,0,0,0,0,nan"], r"row 7 .*'quality': got 'nan'.*NaN"),
        ([*ROWS, "hats,4,cat,1,0,0,0,0,7"], r"row 7 .*'quality': got '7'.* up to 1, a factor of"),
        ([*ROWS, "hats,4,cat,1,0"], r"row 7 .*got 5 cells for 9 columns; column 'impressions'"),
        ([*ROWS, "hats,4,cat,-1,0,0,0,0,1"], r"row 7 .*'bid': got '-1'"),
        ([*ROWS, "hats,4,cat,1,nan,0,0,0,1"], r"row 7 .*'reserve': got 'nan'.*NaN"),
        (
            [*ROWS, "hats,4,cat,1,0,2,0,0,1"],
            r"row 7 .*'impressions': got '2'.*row, 1;.*ns_column=",
        ),
        ([*ROWS, "hats,4,cat,1,0,.5,.6,0,1"], r"row 7 .*'clicks': got '.6'.*the impressions, 0.5"),
        ([*ROWS, "hats,2024-05-31,cat,1,0,0,0,0,1"], r"row 7 .*whole numbers and dates are in one"),
        (["hats,20240531,cat,1,0,0,0,0,1"], r"row 1 .*'day'.*looks like a date; write 2024-05-31"),
        ([*ROWS, "hats,4,cat,1,0,much,0,0,1"], r"'impressions': got 'much'; a number"),
        ([*ROWS, "hats,4,cat,1,0,,0,0,1"], r"'impressions': the cell is empty"),
        ([*ROWS, "hats,4.5,cat,1,0,0,0,0,1"], r"'day': got '4.5'; allowed are whole"),
        ([*ROWS, "hats,4,,1,0,0,0,0,1"], r"'bidder': the cell is empty"),
        (["hats,4,cat,0,0,0,0,0,1"], "all bids are 0"),
    ],
)
def test_a_mistake_is_named_by_its_place(tmp_path, rows, message):
    with pytest.raises(ValueError, match=message):
        load_bid_logs(write(tmp_path, rows))


def test_unknown_columns_and_file_types(tmp_path):
    path = write(tmp_path, header=HEADER.replace("quality", "qualty"))
    with pytest.raises(
        ValueError, match=r"no column 'quality'.*\{'quality': 'qualty'\}.*quality=1"
    ):
        load_bid_logs(path)
    with pytest.raises(ValueError, match=r"columns: got 'bids'; did you mean 'bid'"):
        load_bid_logs(path, columns={"bids": "cpc"})
    with pytest.raises(ValueError, match=r"columns: got 'shop' for 'keyword'.*\{'keyword': 'shop'"):
        load_bid_logs(path, columns={"shop": "keyword"})
    with pytest.raises(ValueError, match=r"columns: got \['bid'\]; allowed are names by ours"):
        load_bid_logs(path, columns=["bid"])
    with pytest.raises(ValueError, match=r"type of file: got '\.txt'"):
        load_bid_logs(tmp_path / "bids.txt")
    with pytest.raises(ValueError, match=r"bins: got 50; allowed are BidBins"):
        load_bid_logs(path, bins=50)


def test_names_of_their_own_are_told_how_to_be_given(tmp_path):
    path = write(tmp_path, header=HEADER.replace("keyword", "campaign_id").replace("bid,", "cpc,"))
    match = r"no column 'keyword' nor 'bid'; there are 'campaign_id', .*=\{'keyword': '...'\}"
    with pytest.raises(ValueError, match=match):
        load_bid_logs(path)
    check(load_bid_logs(path, columns={"keyword": "campaign_id", "bid": "cpc"}, bins=BINS))


def test_columns_apart_by_semicolons_are_recognised(tmp_path):
    path = write(tmp_path, [row.replace(",", ";") for row in ROWS], HEADER.replace(",", ";"))
    with pytest.raises(ValueError, match=r"got one column, 'keyword;.*; is the separator ';'\?"):
        load_bid_logs(path)


def test_one_quality_for_all_in_a_file_without(tmp_path):
    path = write(tmp_path, [row.rpartition(",")[0] for row in ROWS], HEADER.rpartition(",")[0])
    logs = load_bid_logs(path, quality=0.25)
    np.testing.assert_array_equal(logs.quality, [[0.25, 0.25], [0.25, 1]])
    with pytest.raises(ValueError, match=r"quality: got 2; allowed are numbers from 0 to 1"):
        load_bid_logs(path, quality=2)
    with pytest.raises(ValueError, match=r"quality: got 0.5 and a column of it"):
        load_bid_logs(path, quality=0.5, columns={"quality": "score"})


def test_midnight_is_a_day_and_another_time_is_not(tmp_path):
    import pandas as pd

    midnight = [row.replace(",3,", ",2024-02-29 00:00:00,", 1) for row in ROWS]
    midnight = [row.replace(",4,", ",2024-03-01T00:00:00,", 1) for row in midnight]
    check(load_bid_logs(write(tmp_path, midnight), bins=BINS))
    later = write(tmp_path, [row.replace("00:00:00", "07:30:00") for row in midnight])
    with pytest.raises(ValueError, match=r"row 1 .*'2024-02-29 07:30:00'.*without a time"):
        load_bid_logs(later)
    table = pd.read_csv(later)
    table["day"] = pd.to_datetime(table["day"], format="ISO8601")
    table.to_parquet(tmp_path / "bids.parquet")
    with pytest.raises(ValueError, match=r"row 1, column 'day'.*without a time"):
        load_bid_logs(tmp_path / "bids.parquet")


def test_columns_there_twice_or_named_for_two(tmp_path):
    path = write(tmp_path, header=HEADER.replace("cost", "bid"))
    with pytest.raises(ValueError, match=r"column 'bid' appears twice"):
        load_bid_logs(path, columns={"cost": "reserve"})
    path = write(tmp_path)
    with pytest.raises(ValueError, match=r"columns: got 'bid' for two"):
        load_bid_logs(path, columns={"cost": "bid"})
    with pytest.raises(ValueError, match=r"got no column 'auctions'.*ts columns are bid, bidder"):
        load_bid_logs(path, auctions_column="auctions")
    path.write_text("")
    with pytest.raises(ValueError, match="first line is empty"):
        load_bid_logs(path)


def test_columns_that_nothing_names_are_left_out(tmp_path):
    rows = [f"{row},{note}" for note, row in enumerate(ROWS)]
    check(load_bid_logs(write(tmp_path, rows, HEADER + ",note"), bins=BINS))


def test_a_missing_date_is_named_and_a_missing_label_in_parquet(tmp_path):
    import pandas as pd

    rows = [f"shoes,2024-02-{day},ann,1,0,0,0,0,1" for day in (27, 28)]
    rows.append("shoes,2024-03-01,ann,1,0,0,0,0,1")
    with pytest.raises(ValueError, match=r"'shoes' has no row on day 2024-02-29, one of the 4"):
        load_bid_logs(write(tmp_path, rows))
    table = pd.read_csv(write(tmp_path))
    table["keyword"] = [1.0, 1.0, np.nan, 1.0, 2.0, 2.0]
    table.to_parquet(tmp_path / "bids.parquet")
    with pytest.raises(ValueError, match=r"row 3, column 'keyword': the cell is empty"):
        load_bid_logs(tmp_path / "bids.parquet")


def test_days_without_rows_are_days_without_bids_if_asked(tmp_path):
    path = write(tmp_path, ["hats,1,cat,0.6,0.2,1,1,0.5,0.4", "hats,4,cat,0.7,0.3,1,1,0.5,0.4"])
    with pytest.raises(ValueError, match=r"'hats' has no row on day 2"):
        load_bid_logs(path)
    logs = load_bid_logs(path, bins=BINS, rowless_days="no_bids")
    np.testing.assert_allclose(logs.days.histograms[0, :, 0, 0], [0, 1, 1, 0])
    np.testing.assert_allclose(logs.days.reserves[0, :, 0], [0.2, 0.2, 0.2, 0.3], rtol=1e-6)
    np.testing.assert_allclose(logs.days.kpis[0, :, 0, 1], [1, 0, 0, 1])
    with pytest.raises(ValueError, match=r"rowless_days: got 'skip'; allowed are .*no_bids"):
        load_bid_logs(path, rowless_days="skip")


def test_bidders_come_and_go(tmp_path):
    """Bob comes on the second day and leaves after it; his reserve is that of his one day."""
    rows = [f"hats,{day},ann,1.5,0.1,1,0,0,0.4" for day in (1, 2, 3)]
    logs = load_bid_logs(write(tmp_path, [*rows, "hats,2,bob,3,0.9,1,0,0,0.2"]), bins=BINS)
    np.testing.assert_allclose(logs.days.histograms[0, :, 1, [0, 3]], [[1, 0, 1], [0, 1, 0]])
    np.testing.assert_allclose(logs.days.reserves[0, :, 1], 0.9, rtol=1e-6)
    np.testing.assert_allclose(logs.days.kpis[0, :, 1, 0], [0, 1, 0])
    assert logs.present.all()


def test_repeated_rows_are_auctions_alike_unless_refused(tmp_path):
    path = write(tmp_path, [*ROWS, ROWS[0]])
    shares = load_bid_logs(path, bins=BINS).days.histograms[0, 0, 0]
    np.testing.assert_allclose(shares, [0, 0, 2 / 3, 1 / 3, 0], rtol=1e-6)
    with pytest.raises(ValueError, match=r"row 7 \(line 8\): the same as row 1 \(line 2\)"):
        load_bid_logs(path, repeated_rows="refuse")
    again = write(tmp_path, [*ROWS, "shoes,03,ann,1.50,.4,1,.2,0.3,0.1"])
    with pytest.raises(ValueError, match=r"row 7 \(line 8\): the same as row 1 \(line 2\)"):
        load_bid_logs(again, repeated_rows="refuse")
    check(load_bid_logs(write(tmp_path), bins=BINS, repeated_rows="refuse"))
    with pytest.raises(ValueError, match=r"repeated_rows: got 'drop'"):
        load_bid_logs(path, repeated_rows="drop")


def test_one_bidder_only_under_a_reserve_above_every_bid(tmp_path):
    rows = [f"hats,{day},ann,{bid},9,0,0,0,0.4" for day in (1, 2) for bid in (1.5, 3)]
    logs = load_bid_logs(write(tmp_path, rows), bins=BINS)
    np.testing.assert_allclose(logs.days.histograms, [[[[0, 0, 0.5, 0.5, 0]]] * 2])
    np.testing.assert_allclose(logs.days.reserves, 9)
    assert (logs.days.kpis == 0).all()


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_logs_written_and_read_again_are_the_same(tmp_path, suffix):
    logs = load_bid_logs(write(tmp_path), bins=BINS)
    path = tmp_path / f"again{suffix}"
    write_bid_logs(logs, path)
    again = load_bid_logs(path, auctions_column=AUCTIONS_COLUMN, bins=BINS)
    jax.tree.map(np.testing.assert_array_equal, logs, again)
    with pytest.raises(ValueError, match=r"path: type of file: got '\.txt'"):
        write_bid_logs(logs, tmp_path / "bids.txt")


def test_a_split_shares_no_keyword_and_no_day_to_predict(tmp_path):
    rows = [f"{k},{d},ann,{1 + k + d / 10},0,1,1,1,1" for k in range(5) for d in range(6)]
    logs = load_bid_logs(write(tmp_path, rows))
    training, held_out = split_logs(logs, held_out_keywords=2, held_out_days=3, history_days=2)
    assert (training.num_keywords, training.num_days) == (3, 3)
    assert (held_out.num_keywords, held_out.num_days) == (2, 5)
    np.testing.assert_array_equal(held_out.days.histograms, logs.days.histograms[3:, 1:])
    with pytest.raises(ValueError, match=r"held_out_keywords: got 5.*1 to 4"):
        split_logs(logs, held_out_keywords=5, held_out_days=1)
    with pytest.raises(ValueError, match=r"held_out_days: got 5.*1 to 4"):
        split_logs(logs, held_out_keywords=1, held_out_days=5, history_days=2)


@pytest.mark.parametrize("dtype", ["int64", "float64"])
def test_whole_numbers_in_parquet_that_look_like_dates_are_refused(tmp_path, dtype):
    import pandas as pd

    table = pd.read_csv(write(tmp_path))
    table["day"] = (20240500 + table["day"]).astype(dtype)
    table.to_parquet(tmp_path / "bids.parquet")
    with pytest.raises(ValueError, match="looks like a date; write 2024-05-03"):
        load_bid_logs(tmp_path / "bids.parquet")


def test_days_far_apart_are_refused_before_they_take_memory(tmp_path):
    rows = [f"hats,{day},ann,1,0,0,0,0,1" for day in (1, 900)]
    assert load_bid_logs(write(tmp_path, rows), bins=BINS, rowless_days="no_bids").num_days == 900
    rows.append("hats,1700000000,ann,1,0,0,0,0,1")
    for rowless_days in ("no_bids", "refuse"):
        with pytest.raises(ValueError, match=r"row 3 .*day 1700000000 from .*up to 1000 days"):
            load_bid_logs(write(tmp_path, rows), bins=BINS, rowless_days=rowless_days)


def test_a_bidder_of_quality_zero_is_one_like_others(tmp_path):
    logs = load_bid_logs(write(tmp_path, [row[:-3] + "0" for row in ROWS]), bins=BINS)
    np.testing.assert_array_equal(logs.quality, [[0, 0], [0, 1]])
    history = jax.tree.map(lambda days: days[0], logs.days)
    seen = see_days(history, logs.quality[0], logs.bins)
    assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(seen))
