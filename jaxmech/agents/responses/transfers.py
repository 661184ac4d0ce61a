"""Transfers: what a designer pays an agent for where it ends up, by a few coefficients.

A transfer is a frozen, hashable configuration; its coefficients are an array, so that a designer
can learn them. Whoever is paid by it chooses what a position is and in which units.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Any, Protocol

import jax
import jax.numpy as jnp
from flax import linen as nn

from jaxmech import checks
from jaxmech.checks import InvalidValueError


class Transfer(Protocol):
    """What an agent at each position is paid; negative is a charge."""

    @property
    def num_coefficients(self) -> int: ...

    def __call__(self, mechanism: jax.Array, positions: jax.Array) -> jax.Array:
        """Pure, differentiable in both arguments.

        Args:
          mechanism: float [coefficients].
          positions: float [...].

        Returns:
          float [...], in the money of the agents' utilities.
        """
        ...


@dataclass(frozen=True)
class Polynomial:
    """``sum_j w_j x^j`` for ``j = 1..degree``, so nothing at position 0.

    Attributes:
      degree: at least 1.

    Raises:
      InvalidValueError: it is less.
    """

    degree: int = 2

    def __post_init__(self) -> None:
        checks.integer("degree", self.degree)

    @property
    def num_coefficients(self) -> int:
        return self.degree

    def __call__(self, mechanism: jax.Array, positions: jax.Array) -> jax.Array:
        """As for ``Transfer``; ``mechanism`` is ``w_1..w_degree``."""
        _check(self, mechanism)
        total = jnp.zeros_like(positions)
        for power in reversed(range(self.degree)):
            total = (total + mechanism[power]) * positions
        return total


@dataclass(frozen=True)
class PiecewiseLinear:
    """Straight lines between levels at given knots, and level beyond the outer ones.

    Attributes:
      knots: positions that rise; the coefficients are the transfers there.

    Raises:
      InvalidValueError: fewer than two knots, one not finite, or knots that do not rise.
    """

    knots: tuple[float, ...]

    def __post_init__(self) -> None:
        object.__setattr__(self, "knots", _rising("knots", self.knots))
        if len(self.knots) < 2:
            raise InvalidValueError("knots", self.knots, "at least 2", verb="needed are")

    @property
    def num_coefficients(self) -> int:
        return len(self.knots)

    def __call__(self, mechanism: jax.Array, positions: jax.Array) -> jax.Array:
        """As for ``Transfer``; ``mechanism`` is float [knots]."""
        _check(self, mechanism)
        return jnp.interp(positions, jnp.asarray(self.knots, positions.dtype), mechanism)


@dataclass(frozen=True)
class Table:
    """One level for each cell of a line; a position on an edge belongs to the cell above it.

    Attributes:
      edges: positions that rise, between each cell and the next; the first cell has no lower
        end and the last one no upper end.

    Raises:
      InvalidValueError: no edges, one not finite, or edges that do not rise.
    """

    edges: tuple[float, ...]

    def __post_init__(self) -> None:
        object.__setattr__(self, "edges", _rising("edges", self.edges))

    @property
    def num_coefficients(self) -> int:
        return len(self.edges) + 1

    def __call__(self, mechanism: jax.Array, positions: jax.Array) -> jax.Array:
        """As for ``Transfer``; ``mechanism`` is float [cells]."""
        _check(self, mechanism)
        edges = jnp.asarray(self.edges, positions.dtype)
        return mechanism[jnp.searchsorted(edges, positions, side="right")]


@dataclass(frozen=True)
class NetworkTransfer:
    """A Flax network from a position to a transfer; the coefficients are its weights, in a row.

    Attributes:
      network: hashable, float [..., 1] -> float [..., 1], without state or chance, such as
        ``nn.Sequential`` in a module of one's own. With all weights 0 most networks have no
        gradient: start from ``initial_coefficients``.

    Raises:
      InvalidValueError: no Flax module.
    """

    network: nn.Module

    def __post_init__(self) -> None:
        if not isinstance(self.network, nn.Module):
            raise InvalidValueError("network", self.network, "Flax modules (flax.linen)")

    @cached_property
    def _weights(self) -> Any:
        """Shapes of the weights, in the structure that the network has them in."""
        return jax.eval_shape(self.network.init, jax.random.key(0), jnp.zeros(1))

    @property
    def num_coefficients(self) -> int:
        return sum(math.prod(leaf.shape) for leaf in jax.tree.leaves(self._weights))

    def initial_coefficients(self, key: jax.Array) -> jax.Array:
        """Weights as the network draws them, float [coefficients]."""
        leaves = jax.tree.leaves(self.network.init(key, jnp.zeros(1)))
        return jnp.concatenate([leaf.ravel() for leaf in leaves])

    def __call__(self, mechanism: jax.Array, positions: jax.Array) -> jax.Array:
        """As for ``Transfer``."""
        _check(self, mechanism)
        leaves, structure = jax.tree.flatten(self._weights)
        given, used = [], 0
        for leaf in leaves:
            size = math.prod(leaf.shape)
            given.append(mechanism[used : used + size].reshape(leaf.shape))
            used += size
        weights = jax.tree.unflatten(structure, given)
        # A bias has fewer axes than what Flax adds it to.
        with jax.numpy_rank_promotion("allow"):
            return jnp.asarray(self.network.apply(weights, positions[..., None]))[..., 0]


@dataclass(frozen=True)
class WithSubsidy:
    """The first coefficient to everybody, wherever they are, and the transfer of the others.

    It changes nobody's choice, and can make all of them better off than by staying away.
    """

    transfer: Transfer

    @property
    def num_coefficients(self) -> int:
        return 1 + self.transfer.num_coefficients

    def __call__(self, mechanism: jax.Array, positions: jax.Array) -> jax.Array:
        """As for ``Transfer``; ``mechanism`` is the subsidy, then the transfer's own."""
        _check(self, mechanism)
        return mechanism[0] + self.transfer(mechanism[1:], positions)


def _check(transfer: Transfer, mechanism: jax.Array) -> None:
    checks.shape("mechanism", mechanism, "[coefficients]", (transfer.num_coefficients,))


def _rising(field: str, places: Any) -> tuple[float, ...]:
    checks.some(field, places)
    checks.numbers(field, places)
    if any(low >= high for low, high in pairwise(places)):
        raise InvalidValueError(field, places, "numbers that rise")
    return tuple(map(float, places))
