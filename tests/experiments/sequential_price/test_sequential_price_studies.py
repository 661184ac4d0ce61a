"""Studies of sequential prices: to YAML and back, what they refuse, and what they describe."""

import dataclasses
import math
import re
from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from jaxmech.agents import SETTINGS, named_setting
from jaxmech.agents.settings.named import Correlated, TwoWorlds
from jaxmech.designers.ppo.hyper_parameters import PPOHyperParameters
from jaxmech.experiments.configuration_files import (
    choices_of,
    config_of,
    read_config,
    text_of,
    with_choice,
)
from jaxmech.experiments.registry import STUDIES, study_called
from jaxmech.experiments.sequential_price.economy import FiniteSettingFile, TimberAuctions
from jaxmech.experiments.sequential_price.problem import problem_of
from jaxmech.experiments.sequential_price.study import SequentialPriceStudy

OURS = [
    name for name, place in STUDIES.items() if place.startswith("jaxmech.experiments.sequential")
]


@pytest.fixture
def path(tmp_path):
    return tmp_path / "config.yaml"


def write(study, path):
    path.write_text(text_of(config_of(study)))


@pytest.mark.parametrize("name", OURS)
def test_every_study_reads_back_the_same(name, path):
    study = study_called(name)
    write(study, path)
    assert read_config(path) == study
    assert study.name == name


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
    study = study_called("brero2021/correlated")
    ppo = dataclasses.replace(
        study.ppo, learning_rate=learning_rate, target_kl=target_kl, hidden=hidden
    )
    changed = dataclasses.replace(
        study, setting=Correlated(delta=delta), price_high=price_high, ppo=ppo
    )
    path = tmp_path_factory.mktemp("configs") / "config.yaml"
    write(changed, path)
    assert read_config(path) == changed


def test_a_config_is_plain_yaml_with_the_settings_name():
    content = yaml.safe_load(text_of(config_of(study_called("brero2021/inventory"))))
    assert content["setting"] == {"name": "inventory", "num_agents": 20, "num_items": 10}
    assert content["ppo"]["hidden"] == [64, 64]


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("seeds: 6", "sedes: 6", "seeds: got nothing"),
        ("seeds: 6", "seeds: 6\nsedes: 6", "sedes: no such field; did you mean 'seeds'"),
        ("seeds: 6", "seeds: none", "config.seeds"),
        ("seeds: 6", "seeds: 0", "seeds: got 0; allowed are integers from 1"),
        ("held_out: 0.2", "held_out: 1.5", "held_out: got 1.5"),
        ("units: null", "units: [2]", "units: got (2,); they go with samples"),
        ("objective: welfare", "objective: profit", "profit"),
        ("name: correlated", "name: corelated", "did you mean 'correlated'"),
        ("delta: 0.0", "detla: 0.0", "detla: no such field; did you mean 'delta'"),
    ],
)
def test_mistakes_are_named(old, new, message, path):
    write(study_called("brero2021/correlated"), path)
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))
    with pytest.raises(ValueError, match=re.escape(message)):
        read_config(path)


def test_every_named_setting_can_be_chosen_and_built_as_it_is_by_name():
    assert set(SETTINGS) <= set(choices_of(SequentialPriceStudy)["setting"])
    for name in SETTINGS:
        study = with_choice(study_called("brero2021/colors"), "setting", name)
        built, by_name = study.setting.build(), named_setting(name)
        assert built.units == by_name.units
        assert built.distribution.num_agents == by_name.distribution.num_agents


def test_timber_auctions_are_those_of_the_loader(monkeypatch):
    asked = {}
    monkeypatch.setattr("jaxmech.data.load_timber_bids", lambda **options: asked.update(options))
    TimberAuctions(num_agents=4).samples()
    assert asked == {"num_agents": 4, "lowest": 1.0, "highest": 4.0}


@pytest.fixture
def own_setting():
    return dataclasses.replace(
        study_called("brero2021/inventory"), setting=FiniteSettingFile("own.yaml")
    )


def test_a_study_in_a_setting_of_a_file(own_setting, path, monkeypatch):
    monkeypatch.chdir(path.parent)
    Path("own.yaml").write_text("{items: {a: 2}, worlds: [{agents: [{one_of: [1, 3], count: 3}]}]}")
    resolved = own_setting.resolved()
    # It is found from any folder.
    assert Path(resolved.setting.path) == path.parent / "own.yaml"
    assert resolved.title == "brero2021/inventory: own.yaml"
    assert resolved.files == (resolved.setting.path,)
    write(resolved, path)
    monkeypatch.chdir("/")
    problem = problem_of(read_config(path))
    assert (problem.env.num_agents, problem.params.units.tolist()) == (3, [2])


def test_files_that_are_not_there(own_setting, path, monkeypatch):
    monkeypatch.chdir(path.parent)
    with pytest.raises(ValueError, match=r"setting.path: got own.yaml; there is no such file"):
        own_setting.resolved()
    unnamed = dataclasses.replace(own_setting, setting=FiniteSettingFile())
    with pytest.raises(ValueError, match=r"setting.path: got None; brero2021/inventory needs"):
        unnamed.resolved()
    with pytest.raises(ValueError, match=r"samples: got None; own_values needs a file"):
        study_called("own_values").resolved()


@pytest.mark.parametrize(
    ("changes", "described"),
    [
        ({}, True),
        ({"seeds": 2}, True),
        ({"setting": Correlated(delta=0.25)}, True),
        ({"setting": Correlated(delta=0.3)}, False),
        ({"setting": Correlated(num_agents=5)}, False),
        ({"samples": "values.csv"}, False),
        ({"objective": "revenue"}, False),
        ({"buys_at_zero_utility": True}, False),
        ({"statistic": "agents_items"}, False),
        ({"price_high": 0.01}, False),
        ({"ppo": PPOHyperParameters(actor_sees="nothing")}, False),
        ({"ppo": PPOHyperParameters(learning_rate=0.1)}, True),
    ],
)
def test_only_the_study_described_is_said_to_reproduce_a_result(changes, described):
    study = dataclasses.replace(study_called("brero2021/correlated"), **changes)
    assert study.is_as_described == described


def test_schedules_end_with_the_last_update_unless_told():
    study = dataclasses.replace(
        study_called("brero2021/inventory"), setting=TwoWorlds(3), updates=70
    )
    assert problem_of(study).designer.anneal_updates == 70.0
    ppo = dataclasses.replace(study.ppo, anneal_updates=9.0)
    told = dataclasses.replace(study, ppo=ppo)
    assert problem_of(told).designer.anneal_updates == 9.0


@pytest.mark.parametrize(
    ("objective", "subtracts"), [("welfare", True), ("revenue", True), ("max_min", False)]
)
def test_the_offline_optimum_is_subtracted_where_that_helps(objective, subtracts):
    study = dataclasses.replace(
        study_called("brero2021/inventory"), setting=TwoWorlds(3), objective=objective
    )
    assert study.resolved().subtract_offline_optimum is subtracts
    assert problem_of(study.resolved()).env.subtract_offline_optimum is subtracts
    told = dataclasses.replace(study, subtract_offline_optimum=not subtracts)
    assert told.resolved() == told


def test_seeds_follow_the_first():
    study = dataclasses.replace(study_called("brero2021/id"), seeds=2, first_seed=5)
    assert study.all_seeds == (5, 6)
