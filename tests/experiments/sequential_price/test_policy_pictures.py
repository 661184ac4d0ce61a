"""The picture of a policy: who is visited when, at what price, after which purchases."""

import numpy as np
import pytest

from jaxmech.experiments.sequential_price.picture import (
    MAX_HISTORIES,
    Visits,
    heat_maps,
    item_name,
    tree,
)
from jaxmech.reports.tree import tree_svg


def two_visits() -> Visits:
    """One unit, agents 1 then 0: in 3 of 4 episodes agent 1 passes at .8 and 0 gets .4."""
    return Visits(
        agents=np.array([[1, 0]] * 4),
        prices=np.array([[[0.8], [0.4]]] * 4),
        bundles=np.array([[[1], [0]], [[0], [1]], [[0], [1]], [[0], [0]]]),
        live=np.array([[True, False], [True, True], [True, True], [True, True]]),
        units=np.array([1]),
    )


def test_the_tree_follows_the_purchases():
    root = tree(two_visits(), 0).root
    assert (root.lines, root.share) == (("agent 2", "at 0.8"), 1.0)
    after = {branch.label: branch.after for branch in root.branches}
    assert (after["buys"].share, after["buys"].ends) == (0.25, True)
    second = after["passes"]
    assert (second.lines, second.share) == (("agent 1", "at 0.4"), 0.75)
    assert {branch.label: branch.after.share for branch in second.branches} == {
        "buys": 0.5,
        "passes": 0.25,
    }


def test_the_tables_count_visits_and_average_prices():
    prices, order = heat_maps(two_visits())
    assert order.shades == ((0.0, 0.75), (1.0, 0.0))
    assert prices.cells == (("0.8", "0.4"),)


def long_visits(items: int) -> Visits:
    """Many histories: 12 agents in order, each buys item 0 or nothing on a coin's toss."""
    coins = np.random.default_rng(0).integers(0, 2, (512, 12, 1))
    bundles = np.concatenate([coins, np.zeros((512, 12, items - 1), int)], axis=-1)
    return Visits(
        agents=np.broadcast_to(np.arange(12), (512, 12)),
        prices=np.full((512, 12, items), 0.3),
        bundles=bundles,
        live=np.ones((512, 12), bool),
        units=np.full(items, 12),
    )


def histories(node):
    yield node
    for branch in node.branches:
        yield from histories(branch.after)


@pytest.mark.parametrize("items", [1, 3])
def test_only_the_likeliest_histories_are_shown(items):
    root = tree(long_visits(items), 0).root
    shown = list(histories(root))
    opened = [history for history in shown if history.branches]
    hidden = [history for history in shown if not history.branches and not history.ends]
    assert len(opened) <= MAX_HISTORIES
    assert min(history.share for history in opened) >= max(history.share for history in hidden)
    assert sum(history.share for history in hidden) == pytest.approx(1)
    svg = tree_svg(root)
    assert svg.count("<rect") == len(opened)
    assert svg.count('class="not_shown"') == len(hidden)
    assert ("takes A" in svg) == (items > 1)


def test_the_findings_say_who_pays_what():
    drawn = tree(two_visits(), 3)
    assert "The mechanism of seed 3, as 4 simulated episodes" in drawn.caption
    assert drawn.root.lines == ("agent 2", "at 0.8")
    assert [(one.label, one.advances) for one in drawn.root.branches] == [
        ("buys", True),
        ("passes", False),
    ]
    assert drawn.root.branches[0].after.ends
    prices, order = heat_maps(two_visits())
    assert (prices.rows, prices.cells) == (("1",), (("0.8", "0.4"),))
    # The dearest is darkest, and what is asked at all is not blank.
    np.testing.assert_allclose(prices.shades, [[1.0, 0.1]])
    assert order.cells == (("", "75 %"), ("100 %", ""))
    assert order.columns == ("visit 1", "visit 2")


def test_an_item_sold_out_from_the_start_of_play_leaves_no_gap_in_the_table():
    visits = two_visits()
    two_units = Visits(
        visits.agents[:1],
        visits.prices[:1],
        visits.bundles[:1] * 2,
        visits.live[:1],
        visits.units * 2,
    )
    assert heat_maps(two_units)[0].cells == (("0.8", ""), ("", ""))


def test_items_are_called_by_letters_and_then_by_numbers():
    assert [item_name(item) for item in (0, 25, 26)] == ["A", "Z", "27"]
