"""Two firms that compete by prices, and a tax on what each of them sells."""

from jaxmech.environments.bertrand.factory import make
from jaxmech.environments.bertrand.game import Bertrand
from jaxmech.environments.bertrand.params import BertrandParams, params_of

__all__ = [
    "Bertrand",
    "BertrandParams",
    "make",
    "params_of",
]
