"""Environments and settings by name: wrong names and options are told what is allowed."""

from __future__ import annotations

import pytest

import jaxmech
from jaxmech import agents, environments
from jaxmech.checks import InvalidValueError
from jaxmech.environments import registry


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"name": "sequential_prices"}, "environment: got 'sequential_prices'; did you mean"),
        ({"setting": "two_world"}, "setting: got 'two_world'; did you mean 'two_worlds'"),
        ({"objective": "welfar"}, "objective: got 'welfar'; did you mean 'welfare'"),
        ({"statistic": "price"}, "statistic: got 'price'; allowed are"),
        ({"objective": 3}, "objective: got 3"),
        ({"price_high": 0.0}, "price_high: got 0.0"),
        ({"num_agents": 0}, "num_agents: got 0"),
        ({"statistics": "prices"}, "got 'statistics'; did you mean 'statistic'"),
        ({"num_items": 2}, r"got 'num_items'.*llowed are .*num_agents.*objective"),
        ({"setting": "correlated", "delta": 1.5}, "delta: got 1.5"),
        ({"setting": agents.named_setting("inventory"), "num_agents": 3}, "got 'num_agents'"),
    ],
)
def test_make_rejects(options, message):
    with pytest.raises(InvalidValueError, match=message):
        jaxmech.make(**{"name": "sequential_price", **options})


@pytest.mark.parametrize("name", ["sequential_price", "repeated_auction"])
def test_an_unknown_option_is_told_where_the_options_are(name):
    with pytest.raises(ValueError, match=rf"see help\(jaxmech\.environments\.{name}\.make\)"):
        jaxmech.make(name, colour="red")
    assert "Args:" in getattr(environments, name).make.__doc__


def test_an_environment_of_ones_own_is_made_and_checked(monkeypatch):
    def closed(size: int = 1):
        return size, None

    monkeypatch.setattr(registry, "ENVIRONMENTS", dict(registry.ENVIRONMENTS))
    environments.register("closed", closed)
    assert "closed" in environments.names()
    assert environments.make("closed", size=2) == (2, None)
    with pytest.raises(InvalidValueError, match="name: got 'closed', which is taken"):
        environments.register("closed", closed)
    with pytest.raises(ValueError, match=r"got 'sise'; did you mean 'size'\? Allowed are size"):
        environments.make("closed", sise=2)


@pytest.mark.parametrize("name", sorted(agents.SETTINGS))
def test_setting_rejects_an_unknown_option(name):
    with pytest.raises(ValueError, match=f"option of setting '{name}': got 'demands'"):
        agents.named_setting(name, demands=3)


def test_units_must_match_the_item_types():
    distribution = agents.named_setting("two_worlds").distribution
    for units in [(1, 1), (0,), ()]:
        with pytest.raises(ValueError, match="units"):
            agents.Setting(distribution, units)


FROM_THE_FACTORY = ("sizes", "game", "game_params")


@pytest.mark.parametrize("name", environments.names())
def test_options_that_are_told_are_those_that_a_user_can_give(name):
    with pytest.raises(InvalidValueError) as refused:
        jaxmech.make(name, colour="red")
    told = refused.value.allowed.split(", ")
    assert told and not set(told) & set(FROM_THE_FACTORY)
    if "response_rate" in told:
        for option in FROM_THE_FACTORY:
            with pytest.raises(InvalidValueError, match=f"got '{option}'"):
                jaxmech.make(name, **{option: 3})
