"""What a mechanism decides."""

from __future__ import annotations

import jax

from jaxmech import struct


@struct.dataclass
class Outcome:
    """Who gets what, and who pays what.

    Attributes:
      allocation: int [agents, items], units of each item type each agent gets; [agents] for
        mechanisms of one item type, [agents, slots] for position auctions; probabilities,
        float, for soft rules.
      payments: float [agents], in units of money, never negative; expected ones where the
        mechanism says so.
    """

    allocation: jax.Array
    payments: jax.Array
