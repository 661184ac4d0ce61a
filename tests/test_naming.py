"""What a mistyped name is answered with."""

import pytest

from jaxmech.experiments.sequential_price.named import PANELS
from jaxmech.naming import full_name, lookup, nearest


@pytest.mark.parametrize(
    ("name", "near"),
    [
        ("brero2021/two_wolds", "brero2021/two_worlds"),
        ("two_wolds", "brero2021/two_worlds"),
        ("brero/colors", "brero2021/colors"),
        # What comes before the slash makes no name near.
        ("brero2021/zzz", None),
        # All panels of the figure are as near.
        ("figure_9z", None),
        ("brero2021/figure_3z", None),
    ],
)
def test_only_a_name_that_is_near_and_alone_is_suggested(name, near):
    names = [*(panel.name for panel in PANELS), "brero2021/two_worlds", "brero2021/colors"]
    assert nearest(name, names) == near


def test_without_a_near_name_all_are_listed():
    with pytest.raises(
        ValueError, match=r"^panel: got 'figure_9z'; allowed are brero2021/figure_2a"
    ):
        lookup("panel", "figure_9z", {panel.name: panel for panel in PANELS})


def test_what_is_no_name_has_no_near_one():
    with pytest.raises(ValueError, match=r"^panel: got 3; allowed are one, two$"):
        lookup("panel", 3, {"one": 1, "two": 2})
    # A list has no hash.
    with pytest.raises(ValueError, match=r"^panel: got \['one'\]; allowed are one, two$"):
        lookup("panel", ["one"], {"one": 1, "two": 2})


def test_a_short_name_stands_for_the_only_one_that_ends_so():
    names = ["a/id", "a/x", "b/x", "plain"]
    assert [full_name(name, names) for name in ("id", "a/id", "x", "plain", "other")] == [
        "a/id", "a/id", "x", "plain", "other",
    ]  # fmt: skip
