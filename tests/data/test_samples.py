"""The user's own valuations: layouts, splits, and what a mistake in a file is told."""

from __future__ import annotations

import sys

import numpy as np
import pytest

import jaxmech
from jaxmech.agents import AdditiveDemand, BundleDemand, UnitDemand
from jaxmech.data import load_samples, settings_from_samples

VALUES = np.arange(12.0).reshape(2, 3, 2) / 4
LONG = "sample,agent,red,blue\n" + "".join(
    f"s{s},{'xyz'[a]},{VALUES[s, a, 0]},{VALUES[s, a, 1]}\n" for s in range(2) for a in range(3)
)
DEMAND = AdditiveDemand(2)


def csv_file(tmp_path, text):
    path = tmp_path / "values.csv"
    path.write_text(text)
    return path


def test_an_array_is_kept_and_is_float64():
    loaded = load_samples(VALUES.astype(np.float32))
    assert loaded.dtype == np.float64
    np.testing.assert_array_equal(loaded, VALUES)
    np.testing.assert_array_equal(load_samples(VALUES.tolist()), VALUES)


def test_npz_by_key_or_alone(tmp_path):
    path = tmp_path / "values.npz"
    np.savez(path, VALUES)
    np.testing.assert_array_equal(load_samples(path), VALUES)
    np.savez(path, bids=VALUES, other=np.zeros(3))
    np.testing.assert_array_equal(load_samples(str(path), key="bids"), VALUES)
    with pytest.raises(ValueError, match=r"key: got None.*bids.*other"):
        load_samples(path)


def test_long_csv_in_any_row_order(tmp_path):
    np.testing.assert_array_equal(load_samples(csv_file(tmp_path, LONG)), VALUES)
    header, *rows = LONG.splitlines()
    rows = [rows[i] for i in (0, 4, 1, 2, 5, 3)]
    shuffled = csv_file(tmp_path, "\n".join([header, *rows, "", ""]))
    # Agents are numbered as they first appear: x, y, z.
    np.testing.assert_array_equal(load_samples(shuffled), VALUES)


def test_value_columns_choose_and_order_items(tmp_path):
    loaded = load_samples(csv_file(tmp_path, LONG), value_columns=["blue", "red"])
    np.testing.assert_array_equal(loaded, VALUES[..., ::-1])
    with pytest.raises(ValueError, match="value_columns: got 'green'"):
        load_samples(csv_file(tmp_path, LONG), value_columns=["green"])


def test_renamed_label_columns(tmp_path):
    text = LONG.replace("sample,agent", "auction,bidder")
    loaded = load_samples(csv_file(tmp_path, text), sample_column="auction", agent_column="bidder")
    np.testing.assert_array_equal(loaded, VALUES)


def test_wide_csv_is_one_item(tmp_path):
    path = csv_file(tmp_path, "sample,ann,bob\n1,.5,2\n2,3,0\n3,1e-1,4\n")
    np.testing.assert_array_equal(
        load_samples(path), np.array([[0.5, 2], [3, 0], [0.1, 4]])[:, :, None]
    )


def test_parquet_long_and_wide(tmp_path):
    pandas = pytest.importorskip("pandas")
    pytest.importorskip("pyarrow")
    path = tmp_path / "values.parquet"
    long = pandas.DataFrame(
        [(s, a, *VALUES[s, a]) for s in range(2) for a in range(3)],
        columns=["sample", "agent", "red", "blue"],
    )
    long.iloc[::-1].iloc[::-1].to_parquet(path)
    np.testing.assert_array_equal(load_samples(path), VALUES)
    pandas.DataFrame({"ann": [1.0, 2.0], "bob": [3, 4]}, index=[7, 3]).to_parquet(path)
    np.testing.assert_array_equal(load_samples(path), [[[1], [3]], [[2], [4]]])
    long.loc[3, "blue"] = np.nan
    long.to_parquet(path)
    with pytest.raises(ValueError, match="row 4, column 'blue'"):
        load_samples(path)


def test_parquet_without_pyarrow_names_the_extra(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    monkeypatch.setitem(sys.modules, "pyarrow.parquet", None)
    with pytest.raises(ModuleNotFoundError, match=r"jaxmech\[data\]"):
        load_samples(tmp_path / "values.parquet")


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (VALUES[0], r"shape \(3, 2\); needed is \[samples, agents, items\]"),
        (VALUES[None], r"shape \(1, 2, 3, 2\)"),
        (np.zeros((0, 3, 2)), "empty"),
        (np.zeros((2, 3, 0)), "empty"),
        (np.where(VALUES == 1.25, np.nan, VALUES), "sample 0, agent 2, item 1.*NaN"),
        (np.where(VALUES == 1.5, -1, VALUES), "sample 1, agent 0, item 0: got -1.0.*negative"),
        (np.where(VALUES == 1.5, np.inf, VALUES), "sample 1, agent 0, item 0.*finite"),
        (np.full((1, 1, 1), "a"), "numbers are needed"),
        (np.full((1, 1, 1), 1j), "numbers are needed"),
        ([[[1.0], [2.0]], [[1.0]]], "sample 1 has 1 agents, sample 0 has 2"),
        ([[[1.0], [2.0]], [[1.0], [2.0, 3.0]]], "sample 1, agent 1 has 2 numbers"),
    ],
)
def test_bad_arrays(values, message):
    with pytest.raises(ValueError, match=message):
        load_samples(values)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "first line is empty"),
        ("\n1,2\n", "first line is empty"),
        ("ann,bob\n", "no samples"),
        ("sample,agent\n1,2\n", "no column holds values"),
        ("ann,bob\n1,2\n3\n", r"row 2 \(line 3\).*column 'bob'"),
        ("ann,bob\n1,2,3\n", r"row 1 \(line 2\).*after the last column, 'bob'"),
        ("ann,bob\n1,2\n\n3,x\n", r"row 2 \(line 4\), column 'bob': got 'x'"),
        ("ann,bob\n1,\n", "row 1.*column 'bob': the cell is empty"),
        ("ann,bob\n1,nan\n", "row 1.*column 'bob'.*NaN"),
        ("ann,bob\n1,2\n-3,4\n", "row 2.*column 'ann': got '-3'.*negative"),
        ("ann,bob\n1,inf\n", "row 1.*column 'bob'.*finite"),
        (",ann\n0,1\n", "column 1 has no name"),
        ("ann,ann\n0,1\n", "column 'ann' appears twice"),
        ("agent,red\nx,1\n", "no column 'sample'"),
        ("sample,agent,red\n1,x,1\n1,y,2\n2,x,3\n", "sample '2' has no row for agent 'y'"),
        ("sample,agent,red\n1,x,1\n1,x,2\n", r"row 2 .*agent 'x' is already in row 1"),
        ("sample,agent,red\n1,,1\n", "row 1.*column 'agent'.*empty"),
    ],
)
def test_bad_tables_name_row_and_column(tmp_path, text, message):
    with pytest.raises(ValueError, match=message):
        load_samples(csv_file(tmp_path, text))


def test_unknown_file_type(tmp_path):
    with pytest.raises(ValueError, match=r"'.xlsx'.*\.npz, \.csv and \.parquet"):
        load_samples(tmp_path / "values.xlsx")


def test_split_is_a_deterministic_partition():
    values = np.arange(20.0).reshape(20, 1, 1).repeat(3, axis=1)

    def split(seed):
        settings = settings_from_samples(
            values, units=[2], demand=UnitDemand(1), held_out=0.25, seed=seed
        )
        return [set(np.asarray(s.distribution.values)[:, 0, 0].tolist()) for s in settings]

    training, held_out = split(0)
    assert (len(training), len(held_out)) == (15, 5)
    assert training | held_out == set(range(20))
    assert split(0) == [training, held_out]
    assert split(1) != [training, held_out]


def test_the_settings_run_in_the_environment():
    training, held_out = settings_from_samples(VALUES, units=(1, 2), demand=DEMAND)
    assert (training.units, training.distribution.demand) == ((1, 2), DEMAND)
    for setting in (training, held_out):
        env, params = jaxmech.make("sequential_price", setting=setting)
        assert (env.num_agents, env.num_items, env.max_units) == (3, 2, 2)
        assert params.price_high.max() == setting.distribution.values.max()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"held_out": 0}, "held_out: got 0"),
        ({"held_out": 1.0}, "held_out: got 1.0"),
        ({"demand": UnitDemand(3), "units": (1, 1, 1)}, "got 2 numbers per agent"),
        ({"units": (1,)}, "units"),
        ({"values": VALUES[:1]}, "at least two"),
        ({"values": VALUES - 1}, "negative"),
        ({"values": VALUES + 1, "demand": BundleDemand(1), "units": (1,)}, "empty bundle"),
    ],
)
def test_bad_splits(options, message):
    arguments = {"values": VALUES, "units": (1, 1), "demand": DEMAND, **options}
    with pytest.raises(ValueError, match=message):
        settings_from_samples(arguments.pop("values"), **arguments)


def test_nothing_to_train_on_is_refused():
    with pytest.raises(ValueError, match="values: got 0 everywhere in the 3 samples to train on"):
        settings_from_samples(np.zeros((4, 2, 1)), units=(1,), demand=UnitDemand(1))


def test_a_damaged_npz_is_named(tmp_path):
    path = tmp_path / "values.npz"
    np.savez_compressed(path, values=np.random.default_rng(0).uniform(size=(50, 3, 1)))
    whole = path.read_bytes()
    for damaged in (
        b"",
        b"not a zip file",
        whole[:100],
        whole[:200] + bytes(100) + whole[300:],
    ):
        path.write_bytes(damaged)
        with pytest.raises(ValueError, match=r"values\.npz, which cannot be read as \.npz"):
            load_samples(path)
    with path.open("wb") as file:
        np.save(file, np.ones((2, 3, 1)))
    with pytest.raises(ValueError, match="a single array"):
        load_samples(path)
