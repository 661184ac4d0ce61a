"""The transfers that studies of agents in lanes compare, each by its name."""

from __future__ import annotations

import jax
from flax import linen as nn

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
