"""Firms that compete by quantities, and a tax on what they emit."""

from jaxmech.environments.cournot.factory import make
from jaxmech.environments.cournot.game import Cournot
from jaxmech.environments.cournot.params import CournotParams, params_of

__all__ = [
    "Cournot",
    "CournotParams",
    "make",
    "params_of",
]
