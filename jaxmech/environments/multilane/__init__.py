"""Agents in lanes of their own who are better off side by side (Mguni 2018)."""

from jaxmech.environments.multilane.factory import make
from jaxmech.environments.multilane.game import Moments, Multilane
from jaxmech.environments.multilane.params import MultilaneParams, params_of

__all__ = ["Moments", "Multilane", "MultilaneParams", "make", "params_of"]
