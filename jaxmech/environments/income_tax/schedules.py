"""Tax schedules: the marginal rate in each of several ranges of earnings.

Every schedule is piecewise linear in earnings, a network's too: it says what the rates of many
narrow brackets are. So all can be answered exactly, and compared. What the designer chooses are
flat coefficients; those beyond the bounds count as the nearest bound.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Protocol

import jax
import jax.numpy as jnp
import numpy as np
from flax import linen as nn
from jax.flatten_util import ravel_pytree

from jaxmech import checks
from jaxmech.checks import InvalidValueError
from jaxmech.spaces import Box

HIGHEST_RATE = 0.99
"""Of the schedules' defaults: at a rate of 1 nobody works, and below it the response is smooth."""


class TaxSchedule(Protocol):
    """A family of piecewise linear taxes; a frozen, hashable configuration."""

    @property
    def thresholds(self) -> tuple[float, ...]:
        """Earnings at which the marginal rate may change, rising, above 0, in units of money."""
        ...

    @property
    def space(self) -> Box:
        """Coefficients to choose from, float [coefficients]."""
        ...

    def rates(self, coefficients: jax.Array) -> jax.Array:
        """Marginal rates, float [thresholds + 1], below 1; the last has no upper end."""
        ...


@dataclass(frozen=True)
class LinearTax:
    """One rate for all earnings: the single coefficient.

    Attributes:
      low, high: ends of the rate; below 1.

    Raises:
      ValueError: not ``low < high < 1``.
    """

    low: float = 0.0
    high: float = HIGHEST_RATE

    def __post_init__(self) -> None:
        _check_rates(self.low, self.high)

    @property
    def thresholds(self) -> tuple[float, ...]:
        return ()

    @property
    def space(self) -> Box:
        return Box(self.low, self.high, (1,))

    def rates(self, coefficients: jax.Array) -> jax.Array:
        return jnp.clip(coefficients, self.low, self.high)


@dataclass(frozen=True)
class BracketTax:
    """One marginal rate for each bracket: the coefficients.

    Attributes:
      thresholds: where brackets end, rising, above 0, in units of money; one fewer than brackets.
      low, high: ends of the marginal rates, one for all or one for each bracket; below 1. Where
        both are the same number, that rate is fixed.

    Raises:
      ValueError: thresholds that do not rise from above 0; ends other than one or one for each
        bracket, or not ``low <= high < 1``.
    """

    thresholds: tuple[float, ...]
    low: float | tuple[float, ...] = 0.0
    high: float | tuple[float, ...] = HIGHEST_RATE

    def __post_init__(self) -> None:
        _check_thresholds(self.thresholds)
        brackets = len(self.thresholds) + 1
        ends = []
        for field, end in (("low", self.low), ("high", self.high)):
            each = np.asarray(end, np.float64)
            if each.shape not in ((), (brackets,)):
                allowed = f"a number, or one for each of {brackets} brackets"
                raise InvalidValueError(field, end, allowed)
            checks.numbers(field, each, below=1)
            ends.append(each)
        if not np.all(ends[0] <= ends[1]):
            raise InvalidValueError("high", self.high, f"numbers from low ({self.low}) to below 1")
        checks.hashable_fields(self)

    @property
    def space(self) -> Box:
        low, high = jnp.asarray(self.low, float), jnp.asarray(self.high, float)
        shape = (len(self.thresholds) + 1,)
        return Box(jnp.broadcast_to(low, shape), jnp.broadcast_to(high, shape), shape)

    def rates(self, coefficients: jax.Array) -> jax.Array:
        return jnp.clip(coefficients, self.space.low, self.space.high)


@dataclass(frozen=True)
class NetworkTax:
    """Marginal rates from a network that sees how high earnings are on a logarithmic scale.

    The coefficients are added to the network's initial parameters, so that all of them 0 is where
    learning begins; its parameters themselves cannot all be 0, where its gradient would vanish.

    Attributes:
      network: a Flax module from float [..., 1] to [..., 1], such as ``jaxmech.networks.MLP``.
      thresholds: where the narrow brackets end, rising, above 0, in units of money.
      low, high: ends of the marginal rates, which the network's output reaches by a logistic
        function; below 1.
      bound: how far each parameter may move from where it begins.
      seed: of the initial parameters.

    Raises:
      ValueError: thresholds that do not rise from above 0, not ``low < high < 1``, or another
        number out of range; a network of another shape.
    """

    network: nn.Module
    thresholds: tuple[float, ...]
    low: float = 0.0
    high: float = HIGHEST_RATE
    bound: float = 20.0
    seed: int = 0

    def __post_init__(self) -> None:
        _check_thresholds(self.thresholds)
        _check_rates(self.low, self.high)
        checks.number("bound", self.bound, above=0)
        checks.integer("seed", self.seed, low=0)
        checks.hashable_fields(self)
        shape = jax.eval_shape(lambda x: self._output(self._initial, x), self._features).shape
        if shape != self._features.shape:
            got = f"a module that gives shape {shape} for {self._features.shape}"
            raise InvalidValueError("network", self.network, "one output per input", got=got)

    @property
    def space(self) -> Box:
        size = ravel_pytree(self._initial)[0].size
        return Box(-self.bound, self.bound, (size,))

    def rates(self, coefficients: jax.Array) -> jax.Array:
        start, unravel = ravel_pytree(self._initial)
        moved = jnp.clip(coefficients, -self.bound, self.bound)
        outputs = self._output(unravel(start + moved), self._features)[:, 0]
        return self.low + (self.high - self.low) * jax.nn.sigmoid(outputs)

    @property
    def _initial(self) -> Any:
        """The parameters where learning begins, the same whether or not this is being traced."""
        with jax.ensure_compile_time_eval():
            return self.network.init(jax.random.key(self.seed), self._features)

    @property
    def _features(self) -> jax.Array:
        """The middle of each bracket on the logarithmic scale, from -1 to 1, [brackets, 1]."""
        logarithms = np.log(self.thresholds)
        steps = np.diff(logarithms) if logarithms.size > 1 else np.ones(1)
        middles = (logarithms[:-1] + logarithms[1:]) / 2
        ends = logarithms[0] - steps[0] / 2, logarithms[-1] + steps[-1] / 2
        places = np.concatenate([ends[:1], middles, ends[1:]])
        scaled = 2 * (places - places[0]) / (places[-1] - places[0]) - 1
        with jax.ensure_compile_time_eval():
            return jnp.asarray(scaled[:, None], float)

    def _output(self, parameters: Any, features: jax.Array) -> jax.Array:
        output = self.network.apply(parameters, features)
        assert isinstance(output, jax.Array)
        return output


def tax_of(earnings: jax.Array, rates: jax.Array, thresholds: tuple[float, ...]) -> jax.Array:
    """What is owed on earnings, float [...], where there is no demogrant.

    Args:
      earnings: float [...], from 0.
      rates: float [brackets], marginal.
      thresholds: where the brackets but the last end.
    """
    starts = jnp.asarray((0.0, *thresholds), earnings.dtype)
    widths = jnp.asarray((*np.diff((0.0, *thresholds)), np.inf), earnings.dtype)
    row = (1,) * earnings.ndim + (-1,)
    within = jnp.clip(earnings[..., None] - starts.reshape(row), 0, widths.reshape(row))
    return jnp.sum(rates.reshape(row) * within, axis=-1)


def _check_rates(low: float, high: float) -> None:
    checks.number("low", low, below=1)
    checks.number("high", high, above=low, below=1)


def _check_thresholds(thresholds: tuple[float, ...]) -> None:
    checks.some("thresholds", thresholds)
    checks.numbers("thresholds", thresholds, above=0)
    if not all(low < high for low, high in pairwise(thresholds)):
        raise InvalidValueError("thresholds", thresholds, "numbers that rise")
