"""Equilibria of markets outside of ``jax.jit`` compile at the first call, not at every one."""

import logging

import jax
import jax.numpy as jnp
import pytest

from jaxmech.environments.bertrand import Bertrand
from jaxmech.environments.cournot import Cournot
from jaxmech.environments.stackelberg_pricing import StackelbergPricing

GAMES = {
    "bertrand": (Bertrand(), 2),
    "bertrand by logit": (Bertrand(5), 2),
    "cournot": (Cournot(), 1),
    "cournot by logit": (Cournot(5), 1),
    "stackelberg pricing": (StackelbergPricing(), 9),
}


def compiled(caplog):
    return [one for one in caplog.messages if one.startswith("Compiling")]


@pytest.mark.parametrize("name", GAMES)
def test_an_equilibrium_compiles_once(name, caplog):
    game, size = GAMES[name]
    params = game.default_params
    if "logit" in name:
        params = params.replace(temperature=jnp.asarray(0.3, float))
    caplog.set_level(logging.WARNING)
    with jax.log_compiles():
        game.equilibrium(jnp.full(size, -0.1), params)
        first = len(compiled(caplog))
        game.equilibrium(jnp.full(size, -0.2), params)
    assert first and compiled(caplog)[first:] == []


def test_a_cap_compiles_once(caplog):
    game = Cournot()
    params = game.default_params
    caplog.set_level(logging.WARNING)
    with jax.log_compiles():
        game.cap_price(jnp.asarray(2.0), params)
        first = len(compiled(caplog))
        game.cap_price(jnp.asarray(3.0), params)
    assert first and compiled(caplog)[first:] == []
