"""Messages name the flag where they would name a field."""

from dataclasses import dataclass, field

import pytest

from jaxmech.cli.flags import with_flag


@dataclass(frozen=True)
class Sizes:
    num_agents: int = 2
    units: int = 1


@dataclass(frozen=True)
class Study:
    setting: Sizes = field(default_factory=Sizes)
    units: int = 1
    held_out: float = 0.2


@dataclass(frozen=True)
class Command:
    study: Study = field(default_factory=Study)
    directory: str = ""


@pytest.mark.parametrize(
    ("message", "arguments", "flag"),
    [
        ("num_agents: got 0", [], "--setting.num-agents"),
        ("setting.num_agents: got 0", [], "--setting.num-agents"),
        ("other.num_agents: got 0", [], "--setting.num-agents"),
        ("held_out: got 2", [], "--held-out"),
        ("directory: got x", [], "--directory"),
        # Two flags end so: the one that was typed, or else the one of just this name.
        ("units: got 0", ["--setting.units", "0"], "--setting.units"),
        ("units: got 0", ["--setting.units=0"], "--setting.units"),
        ("units: got 0", ["--units", "0"], "--units"),
        ("units: got 0", [], "--units"),
        ("setting.units: got 0", ["--units", "1"], "--setting.units"),
    ],
)
def test_the_flag_stands_in_place_of_the_field(message, arguments, flag):
    assert with_flag(message, Command(), arguments) == f"{flag}: {message.partition(': ')[2]}"


@pytest.mark.parametrize("message", ["own.yaml: items: got none", "setting: got 'x'", "no field"])
def test_other_messages_stay_as_they_are(message):
    assert with_flag(message, Command(), []) == message
