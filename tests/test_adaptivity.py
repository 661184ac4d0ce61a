"""The table of what adaptive order, adaptive prices and personalised prices are worth."""

import io
import json

import chex
import pytest
from command_line import command
from rich.console import Console

from jaxmech import adaptivity
from jaxmech.agents import named_setting
from jaxmech.cli.commands import Adaptivity

OWN = """
items: {gem: 2}
worlds:
  - probability: 1/2
    agents: [3, {one_of: [0, 4]}, 2]
  - probability: 1/2
    agents: [0, 2, {one_of: [0, 4]}]
"""


def printed(found, width):
    console = Console(width=width, file=io.StringIO())
    console.print(adaptivity.rich_table(found, width=width))
    return console.file.getvalue()


def test_writes_the_exact_values_and_says_how_far_it_is(tmp_path, capsys):
    directory = ("--directory", str(tmp_path / "new"))
    assert command("adaptivity", "proposition_3", "proposition_4", *directory) == 0
    written = json.loads((tmp_path / "new" / "adaptivity.json").read_text())["settings"]
    assert list(written) == ["proposition_3", "proposition_4"]
    known = [139 / 12, 20.75, 20.75, 20.75, 21, 21, 21, 21]
    assert written["proposition_3"]["oracles"] == pytest.approx(
        dict(zip(adaptivity.FAMILIES, known, strict=True)), abs=1e-9
    )
    shown = capsys.readouterr().out
    assert "setting 2 of 2, proposition_4" in shown
    # Static order and prices that adapt, and its share of the optimum.
    assert "19.2500" in shown and f"{100 * 19.25 / 19.375:.2f}" in shown


def test_nothing_is_written_unless_asked_for(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert command("adaptivity", "proposition_1") == 0
    assert not list(tmp_path.iterdir())


def test_a_setting_of_ones_own(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "gems.yaml").write_text(OWN)
    assert command("adaptivity", "gems.yaml") == 0
    assert "gems.yaml" in capsys.readouterr().out


def test_settings_go_by_the_names_of_experiments_and_panels():
    names = ["brero2021/id", "id", "brero2021/figure_3e", "brero2021/correlated_0.25", "figure_2b"]
    settings = adaptivity.settings_called(names)
    assert list(settings) == names
    for name, expected in zip(names, ["id"] * 3 + ["correlated"] * 2, strict=True):
        options = {"delta": 0.25} if expected == "correlated" else {}
        chex.assert_trees_all_equal(
            settings[name].distribution, named_setting(expected, **options).distribution
        )


def test_a_setting_is_there_once_for_each_delta():
    settings = adaptivity.settings_called(["correlated", "id"], [0, 0.25])
    assert list(settings) == ["correlated_0", "correlated_0.25", "id"]
    assert float(settings["correlated_0.25"].distribution.delta) == 0.25


def test_files_of_one_name_are_told_apart():
    row = {
        "oracles": {"optimum": 1.0},
        "oracles_numerical": [],
        "oracles_missing": {"static_order_optimum": "too many states"},
    }
    names = ["here/rich/own.yaml", "here/poor/own.yaml", "here/other.yaml", "brero2021/id"]
    shown = printed(dict.fromkeys(names, row), width=120)
    for label in ("rich/own.yaml", "poor/own.yaml", "other.yaml", "id"):
        assert f"\n{label} " in shown
        assert f" {label}: no value" in shown


def test_a_wide_terminal_gets_whole_words():
    row = {"oracles": {"optimum": 1.0}, "oracles_numerical": [], "oracles_missing": {}}
    assert "personalised" in printed({"id": row}, width=120)
    assert "personalised" not in printed({"id": row}, width=80)


def test_what_is_not_known_is_a_dash_with_its_reason():
    found = adaptivity.values_of(named_setting("correlated", num_agents=4, num_items=2, delta=0.5))
    assert found["oracles"]["random_serial_dictatorship"] == pytest.approx(1)
    assert set(found["oracles_missing"]) == {
        "static_order_optimum",
        "adaptive_order_personalised_prices",
        "optimum",
    }
    words = printed({"correlated": found}, width=80).split()
    row = words[words.index("correlated") :]
    assert row[1] == "1.0000" and row[4] == "-" and row[6:8] == ["-", "-"]
    assert "no value of adaptive order, personalised prices (delta: got 0.5" in " ".join(words)


@pytest.mark.parametrize(
    ("arguments", "answer"),
    [
        (["two_wolds"], "did you mean 'brero2021/two_worlds'"),
        (["missing.yaml"], "path: got missing.yaml"),
        (["correlated", "--delta", "2"], "--delta: got 2.0"),
        (["id", "--delta", "0.5"], "--delta: got [0.5]; none of the settings has one"),
        (["proposition_1", "--directory", "."], "adaptivity.json exists already"),
    ],
)
def test_mistakes_get_one_clean_answer(arguments, answer, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "adaptivity.json").write_text("mine")
    assert command("adaptivity", *arguments) == 2
    shown = capsys.readouterr()
    assert answer in shown.err
    assert "%" not in shown.out
    assert (tmp_path / "adaptivity.json").read_text() == "mine"


def test_the_table_of_all_settings_fits_in_eighty_columns():
    # As long as the numbers of the settings get.
    row = {
        "oracles": dict.fromkeys(adaptivity.FAMILIES, 92.953125),
        "oracles_numerical": ["anonymous_static_prices"],
        "oracles_missing": {},
    }
    shown = printed(dict.fromkeys(Adaptivity().settings, row), width=80)
    assert "proposition_1 92.9531 92.9531" in shown
    assert "100.00\N{DAGGER}" in shown
