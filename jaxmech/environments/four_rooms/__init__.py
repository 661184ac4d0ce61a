"""A follower who walks through four rooms, and a leader who makes it dear to be in some cells."""

from jaxmech.environments.four_rooms.factory import make
from jaxmech.environments.four_rooms.game import FourRooms
from jaxmech.environments.four_rooms.grid import Grid
from jaxmech.environments.four_rooms.params import FourRoomsParams, params_of

__all__ = ["FourRooms", "FourRoomsParams", "Grid", "make", "params_of"]
