"""The transfers that studies of agents in lanes compare, each by its name."""

from __future__ import annotations

import itertools

import jax
import numpy as np
from flax import linen as nn
from numpy.typing import NDArray

from jaxmech.agents import NetworkTransfer, PiecewiseLinear, Polynomial, Table, Transfer
from jaxmech.experiments.incentives.multilane.configuration import TransferName

PLACES = tuple(place / 10 for place in range(11))
"""Between which a transfer that is given in parts changes, on a lane of length 1."""


class PositionNetwork(nn.Module):
    """One hidden layer from a position to a transfer, float [..., 1] -> [..., 1].

    Attributes:
      width: of the layer.
    """

    width: int = 8

    @nn.compact
    def __call__(self, positions: jax.Array) -> jax.Array:
        # Weights are bounded like levels: steps of their size must not make all units constant.
        hidden = nn.tanh(0.1 * nn.Dense(self.width)(positions))
        return nn.Dense(1)(hidden)


def transfer_called(name: TransferName) -> Transfer:
    """The transfer of this name."""
    transfers: dict[TransferName, Transfer] = {
        "linear": Polynomial(1),
        "quadratic": Polynomial(2),
        "cubic": Polynomial(3),
        "piecewise_linear": PiecewiseLinear(PLACES),
        "table": Table(PLACES[1:-1]),
        "network": NetworkTransfer(PositionNetwork()),
    }
    return transfers[name]


def starting_transfers(num_coefficients: int, bound: float) -> NDArray[np.float64]:
    """Coefficients from which the best transfer is looked for, float [starts, coefficients].

    Of one coefficient or two all combinations of none and half the bound to either side. Of more
    the middle, where a network has no slope; three that are drawn from between the bounds, and two
    from the tenth of that around the middle; the same in every run.
    """
    if num_coefficients <= 2:
        grid = itertools.product((-0.5, 0.0, 0.5), repeat=num_coefficients)
        return bound * np.array(list(grid))
    drawn = np.random.default_rng(0).uniform(-bound, bound, (5, num_coefficients))
    drawn[3:] *= 0.1
    return np.concatenate([np.zeros((1, num_coefficients)), drawn])
