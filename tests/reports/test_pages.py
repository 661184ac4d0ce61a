"""Pages and figures: everything is shown, nothing is taken for HTML, the same gives the same."""

import math
from dataclasses import replace

import pytest

from jaxmech.reports import console, figures, folder
from jaxmech.reports.findings import (
    Branch,
    Certificate,
    Curve,
    Estimate,
    Figure,
    Findings,
    HeatMap,
    LearningCurves,
    Node,
    Oracle,
    Record,
    Table,
    Tree,
)
from jaxmech.reports.tree import tree_svg

CRAFTED = '<script>alert("x")</script>'

ABOUT = {"study": "a", "made_with": {}, "devices": ["cpu"], "versions": {"jax": "1"}}

TIMES = {"seconds": 1.0, "compile_seconds": 2.0}

END = Node(("end",), 0.25, ends=True)

TREE = Tree(
    "Visits",
    "Whom it visits.",
    Node(
        ("agent 1", "at 2.5"),
        1.0,
        (
            Branch("passes", False, Node(("goes on",), 0.75)),
            Branch("buys", True, END),
        ),
    ),
)

FINDINGS = Findings(
    headline="Found.",
    estimates={"learned": Estimate(1.5, 0.1, per_seed=(1.4, 1.6))},
    oracles={"optimum": Oracle(1.75), "bound": Oracle(None, missing="not known")},
    certificates={"truthful": Certificate(True, "posted prices", 0.0, 1e-6)},
    learning_curves=(
        LearningCurves("welfare", (0, 1), ((1.0, 2.0), (1.0,)), ((0.5, 1.0), (0.25,))),
    ),
    tables=(Table("Values", ("of", "value"), (("a", "1"), ("b", "2")), ("A note.",), (1,)),),
    figures=(Figure("curve", "A curve.", "x", "y", (Curve("c", (0.0,), (1.0,), (0.5,)),)),),
    heat_maps=(HeatMap("Prices", "", "left", ("1",), ("v1", "v2"), (("3", ""),), ((1.0, 0.0),)),),
    trees=(TREE,),
    records=(Record("learned", "value", math.nan, None, "cell", 3),),
)


def written(directory, findings=FINDINGS):
    directory.mkdir()
    folder.write(directory, findings, {**ABOUT, **TIMES}, folder.Description("A study", "It asks"))
    return directory


def test_findings_are_read_back_as_they_were(tmp_path):
    found = folder.read(written(tmp_path / "run")).findings
    record = found.records[0]
    assert math.isnan(record.value) and (record.cell, record.seed) == ("cell", 3)
    assert replace(found, records=()) == replace(FINDINGS, records=())


def test_all_is_on_the_page(tmp_path):
    text = (written(tmp_path / "run") / "report.html").read_text()
    for words in (
        "A study", "It asks", "Found.", "Values", "A note.", "posted prices", "truthful",
        "A curve.", "learned so far", "Visits", "agent 1", "buys 25 %", "passes 75 %", "v2",
        'class="learned"', "jax 1",
    ):  # fmt: skip
        assert words in text, words


def test_the_same_findings_give_the_same_files(tmp_path):
    one, two = written(tmp_path / "run"), tmp_path / "again"
    (two / "x").mkdir(parents=True)
    written(two / "x" / "run")
    for path in sorted(one.rglob("*")):
        if path.is_file():
            assert path.read_bytes() == (two / "x" / "run" / path.relative_to(one)).read_bytes()


def test_what_is_crafted_is_text(tmp_path):
    node = Node((CRAFTED,), 1.0, (Branch(CRAFTED, True, END),))
    crafted = Findings(
        headline=CRAFTED,
        tables=(Table(CRAFTED, (CRAFTED,), ((CRAFTED,),), (CRAFTED,)),),
        figures=(Figure("f", CRAFTED, CRAFTED, "y", (Curve(CRAFTED, (0.0,), (1.0,)),)),),
        certificates={CRAFTED: Certificate(None, CRAFTED)},
        trees=(Tree(CRAFTED, CRAFTED, node),),
        heat_maps=(
            HeatMap(CRAFTED, CRAFTED, CRAFTED, (CRAFTED,), ("a",), ((CRAFTED,),), ((0.0,),)),
        ),
    )
    text = (written(tmp_path / "run", crafted) / "report.html").read_text()
    assert "<script" not in text
    console.show(crafted)


@pytest.mark.parametrize("name", ["../../outside", "a/b"])
def test_figures_stay_in_their_folder(name, tmp_path):
    outside = replace(FINDINGS, figures=(replace(FINDINGS.figures[0], name=name),))
    with pytest.raises(ValueError, match="figure"):
        written(tmp_path / "run", outside)
    assert [path.name for path in tmp_path.iterdir()] == ["run"]


def test_a_link_is_replaced_and_its_target_left_alone(tmp_path):
    run = written(tmp_path / "run")
    (tmp_path / "precious").write_text("mine")
    (run / "report.html").unlink()
    (run / "report.html").symlink_to(tmp_path / "precious")
    folder.write_pages(run, folder.Description("A study"))
    assert (tmp_path / "precious").read_text() == "mine"
    assert "Found." in (run / "report.html").read_text()


def test_an_unfinished_folder_gets_a_page_that_says_so(tmp_path):
    folder.write_pages(tmp_path, folder.Description("A study"))
    assert "not finished" in (tmp_path / "report.html").read_text()


def test_lines_of_a_tree_are_as_wide_as_they_are_gone_along():
    drawing = tree_svg(TREE.root)
    assert 'class="bought" stroke-width="2.00"' in drawing
    assert 'class="passed" stroke-width="4.00"' in drawing
    assert drawing.count("<rect") == 1
    assert 'class="over"' in drawing and 'class="not_shown"' in drawing


def test_several_trainings_are_drawn_by_their_means(tmp_path):
    several = [
        LearningCurves("welfare", (0, 1), ((1.0,), (1.0,)), ((low,), (low + 1,)), label)
        for low, label in ((0.0, "one"), (5.0, "two"))
    ]
    (axes,) = figures.draw_learning(several).axes
    assert [line.get_ydata()[0] for line in axes.lines] == [0.5, 5.5]
    assert [line.get_label() for line in axes.lines] == ["one", "two"]


def test_deviations_are_drawn_beside_what_they_are_of():
    curve = Curve("welfare", (0.0, 1.0), (2.0, 3.0), deviation=(0.5, 0.25))
    (axes,) = figures.draw(Figure("welfare", "", "x", "y", (curve,))).axes
    drawn = [tuple(line.get_ydata()) for line in axes.lines if line.get_linestyle() == "--"]
    assert drawn == [(1.5, 2.75), (2.5, 3.25)]
    assert len({line.get_color() for line in axes.lines}) == 1


def test_the_verdict_of_a_certificate_is_told(capsys):
    undecided = {
        "rational": Certificate(None, "not tried"),
        "fair": Certificate(False, "it is not"),
    }
    console.show(replace(FINDINGS, certificates=undecided))
    shown = capsys.readouterr().out
    assert "rational is not decided: not tried" in shown
    assert "fair does not hold: it is not" in shown
