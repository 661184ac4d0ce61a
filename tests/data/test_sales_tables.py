"""The user's table of prices and sales: what it becomes, what it tells, what it refuses."""

from __future__ import annotations

import csv
import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jaxmech.data import SalesTable, demand_of_sales, fit_sales, load_sales

HEADER = "seller,round,price,impressions,sales"
ROWS = ["ann,3,0.5,100,40", "bob,3,0.8,50,5", "ann,4,0.6,80,20", "ann,6,0.7,10,0"]


def write(folder, rows=ROWS, header=HEADER):
    path = folder / "sales.csv"
    path.write_text("\n".join([header, *rows]) + "\n")
    return path


def check(table):
    assert table.sellers == ("ann", "bob")
    np.testing.assert_array_equal(table.seller, [0, 1, 0, 0])
    np.testing.assert_array_equal(table.round, [0, 0, 1, 3])
    np.testing.assert_array_equal(table.price, [0.5, 0.8, 0.6, 0.7])
    np.testing.assert_array_equal(table.impressions, [100, 50, 80, 10])
    np.testing.assert_array_equal(table.sales, [40, 5, 20, 0])


def test_rows_become_arrays(tmp_path):
    check(load_sales(write(tmp_path)))


def test_other_columns_other_names_and_dates(tmp_path):
    header = "note,shop,day,ask,shown,sold"
    rows = [
        "x,ann,2024-02-28,0.5,100,40",
        "y,bob,2024-02-28,0.8,50,5",
        ",ann,2024-02-29,0.6,80,20",
        ",ann,2024-03-02,0.7,10,0",
    ]
    names = dict(zip(HEADER.split(","), header.split(",")[1:], strict=True))
    options = {f"{ours}_column": theirs for ours, theirs in names.items()}
    check(load_sales(write(tmp_path, rows, header), **options))


def save(columns, path):
    if path.suffix == ".npz":
        np.savez(path, **columns)
    elif path.suffix == ".parquet":
        pyarrow = pytest.importorskip("pyarrow")
        from pyarrow import parquet

        parquet.write_table(
            pyarrow.table({name: array.tolist() for name, array in columns.items()}), path
        )
    else:
        with path.open("w", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(columns)
            writer.writerows(zip(*(array.tolist() for array in columns.values()), strict=True))


@settings(max_examples=25, deadline=None)
@given(data=st.data(), suffix=st.sampled_from([".csv", ".parquet", ".npz"]))
def test_what_is_written_is_read_back(tmp_path_factory, data, suffix):
    amounts = st.floats(0, 1e9)
    names = st.lists(
        st.text(st.characters(codec="ascii", categories=["L"]), min_size=1), min_size=1, unique=True
    )
    sellers = data.draw(names)
    cells = st.tuples(st.integers(0, len(sellers) - 1), st.integers(-99, 99))
    places = data.draw(st.lists(cells, min_size=1, max_size=12, unique=True))
    size = len(places)
    price, impressions, shares = (
        np.array(data.draw(st.lists(numbers, min_size=size, max_size=size)))
        for numbers in (amounts, amounts, st.floats(0, 1))
    )
    seller, rounds = np.array(places).T
    columns = {
        "seller": np.array(sellers)[seller],
        "round": rounds,
        "price": price,
        "impressions": impressions,
        "sales": impressions * shares,
    }
    path = tmp_path_factory.mktemp("sales") / f"sales{suffix}"
    save(columns, path)
    table = load_sales(path)
    assert [table.sellers[place] for place in table.seller] == columns["seller"].tolist()
    assert len(set(table.sellers)) == len(table.sellers)
    np.testing.assert_array_equal(table.round, rounds - rounds.min())
    for name in ("price", "impressions", "sales"):
        np.testing.assert_array_equal(getattr(table, name), columns[name])


def test_rounds_may_lie_far_apart(tmp_path):
    rows = [f"ann,{second},0.5,9,3" for second in (0, 1700000000, 1700000007)]
    np.testing.assert_array_equal(load_sales(write(tmp_path, rows)).round, [0, 17e8, 17e8 + 7])
    dates = [f"ann,{year}-01-01,0.5,9,3" for year in (1901, 2001)]
    np.testing.assert_array_equal(load_sales(write(tmp_path, dates)).round, [0, 36525])


@pytest.mark.parametrize("unit", ["D", "s", "ns"])
def test_dates_in_npz_files(tmp_path, unit):
    path = tmp_path / "sales.npz"
    columns = dict(zip(HEADER.split(","), np.ones((5, 3)), strict=True))
    days = np.array(["2024-02-28", "2024-03-01", "2024-02-29"], f"datetime64[{unit}]")
    np.savez(path, **{**columns, "round": days})
    np.testing.assert_array_equal(load_sales(path).round, [0, 2, 1])
    days[1] = "NaT"
    np.savez(path, **{**columns, "round": days})
    with pytest.raises(ValueError, match="row 2, column 'round': the cell is empty"):
        load_sales(path)


def test_times_within_a_day_in_parquet_files_are_refused(tmp_path):
    pandas = pytest.importorskip("pandas")
    pytest.importorskip("pyarrow")
    path = tmp_path / "sales.parquet"
    columns = dict(zip(HEADER.split(","), np.ones((5, 2)), strict=True))
    midnights = pandas.to_datetime(["2024-05-30", "2024-06-01"])
    pandas.DataFrame({**columns, "round": midnights}).to_parquet(path)
    np.testing.assert_array_equal(load_sales(path).round, [0, 2])
    hours = pandas.to_datetime(["2024-05-31 00:00", "2024-05-31 13:00"])
    pandas.DataFrame({**columns, "round": hours}).to_parquet(path)
    with pytest.raises(ValueError, match=r"row 2, column 'round': got .*without a time"):
        load_sales(path)


# ---- The demand ----


def simulated(location, scale, *, rounds=60, shown=500, seed=0):
    """Sellers' rounds at random prices, and what logit demand sells."""
    rng = np.random.default_rng(seed)
    location, scale = np.broadcast_arrays(location, scale)
    price = rng.uniform(0.1, 1, (rounds, len(location)))
    bought = 1 / (1 + np.exp((price - location) / scale))
    seller = np.arange(len(location))[None].repeat(rounds, 0)
    return SalesTable(
        "simulated",
        tuple("abcdefgh"[: len(location)]),
        seller.ravel(),
        np.arange(rounds).repeat(len(location)),
        price.ravel(),
        np.full(price.size, float(shown)),
        rng.binomial(shown, bought).ravel().astype(float),
    )


def test_each_sellers_demand_is_recovered():
    location, scale = np.array([0.3, 0.6, 0.9]), np.array([0.1, 0.2, 0.15])
    table = simulated(location, scale)
    demand = demand_of_sales(table)
    np.testing.assert_allclose(demand.location, location, atol=0.01)
    np.testing.assert_allclose(demand.scale, scale, rtol=0.05)
    for fit, place, width in zip(fit_sales(table), location, scale, strict=True):
        estimates = np.array([fit.coefficients[0], fit.constants[1]])
        truth = np.array([-1 / width, place / width])
        assert np.all(np.abs(estimates - truth) < 3 * fit.standard_errors)


def test_pooled_sellers_have_one_demand():
    table = simulated(np.array([0.5, 0.5, 0.5]), 0.12)
    demand = demand_of_sales(table, pooled=True)
    assert demand.location.shape == demand.scale.shape == ()
    np.testing.assert_allclose(demand.location, 0.5, atol=0.01)
    np.testing.assert_allclose(demand.scale, 0.12, rtol=0.03)
    one = {"sellers": ("all",), "seller": 0 * table.seller, "round": np.arange(len(table.seller))}
    alone = dataclasses.replace(table, **one)
    np.testing.assert_array_equal(demand_of_sales(alone).location, [demand.location])


def test_the_fit_agrees_with_statsmodels():
    linear = pytest.importorskip("statsmodels.genmod.generalized_linear_model")
    families = pytest.importorskip("statsmodels.genmod.families")
    table = simulated(np.array([0.4, 0.7]), 0.2, rounds=30, shown=40)
    for place, fit in enumerate(fit_sales(table)):
        rows = table.seller == place
        sold, shown = table.sales[rows], table.impressions[rows]
        other = linear.GLM(
            np.stack([sold, shown - sold], axis=-1),
            np.stack([table.price[rows], np.ones(rows.sum())], axis=-1),
            family=families.Binomial(),
        ).fit(tol=1e-12)
        np.testing.assert_allclose([fit.coefficients[0], fit.constants[1]], other.params, rtol=1e-6)
        np.testing.assert_allclose(fit.covariance, other.cov_params(), rtol=1e-6)


def test_rounds_without_impressions_tell_nothing():
    table = simulated(np.array([0.5]), 0.1, rounds=20)
    more = {
        field: np.concatenate([getattr(table, field), [value]])
        for field, value in {
            "seller": 0,
            "round": 20,
            "price": 99.0,
            "impressions": 0.0,
            "sales": 0.0,
        }.items()
    }
    demand, same = demand_of_sales(table), demand_of_sales(dataclasses.replace(table, **more))
    np.testing.assert_array_equal(demand.location, same.location)
    np.testing.assert_array_equal(demand.scale, same.scale)


def test_money_is_only_a_unit():
    table = simulated(np.array([0.3, 0.6]), 0.1)
    cents = demand_of_sales(dataclasses.replace(table, price=100 * table.price))
    euros = demand_of_sales(table)
    np.testing.assert_allclose(cents.location, 100 * euros.location, rtol=1e-5)
    np.testing.assert_allclose(cents.scale, 100 * euros.scale, rtol=1e-5)


# ---- What is refused ----


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([], "only a header"),
        ([*ROWS, "bob,4,nan,50,5"], r"row 5 .*'price': got 'nan'.*NaN"),
        ([*ROWS, "bob,4,-0.1,50,5"], r"row 5 .*'price': got '-0.1'.*negative"),
        ([*ROWS, "bob,4,inf,50,5"], r"row 5 .*'price': got 'inf'.*finite"),
        ([*ROWS, "bob,4,cheap,50,5"], r"row 5 .*'price': got 'cheap'; a number"),
        ([*ROWS, "bob,4,,50,5"], r"row 5 .*'price': the cell is empty"),
        ([*ROWS, "bob,4,0.5,-1,5"], r"row 5 .*'impressions': got '-1'.*negative"),
        ([*ROWS, "bob,4,0.5,50,-5"], r"row 5 .*'sales': got '-5'.*negative"),
        ([*ROWS, "bob,4,0.5,50,51"], r"row 5 .*'sales': got '51'.*up to the impressions, 50"),
        ([*ROWS, "bob,4.5,0.5,50,5"], r"row 5 .*'round': got '4.5'; allowed are whole"),
        ([*ROWS, ",4,0.5,50,5"], r"row 5 .*'seller': the cell is empty"),
        ([*ROWS, "bob,3,0.5,50,5"], r"row 5 .*the same as row 2.*a round of a seller has one row"),
        ([*ROWS, "ann,04,0.5,50,5"], r"row 5 .*the same as row 3"),
        (
            ["ann,2024-02-29,0.5,9,3", "ann,2024-02-29T00:00:00,0.5,9,3"],
            r"row 2 .*the same as row 1",
        ),
        (["ann,20240531,0.5,9,3"], r"row 1 .*'round'.*looks like a date; write 2024-05-31"),
        (["ann,2024-05-31 07:30:00,0.5,9,3"], r"row 1 .*'round': got .*without a time"),
        ([*ROWS, "bob,2024-05-31,0.5,9,3"], r"row 5 .*whole numbers and dates are in one"),
        ([*ROWS, "bob,4,0.5,50"], r"row 5 .*got 4 cells for 5 columns; column 'sales'"),
    ],
)
def test_a_mistake_is_named_by_its_place(tmp_path, rows, message):
    path = write(tmp_path, rows)
    with pytest.raises(ValueError, match=message) as refusal:
        load_sales(path)
    assert str(path) in str(refusal.value)


def test_columns_and_files_that_are_not_as_they_should_be(tmp_path):
    path = write(tmp_path, header=HEADER.replace("price", "prise"))
    with pytest.raises(ValueError, match=r"sales\.csv: got no column 'price'; did you mean 'pri"):
        load_sales(path)
    with pytest.raises(ValueError, match=r"type of file: got '\.txt'; allowed are .*\.npz"):
        load_sales(tmp_path / "sales.txt")
    with pytest.raises(ValueError, match="columns: got 'price' for two"):
        load_sales(write(tmp_path), sales_column="price")


def test_npz_files_that_are_not_as_they_should_be(tmp_path):
    path = tmp_path / "sales.npz"
    columns = dict(zip(HEADER.split(","), np.ones((5, 3)), strict=True))
    np.savez(path, **{**columns, "price": np.ones((3, 2))})
    with pytest.raises(
        ValueError, match=r"array 'price': got shape \(3, 2\); allowed are \[rows\]"
    ):
        load_sales(path)
    np.savez(path, **{**columns, "sales": np.ones(2)})
    with pytest.raises(ValueError, match=r"array 'sales': got shape \(2,\); allowed are \[rows\]"):
        load_sales(path)
    np.savez(path, **{name: array for name, array in columns.items() if name != "round"})
    with pytest.raises(
        ValueError, match="got no column 'round'; its columns are impressions, price"
    ):
        load_sales(path)
    path.write_bytes(path.read_bytes()[:60])
    with pytest.raises(ValueError, match="cannot be read as .npz"):
        load_sales(path)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"price": np.array([0.1, np.nan])}, "price: got .* finite numbers from 0"),
        ({"price": np.array([0.1, -0.1])}, "price: got .* finite numbers from 0"),
        ({"sales": np.array([3.0, np.inf])}, "sales: got .* finite numbers from 0"),
        ({"sales": np.array([3.0, 10.0])}, "sales: got .* up to the impressions"),
        ({"impressions": np.ones(3)}, r"impressions: got shape \(3,\); allowed are \[rows\]"),
        ({"seller": np.array([0, 1])}, "seller: got .* below 1"),
        ({"seller": np.array([0, -1])}, "seller: got .* from 0"),
        ({"seller": np.array([0.5, 0.0])}, "seller: got .* allowed are integers"),
        ({"round": [0.5, 1.5]}, r"round: got \[0.5, 1.5\]; allowed are integers"),
        ({"seller": np.zeros(2, bool)}, "seller: got .* allowed are integers"),
        ({"round": np.zeros(2, int)}, "round: got round 0 of seller 'ann' in rows 0 and 1"),
        ({"sellers": "ann"}, "sellers: got 'ann'; allowed are lists"),
        ({"sellers": ()}, "sellers: got none"),
        ({"sellers": ("ann", "ann")}, r"sellers: got \('ann', 'ann'\); .* that differ"),
        ({"sellers": (["ann"],)}, r"sellers: got \(\['ann'\],\); allowed are texts or numbers"),
        ({"seller": 0}, r"seller: got shape \(\); allowed are \[rows\]"),
        ({"seller": None}, "seller: got None; allowed are integers"),
        ({"seller": np.zeros(0, int)}, r"seller: got shape \(0,\); .* at least 1"),
        ({"price": ["a", "b"]}, r"price: got \['a', 'b'\]; allowed are numbers"),
        ({"price": ["0.1", "0.2"]}, "price: got .* allowed are numbers"),
        ({"price": np.array([0.1, None])}, "price: got .* allowed are numbers"),
        ({"price": [[0.1], 0.2]}, "price: got .* allowed are numbers"),
        ({"price": np.ones((2, 1))}, r"price: got shape \(2, 1\); allowed are \[rows\]"),
    ],
)
def test_tables_of_ones_own_arrays_are_checked(changes, message):
    good = SalesTable(
        "own", ("ann",), np.zeros(2, int), np.arange(2), np.ones(2), np.full(2, 9.0), np.ones(2)
    )
    with pytest.raises(ValueError, match=message):
        dataclasses.replace(good, **changes)


def test_the_second_row_of_a_round_is_found_in_any_order():
    good = SalesTable("own", ["ann", "bob"], [1, 0, 1, 0], [7, 7, 8, 8], *np.ones((3, 4)))
    assert good.sellers == ("ann", "bob")
    message = "round: got round 7 of seller 'bob' in rows 0 and 2; allowed is one row"
    with pytest.raises(ValueError, match=message):
        dataclasses.replace(good, round=[7, 8, 7, 6])


def test_lists_and_integers_are_made_arrays():
    table = SalesTable("own", ("ann",), [0, 0], [0, 1], [1, 2], [9, 9], np.float32([6, 3]))
    kinds = [getattr(table, field).dtype for field in ("seller", "round", "price", "sales")]
    assert kinds == [np.intp, np.int64, np.float64, np.float64]
    # Two thirds buy at price 1 and a third at 2, so half of them at 1.5.
    np.testing.assert_allclose(demand_of_sales(table).location, [1.5], rtol=1e-4)


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (["ann,1,0.5,9,0", "ann,2,0.6,9,0"], "seller 'ann': got no sales; needed are sales and"),
        (["ann,1,0.5,9,9", "ann,2,0.6,9,9"], "seller 'ann': got a sale of each impression"),
        (["ann,1,0.5,9,3", "ann,2,0.5,9,4"], "got one price in all rounds with impressions, 0.5"),
        (["ann,1,0.5,9,3", "ann,2,0.6,0,0"], "got one price in all rounds with impressions, 0.5"),
        (["ann,1,0.5,0,0", "ann,2,0.6,0,0"], "seller 'ann': got no sales"),
        (["ann,1,0.5,9,9", "ann,2,0.6,9,0"], "got prices on one side of which all buy"),
        (["ann,1,0.5,9,3", "ann,2,0.6,9,5"], "got sales that rise with the price, by a coeff"),
    ],
)
def test_sales_that_tell_no_demand_are_refused(tmp_path, rows, message):
    path = write(tmp_path, ["bob,1,0.5,9,6", "bob,2,0.6,9,3", *rows])
    table = load_sales(path)
    with pytest.raises(ValueError, match=message) as refusal:
        demand_of_sales(table)
    assert str(path) in str(refusal.value)
    with pytest.raises(ValueError, match=message.replace("seller 'ann'", "all sellers")):
        demand_of_sales(load_sales(write(tmp_path, rows)), pooled=True)
