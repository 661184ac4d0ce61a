"""What a mechanism decides."""

from __future__ import annotations

import jax
from flax import struct


@struct.dataclass
class Outcome:
    """Who gets what, and who pays what.

    Attributes:
      allocation: int [agents, items], units of each item type each agent gets;
        [agents] for single-item mechanisms.
      payments: float [agents], in units of money, never negative.
    """

    allocation: jax.Array
    payments: jax.Array
