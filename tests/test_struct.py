"""No two dataclasses of the library can be taken for each other by jit."""

from __future__ import annotations

import dataclasses
import importlib
import inspect
import itertools
import pickle
import pkgutil

import jax
import pytest

import jaxmech
from jaxmech import struct
from jaxmech.agents import LogNormal, Uniform
from jaxmech.mechanisms.outcome import Outcome
from jaxmech.mechanisms.position import PositionOutcome


def _dataclasses():
    for module in pkgutil.walk_packages(jaxmech.__path__, "jaxmech."):
        if module.name.endswith("__main__"):
            continue
        for found in vars(importlib.import_module(module.name)).values():
            if isinstance(found, type) and "_flax_dataclass" in vars(found):
                yield found


def _structure(cls):
    """The tree structure of an instance whose fields are all 1, unchecked."""
    instance = object.__new__(cls)
    for field in dataclasses.fields(cls):
        object.__setattr__(instance, field.name, 1.0)
    return jax.tree.structure(instance)


def test_structures_differ_where_classes_do():
    structures = {cls: _structure(cls) for cls in set(_dataclasses())}
    assert len(structures) > 50
    for one, other in itertools.combinations(structures, 2):
        assert structures[one] != structures[other], (one, other)


def test_trees_of_two_classes_are_not_mapped_together():
    with pytest.raises(ValueError, match=r"Uniform"):
        jax.tree.map(lambda low, mu: low + mu, Uniform(), LogNormal())


def test_what_tells_classes_apart_is_hidden():
    assert dataclasses.asdict(Uniform(0.0, 2.0)) == {"low": 0.0, "high": 2.0}
    assert list(inspect.signature(Uniform).parameters) == ["low", "high"]
    assert pickle.loads(pickle.dumps(Uniform(0.0, 2.0))) == Uniform(0.0, 2.0)
    assert repr(Uniform(0.0, 2.0)) == "Uniform(low=0.0, high=2.0)"
    assert Uniform(0.0, 1.0).replace(high=2.0) == Uniform(0.0, 2.0)
    assert jax.tree.leaves(LogNormal(0.0, 2.0)) == [0.0, 2.0]


def test_a_subclass_has_a_structure_of_its_own():
    @struct.dataclass
    class Base:
        price: float = 1.0

    @struct.dataclass
    class Derived(Base):
        pass

    assert jax.tree.structure(Base()) != jax.tree.structure(Derived())
    assert jax.tree.structure(Derived()) == jax.tree.structure(Derived(2.0))


def test_a_subclass_shows_its_own_signature():
    assert "place" not in inspect.signature(Outcome).parameters
    own = set(inspect.signature(PositionOutcome).parameters)
    assert own > set(inspect.signature(Outcome).parameters)


@pytest.mark.slow
def test_classes_of_one_name_run_each_its_own_program():
    """As when a cell of a notebook is run again with another definition."""

    def scaled(factor):
        @struct.dataclass
        class Scaled:
            price: float = 1.0

            def paid(self):
                return self.price * factor

        return Scaled

    paid = jax.jit(lambda scaled: scaled.paid())
    for factor in range(100):
        assert paid(scaled(factor)()) == factor
