"""Agents who leave a room only where some of them hold its door open (Yang et al. 2020)."""

from jaxmech.environments.escape_room.factory import make
from jaxmech.environments.escape_room.game import DOOR, LEVER, START, EscapeRoom
from jaxmech.environments.escape_room.params import EscapeRoomParams, params_of

__all__ = [
    "DOOR",
    "LEVER",
    "START",
    "EscapeRoom",
    "EscapeRoomParams",
    "make",
    "params_of",
]
