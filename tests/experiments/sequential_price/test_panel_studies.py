"""Panels: every figure of the paper, what its mechanisms may see, and how they are compared."""

import dataclasses

import pytest

from jaxmech.agents.settings.named import Correlated
from jaxmech.experiments.registry import STUDIES, study_called
from jaxmech.experiments.sequential_price import learning
from jaxmech.experiments.sequential_price.named import FIGURES, PANELS
from jaxmech.experiments.sequential_price.panels import MECHANISMS, QUICK
from jaxmech.reports.findings import Certificate, Estimate, Findings, LearningCurves, Oracle, Record
from jaxmech.runner import TrainingDivergedError

BY_NAME = {panel.name: panel for panel in PANELS}


def test_every_panel_of_the_paper_is_there():
    letters = {2: "abcd", 3: "abcde", 4: "abc"}
    assert set(BY_NAME) == {
        f"brero2021/figure_{figure}{letter}" for figure in letters for letter in letters[figure]
    }
    assert set(BY_NAME) <= set(STUDIES)
    deltas = [BY_NAME[f"brero2021/figure_2{letter}"].setting.delta for letter in "abcd"]
    assert deltas == [0, 0.25, 0.33, 0.5]
    shown = {panel.economy for panel in PANELS}
    published = {name for name in STUDIES if name.startswith("brero2021/") and "figure" not in name}
    assert shown == {name for name in published if "proposition" not in name}


@pytest.mark.parametrize("panel", PANELS, ids=lambda panel: panel.name)
def test_mechanisms_differ_only_in_what_they_see(panel):
    studies = panel.studies()
    seen = {name: (one.statistic, one.ppo.actor_sees) for name, one in studies.items()}
    assert seen == {
        "prices": ("prices", "statistic"),
        "allocation": ("allocation", "statistic"),
        "agents_items": ("agents_items", "statistic"),
        "personalised_static_prices": ("agents_items", "agents_left"),
        "anonymous_static_prices": ("agents_items", "nothing"),
    }
    own = panel.study.resolved()
    for one in studies.values():
        ppo = dataclasses.replace(
            one.ppo, actor_sees="statistic", architecture=own.ppo.architecture
        )
        assert dataclasses.replace(one, statistic=own.statistic, ppo=ppo) == own


def test_static_prices_can_be_learned_beside_a_symmetric_network():
    studies = BY_NAME["brero2021/figure_2d"].studies()
    assert [one.ppo.architecture for one in studies.values()] == ["symmetric"] * 3 + ["flat"] * 2


def test_expense():
    panel = BY_NAME["brero2021/figure_2b"]
    own = study_called(panel.economy)
    quick = panel.resolved()
    assert (quick.seeds, quick.updates) == (QUICK["seeds"], QUICK["updates"]) == (3, 85)
    assert quick.num_environments == own.ppo.num_environments
    paper = dataclasses.replace(panel, paper=True).resolved()
    assert (paper.seeds, paper.updates) == (6, own.updates)
    assert paper.resolved() == paper
    assert paper.studies()["prices"].setting == Correlated(delta=0.25)
    tiny = dataclasses.replace(panel, paper=True, seeds=1, num_environments=16)
    one = tiny.studies()["prices"]
    assert (one.seeds, one.ppo.num_environments, one.updates) == (1, 16, own.updates)


def test_a_panel_is_as_described_at_any_expense_if_all_mechanisms_are_compared():
    panel = BY_NAME["brero2021/figure_3a"]
    assert dataclasses.replace(panel, seeds=1, paper=True).is_as_described
    assert not dataclasses.replace(panel, mechanisms=("prices",)).is_as_described


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"seeds": 0}, "seeds: got 0"),
        ({"mechanisms": ()}, "mechanisms: got none"),
        ({"mechanisms": ("price",)}, "mechanisms: got 'price'; did you mean 'prices'"),
    ],
)
def test_mistakes_are_named(changes, words):
    with pytest.raises(ValueError, match=words):
        dataclasses.replace(PANELS[0], **changes)


def test_all_figures_pass_their_expense_on():
    panels = dataclasses.replace(FIGURES, seeds=2, mechanisms=("prices",)).panels()
    assert list(panels) == [panel.name.removeprefix("brero2021/") for panel in PANELS]
    assert {(one.seeds, one.updates, one.mechanisms) for one in panels.values()} == {
        (2, 85, ("prices",))
    }


def test_labels_are_distinct():
    assert len({mechanism.label for mechanism in MECHANISMS.values()}) == len(MECHANISMS)


def found(mean):
    """What a cell finds: two of three seeds are shown."""
    return Findings(
        headline="",
        estimates={
            "learned": Estimate(mean, 0.01, (mean - 0.1, mean, mean + 0.1), (0.02,) * 3),
            "learned_best": Estimate(mean + 0.05, per_seed=(mean + 0.1, mean)),
            "random_serial_dictatorship": Estimate(0.93, 0.01),
        },
        oracles={
            "optimum": Oracle(1.3096),
            "random_serial_dictatorship": Oracle(0.9346),
        },
        certificates={"truthful": Certificate(True, "by construction")},
        learning_curves=(
            LearningCurves("welfare", (0, 1, 2), ((10.0, 20.0),) * 3, ((0.1,), (0.2,), (0.3,))),
        ),
        records=tuple(
            Record("learned_best", "welfare", value, seed=seed)
            for seed, value in ((None, mean + 0.05), (2, mean + 0.1), (1, mean))
        ),
    )


class Cells:
    """A workspace whose cells find what they are told to, or diverge."""

    def __init__(self, told):
        self.told, self.lines, self.asked = told, [], {}

    def say(self, text):
        self.lines.append(text)

    def cell(self, name):
        cells = self

        class Cell:
            def run(self, study):
                cells.asked[name] = study
                if isinstance(cells.told[name], Exception):
                    raise cells.told[name]
                return cells.told[name]

        return Cell()


@pytest.fixture
def panel(monkeypatch):
    monkeypatch.setattr(learning, "compared_with", lambda *_: None)
    return dataclasses.replace(
        BY_NAME["brero2021/figure_3d"], mechanisms=("agents_items", "anonymous_static_prices")
    )


def diverging():
    return TrainingDivergedError(
        "in /some/folder", update=7, seed=0, quantities=("loss", "gradient")
    )


def test_mechanisms_stand_side_by_side(panel):
    cells = Cells({"agents_items": found(1.2), "anonymous_static_prices": found(1.1)})
    together = panel.compute(cells)
    assert cells.asked == panel.studies()
    table = together.tables[0]
    assert table.columns == (
        "Mechanism", "Simulated welfare", "Best 2 of 3 seeds", "Exact", "% of optimum",
    )  # fmt: skip
    assert table.rows == (
        (
            "Learned, sees agents and items left",
            "1.2000 ± 0.0100",
            "1.2500",
            "",
            f"{100 * 1.25 / 1.3096:.2f}",
        ),
        (
            "Learned, anonymous static prices",
            "1.1000 ± 0.0100",
            "1.1500",
            "",
            f"{100 * 1.15 / 1.3096:.2f}",
        ),
        ("Optimal sequential price mechanism", "", "", "1.3096", "100.00"),
        (
            "Random serial dictatorship",
            "0.9300 ± 0.0100",
            "",
            "0.9346",
            f"{100 * 0.9346 / 1.3096:.2f}",
        ),
    )
    assert table.emphasised == (0, 1)
    assert "agents and items left: welfare 1.2500" in together.headline
    assert together.estimates["learned_agents_items"].mean == 1.2
    assert together.certificates["anonymous_static_prices_truthful"].holds
    # The best seeds alone are drawn, best first.
    assert [one.seeds for one in together.learning_curves] == [(2, 1), (2, 1)]
    assert together.learning_curves[0].values == ((0.3,), (0.2,))
    assert {record.cell for record in together.records} == set(panel.mechanisms)


def test_a_mechanism_that_diverges_does_not_stop_the_others(panel):
    cells = Cells({"agents_items": diverging(), "anonymous_static_prices": found(1.1)})
    together = panel.compute(cells)
    assert len(together.learning_curves) == 1
    # Where the folder was is no finding.
    assert together.tables[0].notes[-1] == (
        "Learned, sees agents and items left: diverged (update 7, seed 0: no longer finite: loss, "
        "gradient)."
    )
    assert "in /some/folder" in cells.lines


def test_a_panel_of_which_nothing_is_left_says_so(panel):
    cells = Cells(dict.fromkeys(panel.mechanisms, diverging()))
    with pytest.raises(TrainingDivergedError):
        panel.compute(cells)
