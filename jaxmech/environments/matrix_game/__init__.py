"""Normal forms whose players are paid for what they do."""

from jaxmech.environments.matrix_game.factory import make
from jaxmech.environments.matrix_game.game import MatrixGame
from jaxmech.environments.matrix_game.named import (
    CHICKEN,
    NAMED,
    PRISONERS_DILEMMA,
    STAG_HUNT,
)
from jaxmech.environments.matrix_game.params import MatrixGameParams, params_of

__all__ = [
    "CHICKEN",
    "NAMED",
    "PRISONERS_DILEMMA",
    "STAG_HUNT",
    "MatrixGame",
    "MatrixGameParams",
    "make",
    "params_of",
]
