"""Configurations: to YAML and back, and what they promise about the code they configure."""

import dataclasses
import inspect
import math
import re
from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from jaxmech.agents import SETTINGS
from jaxmech.data.timber import load_timber_bids
from jaxmech.designers import PPO
from jaxmech.experiments import (
    EXPERIMENTS,
    SETTING_NAMES,
    Correlated,
    FiniteSettingFile,
    PPOSettings,
    TimberAuctions,
    config_of,
    experiment,
    read_config,
    write_config,
)
from jaxmech.experiments.sequential_price.building import build, references_of


@pytest.fixture
def path(tmp_path):
    return tmp_path / "config.yaml"


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_every_experiment_reads_back_the_same(name, path):
    write_config(EXPERIMENTS[name], path)
    assert read_config(path) == EXPERIMENTS[name]


@settings(max_examples=30, deadline=None)
@given(
    learning_rate=st.floats(1e-8, 1, allow_nan=False),
    target_kl=st.sampled_from([math.inf, 0.01]),
    delta=st.floats(0, 1),
    hidden=st.lists(st.integers(1, 512), max_size=3).map(tuple),
    price_high=st.none() | st.floats(0.1, 1e6),
)
def test_changed_fields_read_back_bit_for_bit(
    learning_rate, target_kl, delta, hidden, price_high, tmp_path_factory
):
    changed = dataclasses.replace(
        EXPERIMENTS["brero2021/correlated"],
        setting=Correlated(delta=delta),
        price_high=price_high,
        ppo=PPOSettings(learning_rate=learning_rate, target_kl=target_kl, hidden=hidden),
    )
    path = tmp_path_factory.mktemp("configs") / "config.yaml"
    write_config(changed, path)
    assert read_config(path) == changed


def test_a_config_is_plain_yaml_with_the_settings_name():
    content = yaml.safe_load(yaml.safe_dump(config_of(EXPERIMENTS["brero2021/inventory"])))
    assert content["setting"] == {"name": "inventory", "num_agents": 20, "num_items": 10}
    assert content["ppo"]["hidden"] == [64, 64]


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("seeds: 6", "sedes: 6", "sedes: no such field; did you mean 'seeds'"),
        ("seeds: 6", "seeds: none", "config.seeds"),
        ("seeds: 6", "seeds: 0", "seeds: got 0; allowed are integers of at least 1"),
        ("held_out: 0.2", "held_out: 1.5", "held_out: got 1.5"),
        ("units: null", "units: [2]", "units: got (2,); they go with samples"),
        ("objective: welfare", "objective: profit", "profit"),
        ("name: correlated", "name: corelated", "did you mean 'correlated'"),
        ("delta: 0.0", "detla: 0.0", "detla: no such field; did you mean 'delta'"),
    ],
)
def test_mistakes_are_named(old, new, message, path):
    write_config(EXPERIMENTS["brero2021/correlated"], path)
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))
    with pytest.raises(ValueError, match=re.escape(message)):
        read_config(path)


@pytest.mark.parametrize("text", ["a: [", "just words", "- 1\n- 2\n"])
def test_what_is_no_mapping_is_refused(text, path):
    path.write_text(text)
    with pytest.raises(ValueError, match=r"config\.yaml"):
        read_config(path)


def test_a_missing_file_is_refused(path):
    with pytest.raises(ValueError, match="no such file"):
        read_config(path)


def test_a_wrong_name_suggests_the_nearest():
    with pytest.raises(ValueError, match="did you mean 'brero2021/inventory'"):
        experiment("brero2021/inventry")


@pytest.mark.parametrize("kind", SETTING_NAMES)
def test_every_setting_reads_back_the_same(kind, path):
    changed = dataclasses.replace(EXPERIMENTS["brero2021/inventory"], setting=kind())
    write_config(changed, path)
    assert read_config(path) == changed


@pytest.mark.parametrize("kind", [kind for kind in SETTING_NAMES if kind is not FiniteSettingFile])
def test_settings_have_the_fields_and_defaults_of_their_functions(kind):
    function = load_timber_bids if kind is TimberAuctions else SETTINGS[SETTING_NAMES[kind]]
    defaults = {
        name: parameter.default
        for name, parameter in inspect.signature(function).parameters.items()
        if name != "seed"
    }
    assert dataclasses.asdict(kind()) == defaults


@pytest.fixture
def own_setting():
    return dataclasses.replace(
        EXPERIMENTS["brero2021/inventory"], setting=FiniteSettingFile("own.yaml")
    )


def test_an_experiment_in_a_setting_of_a_file(own_setting, path, monkeypatch):
    monkeypatch.chdir(path.parent)
    Path("own.yaml").write_text("{items: {a: 2}, worlds: [{agents: [{one_of: [1, 3], count: 3}]}]}")
    resolved = own_setting.resolved()
    # It is found from any folder.
    assert Path(resolved.setting.path) == path.parent / "own.yaml"
    assert resolved.title == "brero2021/inventory: own.yaml"
    write_config(resolved, path)
    monkeypatch.chdir("/")
    study = build(read_config(path))
    assert (study.env.num_agents, study.setting.units) == (3, (2,))
    oracles = references_of(study).oracles
    assert oracles["optimum"] == pytest.approx(19 / 4, abs=1e-9)


def test_a_setting_file_that_is_not_there(own_setting, path, monkeypatch):
    monkeypatch.chdir(path.parent)
    with pytest.raises(ValueError, match="own.yaml; there is no such file"):
        build(own_setting)
    unnamed = dataclasses.replace(own_setting, setting=FiniteSettingFile())
    with pytest.raises(ValueError, match="setting.path: got None; brero2021/inventory needs"):
        build(unnamed)


def test_every_registered_setting_has_a_configuration():
    assert set(SETTINGS) <= set(SETTING_NAMES.values())


def test_ppo_settings_are_those_of_the_learner():
    learner = {field.name for field in dataclasses.fields(PPO)}
    ours = {field.name for field in dataclasses.fields(PPOSettings)}
    # The environment's longest episode sets the length of a rollout.
    assert learner - ours == {"env", "params", "rollout_length"}
    assert ours <= learner
