"""Games of two players and two actions that everybody knows, as payoffs [players, first, second].

The second player's payoffs are the first one's with the players exchanged.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

import numpy as np

from jaxmech.agents.values.host import Floats


def _symmetric(rows: list[list[float]]) -> Floats:
    first = np.array(rows)
    payoffs = np.stack([first, first.T])
    payoffs.flags.writeable = False
    return payoffs


PRISONERS_DILEMMA = _symmetric([[3.0, 0.0], [5.0, 1.0]])
"""Cooperate or defect (Axelrod 1984): 3 each, 1 each, or 5 to who defects alone and 0 to the other.
To defect is better whatever the other does."""

CHICKEN = _symmetric([[0.0, 7.0], [2.0, 6.0]])
"""Dare or swerve (Aumann 1974): nothing to two who dare, 7 and 2 to one who dares and one who
swerves, 6 each to two who swerve. One dares in either pure equilibrium, and with probability 1/3
both in the mixed one."""

STAG_HUNT = _symmetric([[4.0, 0.0], [3.0, 2.0]])
"""Stag or hare: 4 each for the stag, that both must hunt; a hare is worth 3 alone and 2 in company.
Both pure equilibria are of two who do the same; hares are the one of less risk."""

NAMED: Mapping[str, Floats] = MappingProxyType(
    {"prisoners_dilemma": PRISONERS_DILEMMA, "chicken": CHICKEN, "stag_hunt": STAG_HUNT}
)
