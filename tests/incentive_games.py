"""What tests of games with a designer ask of them, compiled once for each game."""

from functools import partial

import jax

from jaxmech.agents.responses.game import equilibrium


@partial(jax.jit, static_argnums=0)
def equilibrium_of(game, mechanism, params):
    return equilibrium(game, mechanism, params)


@partial(jax.jit, static_argnums=0)
def value(game, mechanism, params):
    """The objective in equilibrium."""
    policies = equilibrium(game, mechanism, params).point
    return game.objective(policies, mechanism, params)


@partial(jax.jit, static_argnums=0)
def slope(game, mechanism, params):
    """Of ``value``, by the mechanism."""
    return jax.grad(value, argnums=1)(game, mechanism, params)
