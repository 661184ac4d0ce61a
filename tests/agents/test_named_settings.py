"""The named settings: who there is, what is for sale, and options out of range."""

from __future__ import annotations

import numpy as np
import pytest

from jaxmech.agents import SETTINGS, AdditiveDemand, UnitDemand, named_setting

SHAPES = {
    "additive_types": (10, (2, 4), 1),
    "colors": (30, (10, 10), 2),
    "correlated": (20, (5,), 1),
    "id": (6, (2,), 60),
    "inventory": (20, (10,), 1),
    "kitchen_sink": (3, (1, 1, 1), 5),
    "max_min": (9, (5, 5), 1),
    "proposition_1": (2, (1,), 3),
    "proposition_2": (3, (2,), 3),
    "proposition_3": (6, (2,), 15),
    "proposition_4": (4, (2,), 15),
    "two_worlds": (10, (1,), 1),
}


@pytest.mark.parametrize("name", sorted(SETTINGS))
def test_agents_supply_and_highest_value(name):
    made = named_setting(name)
    agents, units, highest = SHAPES[name]
    assert (made.distribution.num_agents, made.units) == (agents, units)
    assert made.distribution.highest_values.max() == highest
    form = AdditiveDemand if name == "additive_types" else UnitDemand
    assert made.distribution.demand == form(len(units))


def test_options_change_the_numbers():
    assert named_setting("colors", num_per_color=2).distribution.num_agents == 6
    assert named_setting("colors", num_per_color=2).units == (2, 2)
    made = named_setting(
        "additive_types", num_agents=3, units=(1, 1, 2), delta=0.25, shared_centre=True
    )
    assert (made.distribution.num_agents, made.units) == (3, (1, 1, 2))
    assert float(made.distribution.delta) == 0.25 and made.distribution.shared_centre


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("colors", {"num_per_color": 0}, "num_per_color: got 0"),
        ("additive_types", {"delta": -0.1}, "delta: got -0.1"),
        ("additive_types", {"num_agents": 0}, "num_agents: got 0"),
        ("additive_types", {"units": (0, 4)}, r"units: got \(0, 4\)"),
        ("additive_types", {"unit": (1, 4)}, "got 'unit'; did you mean 'units'"),
        ("id", {"num_agents": 3}, "option of setting 'id': got 'num_agents'; it has none"),
        ("proposition_5", {}, r"setting: got 'proposition_5'; allowed are additive_types"),
    ],
)
def test_options_out_of_range(name, options, message):
    with pytest.raises(ValueError, match=message):
        named_setting(name, **options)


def test_half_the_max_min_worlds_swap_colors_for_orange_and_roles_for_the_others():
    distribution = named_setting("max_min").distribution
    for ends in (np.asarray(distribution.low), np.asarray(distribution.high)):
        np.testing.assert_array_equal(ends[1, 0], ends[0, 0, ::-1])
        np.testing.assert_array_equal(ends[1, 1:5], ends[0, 5:])
        np.testing.assert_array_equal(ends[1, 5:], ends[0, 1:5])
