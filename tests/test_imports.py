"""Imports point one way only, and what must start quickly does not import JAX."""

from __future__ import annotations

import ast
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

import jaxmech

PACKAGE = Path(jaxmech.__file__).parent

LAYERS: list[set[str]] = [
    {"checks", "intervals", "struct", "lazy"},
    {"naming", "spaces"},
    {"runner"},
    {"reports"},
    {"mechanisms"},
    {"agents"},
    {"data"},
    {"oracles"},
    {"certificates"},
    {"environments", "networks"},
    {"evaluation", "wrappers"},
    {"designers"},
    {"experiments"},
    {"cli"},
]
"""A room imports from itself and from the layers above its own line, nothing else."""

OF_RUNS = {"runner", "reports"}
"""Rooms that serve people who run studies: mechanisms and learners know nothing of them."""

SYSTEMS: dict[str, set[str]] = {
    "sequential prices": {
        "jaxmech.agents.settings",
        "jaxmech.environments.sequential_price",
        "jaxmech.oracles.sequential_price",
        "jaxmech.oracles.offline",
        "jaxmech.oracles.offline_max_min",
        "jaxmech.designers.baselines",
        "jaxmech.data.samples",
        "jaxmech.data.setting_files",
        "jaxmech.experiments.sequential_price",
    },
    "reserve prices": {
        "jaxmech.agents.keywords",
        "jaxmech.environments.reserve_pricing",
        "jaxmech.networks.bidder_models",
        "jaxmech.designers.bidder_models",
        "jaxmech.designers.planning",
        "jaxmech.data.bid_logs",
        "jaxmech.data.bid_log_writer",
        "jaxmech.data.keyword_bids",
        "jaxmech.experiments.reserve_pricing",
    },
    "auctions": {
        "jaxmech.agents.bidders",
        "jaxmech.environments.repeated_auction",
        "jaxmech.oracles.auctions",
        "jaxmech.oracles.common_value_auctions",
        "jaxmech.certificates.best_responses",
        "jaxmech.experiments.auctions",
    },
    "impression allocation": {
        "jaxmech.agents.sellers",
        "jaxmech.data.brand_choices",
        "jaxmech.data.sales_tables",
        "jaxmech.environments.impression_allocation",
        "jaxmech.networks.sellers",
        "jaxmech.designers.allocation_policies",
        "jaxmech.experiments.impression_allocation",
    },
    "incentives": {
        "jaxmech.environments.bertrand",
        "jaxmech.environments.consumer_tax",
        "jaxmech.environments.cournot",
        "jaxmech.environments.escape_room",
        "jaxmech.environments.four_rooms",
        "jaxmech.environments.income_tax",
        "jaxmech.environments.matrix_game",
        "jaxmech.environments.multilane",
        "jaxmech.environments.stackelberg_pricing",
        "jaxmech.oracles.bertrand",
        "jaxmech.oracles.cournot",
        "jaxmech.oracles.escape_room",
        "jaxmech.oracles.escape_room_payments",
        "jaxmech.oracles.income_tax",
        "jaxmech.oracles.matrix_games",
        "jaxmech.oracles.multilane",
        "jaxmech.oracles.stackelberg_pricing",
        "jaxmech.experiments.incentives",
    },
}
"""The packages and modules of each system, which no other system and nothing general imports."""

EXCEPTIONS = {
    # It plays every one of a user's samples of valuations.
    ("jaxmech.evaluation", "jaxmech.agents.settings.profiles"),
    # Sequential price mechanisms have networks and a distribution of actions of their own.
    ("jaxmech.designers.ppo.architectures", "jaxmech.environments.sequential_price.environment"),
}
"""What is general and still needs a part of a system."""

WITHOUT_JAX = [
    "jaxmech",
    "jaxmech.cli.commands",
    "jaxmech.environments.registry",
    "jaxmech.experiments",
]

LAYER = {room: index for index, rooms in enumerate(LAYERS) for room in rooms}


@cache
def modules():
    return sorted(
        ".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts).removesuffix(".__init__")
        for path in PACKAGE.rglob("*.py")
    )


def path_of(module):
    path = PACKAGE.parent.joinpath(*module.split("."))
    return path / "__init__.py" if path.is_dir() else path.with_suffix(".py")


@cache
def names_imported(module):
    """What this module imports, wherever it stands: by its name here, module and name there.

    Of a package's ``__init__``, imports for type checkers too: they are all that it exports.
    """
    found = {}
    for node in ast.walk(ast.parse(path_of(module).read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name: (alias.name, None) for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{module}: imports are absolute"
            found |= {
                alias.asname or alias.name: (str(node.module), alias.name) for alias in node.names
            }
    return found


def defined_in(module, name):
    """The module of jaxmech that ``module.name`` is, or that it is from by way of packages."""
    if f"{module}.{name}" in modules():
        return f"{module}.{name}"
    if module in modules() and path_of(module).name == "__init__.py":
        exported = names_imported(module)
        if name in exported:
            return defined_in(*exported[name])
    return module


@cache
def imports_of(module):
    """Every module of jaxmech that this one imports something from, wherever it stands."""
    found = {defined_in(*imported) for imported in names_imported(module).values()}
    return {name for name in found if name.split(".")[0] == "jaxmech" and name != "jaxmech"}


def room(module):
    return module.split(".")[1]


@pytest.mark.parametrize("module", [name for name in modules() if name != "jaxmech"])
def test_imports_point_one_way(module):
    here = room(module)
    for imported in imports_of(module):
        there = room(imported)
        arrow = f"{module} imports {imported}"
        if here == there:
            continue
        assert LAYER[there] < LAYER[here], arrow
        if there in OF_RUNS:
            assert here in OF_RUNS | {"experiments", "cli"}, arrow
        if here == "environments" and there == "oracles":
            assert imported == "jaxmech.oracles.offline", arrow


def system_of(module):
    for system, packages in SYSTEMS.items():
        if any(module == package or module.startswith(package + ".") for package in packages):
            return system
    return None


@pytest.mark.parametrize("module", modules())
def test_a_system_is_known_to_itself_alone(module):
    if len(module.split(".")) < 3 and path_of(module).name == "__init__.py":
        return  # A room exports what is in its packages.
    for imported in imports_of(module):
        if (module, imported) not in EXCEPTIONS:
            assert system_of(imported) in (None, system_of(module)), f"{module} imports {imported}"


def test_the_check_sees_imports():
    assert "jaxmech.agents.settings.demand" in imports_of("jaxmech.data.samples")
    assert "jaxmech.oracles.offline" in imports_of(
        "jaxmech.environments.sequential_price.environment"
    )
    # By way of the packages of two rooms, one of which imports its names when they are used.
    assert "jaxmech.environments.sequential_price.params" in imports_of(
        "jaxmech.designers.baselines"
    )
    assert all(imported in imports_of(module) for module, imported in EXCEPTIONS)


@pytest.mark.parametrize("module", [name for name in WITHOUT_JAX if name in modules()])
def test_starts_without_jax(module):
    code = f"import sys, {module}; print([m for m in ('jax', 'numpy') if m in sys.modules])"
    shown = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    assert shown.stdout.strip() == "[]"


def test_reserve_pricing_is_at_hand():
    from jaxmech import agents, data, designers

    for room, names in (
        (agents, "keyword_distribution"),
        (data, "load_bid_logs load_keywords"),
        (
            designers,
            "train_bidder_model held_out_cross_entropy TreeSearch greedy_planner "
            "tree_search_planner FixedReserves LearnedSimulator Play InitialReserves",
        ),
    ):
        for name in names.split():
            assert name in room.__all__ and hasattr(room, name), name


def test_dataclasses_of_trees_are_those_that_tell_classes_apart():
    for module in modules():
        text = path_of(module).read_text()
        assert module == "jaxmech.struct" or "flax import struct" not in text, module


def test_gymnax_is_never_imported():
    for module in modules():
        for node in ast.walk(ast.parse(path_of(module).read_text())):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [str(node.module)] if isinstance(node, ast.ImportFrom) else []
            assert not any(name.split(".")[0] == "gymnax" for name in names), module
