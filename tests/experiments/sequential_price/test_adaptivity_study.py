"""The table of what adaptive order, adaptive prices and personalised prices are worth."""

import dataclasses
import io
from pathlib import Path

import pytest
from rich.console import Console
from unkept import Unkept

from jaxmech.agents.settings.named import ID, Correlated
from jaxmech.experiments.registry import study_called
from jaxmech.experiments.sequential_price.adaptivity import FAMILIES
from jaxmech.experiments.sequential_price.economy import FiniteSettingFile
from jaxmech.reports.console import rich_table

OWN = """
items: {gem: 2}
worlds:
  - probability: 1/2
    agents: [3, {one_of: [0, 4]}, 2]
  - probability: 1/2
    agents: [0, 2, {one_of: [0, 4]}]
"""
STUDY = study_called("adaptivity")


class Telling(Unkept):
    """Says what is kept to nobody; finds values it is told, where it is."""

    def __init__(self, row=None):
        super().__init__()
        self.row, self.lines = row, []

    def say(self, text):
        self.lines.append(text)

    def kept_on_host(self, name, function, *arguments):
        return self.row or super().kept_on_host(name, function, *arguments)


def of(*settings, delta=()):
    return dataclasses.replace(STUDY, settings=settings, delta=delta).resolved()


def printed(findings, width):
    console = Console(width=width, file=io.StringIO())
    console.print(rich_table(findings.tables[0], width=width))
    return console.file.getvalue()


def test_values_are_exact_and_the_table_shows_their_shares():
    workspace = Telling()
    found = of("proposition_3", "proposition_4").compute(workspace)
    assert workspace.lines[1] == "setting 2 of 2, proposition_4"
    known = [139 / 12, 20.75, 20.75, 20.75, 21, 21, 21, 21]
    assert [found.oracles[f"proposition_3/{name}"].value for name in FAMILIES] == pytest.approx(
        known, abs=1e-9
    )
    rows = {row[0]: dict(zip(FAMILIES, row[1:], strict=True)) for row in found.tables[0].rows}
    share = 100 * 19.25 / 19.375
    assert rows["proposition_4"]["static_order_optimum"] == f"19.2500\n{share:.2f}"
    records = {(one.cell, one.scheme): one.value for one in found.records}
    assert records["proposition_4", "static_order_optimum"] == pytest.approx(19.25)


def test_a_setting_of_ones_own(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("gems.yaml").write_text(OWN)
    study = of("gems.yaml")
    assert study.files == (str(tmp_path / "gems.yaml"),)
    assert study.economies() == {study.files[0]: FiniteSettingFile(study.files[0])}
    found = study.compute(Telling())
    assert found.tables[0].rows[0][0] == "gems.yaml"
    assert found.oracles["optimum"].value >= found.oracles["personalised_static_prices"].value


def test_settings_go_by_the_names_of_studies_and_panels():
    names = ["brero2021/id", "id", "brero2021/figure_3e", "figure_2b"]
    assert of(*names).economies() == {
        **dict.fromkeys(names[:3], ID()),
        "figure_2b": Correlated(delta=0.25),
    }


def test_a_setting_is_there_once_for_each_delta():
    found = of("correlated", "id", delta=(0.0, 0.25)).economies()
    assert list(found) == ["correlated_0", "correlated_0.25", "id"]
    assert found["correlated_0.25"] == Correlated(delta=0.25)


def test_files_of_one_name_are_told_apart(tmp_path):
    names = ["rich/own.yaml", "poor/own.yaml", "other.yaml"]
    for name in names:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(OWN)
    row = dict.fromkeys(FAMILIES, (1.0, True, ""))
    row["static_order_optimum"] = (None, True, "too many states")
    study = of(*(str(tmp_path / name) for name in names), "brero2021/id")
    table = study.compute(Telling(row)).tables[0]
    assert [cells[0] for cells in table.rows] == [*names, "id"]
    assert f"{names[0]}: no value of static order, adaptive prices (too many" in table.notes[0]


def test_what_is_not_known_is_a_dash_with_its_reason(tmp_path):
    study = of("correlated", delta=(0.5,))
    row = dict.fromkeys(FAMILIES, (1.0, True, ""))
    unknown = ["static_order_optimum", "adaptive_order_personalised_prices", "optimum"]
    row |= dict.fromkeys(unknown, (None, True, "delta: got 0.5"))
    found = study.compute(Telling(row))
    words = printed(found, 80).split()
    cells = words[words.index("correlated_0.5") + 1 :]
    assert cells[:8] == ["1.0000"] * 3 + ["-", "1.0000", "-", "-", "1.0000"]
    assert "no value of static order, adaptive prices; adaptive order, personalised" in " ".join(
        words
    )
    assert found.headline.startswith("No setting has both")


@pytest.mark.parametrize(
    ("settings", "delta", "answer"),
    [
        (("two_wolds",), (), "did you mean 'brero2021/two_worlds'"),
        (("missing.yaml",), (), "settings: got missing.yaml; there is no such file"),
        (("correlated",), (2.0,), r"delta: got \(2.0,\)"),
        (("id",), (0.5,), r"delta: got \[0.5\]; none of the settings has one"),
        ((), (), "settings: got none"),
    ],
)
def test_mistakes_are_named(settings, delta, answer):
    with pytest.raises(ValueError, match=answer):
        of(*settings, delta=delta)


def test_the_table_of_all_settings_fits_in_eighty_columns_and_a_wide_one_has_whole_words():
    # As long as the numbers of the settings get.
    row = dict.fromkeys(FAMILIES, (92.953125, True, ""))
    row["anonymous_static_prices"] = (92.953125, False, "")
    found = STUDY.resolved().compute(Telling(row))
    narrow = printed(found, 80)
    assert "proposition_1 92.9531 92.9531" in narrow
    assert "100.00\N{DAGGER}" in narrow
    assert "personalised" not in narrow and "\N{SOFT HYPHEN}" not in narrow
    wide = printed(found, 150)
    assert "personalised" in wide and "\N{SOFT HYPHEN}" not in wide
