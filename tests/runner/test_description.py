"""What an object was made with, as plain values by name."""

from __future__ import annotations

import dataclasses
import enum
import functools
import json
from typing import Any, NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxmech import struct
from jaxmech.runner.description import described


class Colour(enum.Enum):
    RED = 1


class Pair(NamedTuple):
    left: int
    right: Any


@struct.dataclass
class Parameters:
    values: jax.Array
    scale: float = 1.0
    how: Any = struct.field(pytree_node=False, default=None)


@dataclasses.dataclass(frozen=True)
class Configuration:
    names: tuple[str, ...] = ("a", "b")
    inner: Any = None


class Plain:
    def __init__(self) -> None:
        self.size = 3
        self._cache = object()

    def method(self) -> None: ...


class Network(nn.Module):
    width: int = 4
    activation: Any = nn.tanh

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        return self.activation(nn.Dense(self.width)(x))


def test_parts_are_told_by_name() -> None:
    value = Configuration(inner=Parameters(jnp.arange(3.0), how=Pair(1, {"x": Colour.RED})))
    parts = described(value, "designer")
    here = __name__
    assert parts.pop("designer.inner.values").startswith("float32 [3], checksum ")
    assert parts == {
        "designer": f"{here}:Configuration",
        "designer.names.length": 2,
        "designer.names.0": "a",
        "designer.names.1": "b",
        "designer.inner": f"{here}:Parameters",
        "designer.inner.scale": 1.0,
        "designer.inner.how.length": 2,
        "designer.inner.how.left": 1,
        "designer.inner.how.right.x": f"{here}:Colour.RED",
    }


def test_networks_functions_and_other_objects() -> None:
    parts = described(Network(activation=nn.relu), "network")
    assert (parts["network.width"], parts["network.activation"]) == (
        4,
        "jax._src.nn.functions:relu",
    )
    assert described(functools.partial(max, 3, key=abs), "f") == {
        "f": "builtins:max", "f.args.length": 1, "f.args.0": 3, "f.key": "builtins:abs",
    }  # fmt: skip
    assert described(Plain(), "p") == {"p": f"{__name__}:Plain", "p.size": 3}
    bound = described(Plain().method, "m")
    assert bound == {"m": f"{__name__}:Plain.method", "m.of": f"{__name__}:Plain", "m.of.size": 3}


@pytest.mark.parametrize(
    ("left", "right"),
    [
        (jnp.zeros(3), jnp.zeros(3, jnp.int32)),
        (jnp.zeros(4), jnp.zeros((2, 2))),
        (jnp.zeros(2), jnp.array([0.0, 1e-30])),
        (jax.random.key(0), jax.random.key(1)),
        (jax.random.key(0), jax.random.key(0, impl="rbg")),
        (Network(), Network(width=5)),
        ((1, 2), (1, 2, None)),
        (jnp.tanh, jnp.sin),
        (Parameters(1.0), Configuration()),
        (0.1, np.float32(0.1)),
    ],
)
def test_what_differs_is_described_differently(left: Any, right: Any) -> None:
    assert described(left, "x") != described(right, "x")


@pytest.mark.parametrize(
    "make",
    [
        lambda: Parameters(np.arange(4.0), how=Network()),
        lambda: jax.random.key(3),
        Plain,
        lambda: [np.float64(2.5), jnp.int32(3), True, None, {1, 2}],
    ],
)
def test_equal_objects_are_described_alike(make: Any) -> None:
    parts = described(make(), "x")
    assert parts == described(make(), "x")
    assert json.loads(json.dumps(parts)) == parts


def test_what_holds_itself_is_refused() -> None:
    held: list[Any] = []
    held.append(held)
    with pytest.raises(ValueError, match="holds itself"):
        described(held, "x")
