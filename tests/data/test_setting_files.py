"""Settings of finite support, written as files: the same as in Python, and what is refused."""

from __future__ import annotations

import inspect
import pydoc
import textwrap

import chex
import pytest

from jaxmech.agents import (
    AdditiveDemand,
    BundleDemand,
    finite_setting,
    named_setting,
    one_of,
    surely,
)
from jaxmech.data import load_setting, setting_files

KITCHEN_SINK = """
items: {A: 1, B: 1, C: 1}
demand: unit
worlds:
  - probability: 1/2
    agents:
      - value: {A: 0.01}
      - value: {C: 1}
      - alternatives:
          - {value: {C: 5}, probability: 1/5}
          - {value: {C: 0.5}, probability: 4/5}
  - probability: 0.5
    agents:
      - value: {B: 1e-2}
      - alternatives:
          - {value: {C: 2}, probability: 0.2}
          - {value: 0, probability: 0.8}
      - value: {C: 0.499}
"""


@pytest.fixture
def load(tmp_path):
    def write_and_load(text):
        path = tmp_path / "own.yaml"
        path.write_text(text)
        return load_setting(path)

    return write_and_load


def assert_same(first, second):
    assert first.units == second.units
    chex.assert_trees_all_equal(first.distribution, second.distribution, strict=True)


def test_a_file_says_what_python_says(load):
    assert_same(load(KITCHEN_SINK), named_setting("kitchen_sink"))


def test_identical_agents_are_counted(load):
    text = """
        items: {red: 2, yellow: 2}
        worlds:
          - agents:
              - {count: 2, value: {red: 1}}
              - {count: 2, value: {yellow: 1}}
              - {count: 2, one_of: [{red: 2}, {yellow: 2}]}
    """
    assert_same(load(textwrap.dedent(text)), named_setting("colors", num_per_color=2))


def test_a_number_is_an_agent_and_counts_for_every_item(load):
    text = "{items: {a: 1, b: 2}, demand: additive, worlds: [{agents: [3, 0, {value: 1/4}]}]}"
    expected = [surely((3, 3)), surely((0, 0)), surely((0.25, 0.25))]
    assert_same(load(text), finite_setting([(1, expected)], units=(1, 2), demand=AdditiveDemand(2)))


def test_bundles_are_named_by_their_items_in_any_order(load):
    text = """
        items: {a: 1, b: 1}
        demand: bundle
        worlds:
          - agents:
              - one_of: [{a: 1, b + a: 5}, {b: 2}]
              - 0
    """
    agents = [one_of((0, 1, 0, 5), (0, 0, 2, 0)), surely((0, 0, 0, 0))]
    expected = finite_setting([(1, agents)], units=(1, 1), demand=BundleDemand(2))
    assert_same(load(textwrap.dedent(text)), expected)


def test_the_documented_example(load):
    documentation = inspect.getdoc(setting_files)
    example = documentation.split("::\n")[1].split("\n``items``")[0]
    known = [surely((1, 0))] * 10 + [one_of((2, 0), (0, 2))]
    last = [((0, 2), 0.8), ((0, 5), 0.2)]
    worlds = [(0.5, [*known, last]), (0.5, [*known, surely(0)])]
    assert_same(load(textwrap.dedent(example)), finite_setting(worlds, units=(1, 2)))


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("worlds:", "world:", "the file: field: got 'world'; did you mean 'worlds'"),
        ("demand: unit", "demand: units", "demand: got 'units'; did you mean 'unit'"),
        ("items: {A: 1, B: 1, C: 1}", "items: {}", "items: got none"),
        ("items: {A: 1, B: 1, C: 1}", "", "the file: 'items' is missing"),
        ("A: 1,", "A: 0,", "items, A: got 0; allowed are integers"),
        ("A: 1,", "A: yes,", "items, A: got True; allowed are integers"),
        ("A: 1,", "A: 1, A: 2,", "line 2: 'A' appears twice"),
        ("probability: 1/2", "probability: 1/3", "worlds: got probabilities .* sum to 0.8333"),
        ("probability: 1/2", "probability: half", "world 1, probability: got 'half'; a number"),
        ("probability: 1/2", "probability: 1/0", "world 1, probability: got '1/0'; a number"),
        ("value: {A: 0.01}", "value: {D: 0.01}", "world 1, agent 1: item: got 'D'"),
        ("value: {A: 0.01}", "value: {A: -0.01}", "world 1, agent 1, A: got -0.01; values must"),
        ("value: {A: 0.01}", "value: {A: .nan}", "world 1, agent 1, A: got nan; NaN is not"),
        ("value: {A: 0.01}", "value: {A: [1]}", "world 1, agent 1, A: got .1.; a number"),
        ("value: {A: 0.01}", "values: {A: 0.01}", "agent 1: field: got 'values'; did you mean"),
        ("value: {A: 0.01}", "count: 2", "world 1, agent 1: got ..; needed is one of"),
        ("value: {C: 1}", "{count: 0, value: 1}", "world 1, agent 2, count: got 0; allowed"),
        ("value: {C: 1}", "{count: 2, value: 1}", "world 2: got 3 agents; world 1 has 4"),
        ("value: {C: 1}", "one_of: []", "world 1, agent 2: got no alternatives"),
        ("value: {C: 1}", "one_of: 3", "world 1, agent 2, one_of: got 3; a list"),
        ("{value: 0, probability: 0.8}", "{value: 0}", "alternative 2: 'probability' is missing"),
        ("probability: 4/5", "probability: 0.7", "world 1, agent 3: got probabilities .*0.9"),
    ],
)  # fmt: skip
def test_mistakes_name_the_file_and_the_place(old, new, message, load):
    assert old in KITCHEN_SINK
    with pytest.raises(ValueError, match=rf"own\.yaml: .*{message}"):
        load(KITCHEN_SINK.replace(old, new, 1))


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("3", "world 1, agent 1: got 3; a mapping from bundles is needed"),
        ("{a + c: 3}", "world 1, agent 1: item: got 'a . c'; did you mean 'a . b'"),
        ("{a + b: 3, b + a: 3}", "world 1, agent 1: .* appears twice"),
    ],
)
def test_mistakes_in_bundles(value, message, load):
    head = "items: {a: 1, b: 1}\ndemand: bundle\nworlds:\n  - agents:\n      - value: "
    with pytest.raises(ValueError, match=message):
        load(head + value)


def test_names_joined_by_plus_cannot_be_names_of_items(load):
    with pytest.raises(ValueError, match=r"items: got 'a\+b'"):
        load("{items: {a+b: 1}, demand: bundle, worlds: [{agents: [0]}]}")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: [", "not YAML"),
        ("", "the file: got None; a mapping"),
        ("- 1", "a mapping"),
        ("{items: {a: 1}, worlds: 3}", "worlds: got 3; a list"),
        ("{items: {a: 1}, worlds: []}", "worlds: got none"),
        ("{items: {a: 1}, worlds: [3]}", "world 1: got 3; a mapping"),
        ("{items: {a: 1}, worlds: [{agents: 3}]}", "world 1, agents: got 3; a list"),
    ],
)
def test_what_is_no_setting_is_refused(text, message, load):
    with pytest.raises(ValueError, match=rf"own\.yaml: .*{message}"):
        load(text)


def test_a_missing_file_is_refused(tmp_path):
    with pytest.raises(ValueError, match="path: got .*absent.yaml; there is no such file"):
        load_setting(tmp_path / "absent.yaml")


def test_help_shows_the_format_and_nothing_private():
    shown = pydoc.plain(pydoc.render_doc(setting_files))
    assert "load_setting(path" in shown
    assert "SafeLoader" not in shown
