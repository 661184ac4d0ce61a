"""Temperatures of games that are known are looked at before anything is traced."""

import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxmech
from jaxmech import checks
from jaxmech.agents import equilibrium
from jaxmech.agents.responses.fixed_points import newton
from jaxmech.checks import InvalidValueError
from jaxmech.designers import TwoPointGradient, TwoTimescale
from jaxmech.environments.incentives.participation import WithParticipation

FROM_ZERO = ("bertrand", "consumer_tax", "cournot", "four_rooms", "income_tax", "multilane")
ABOVE_ZERO = ("escape_room", "matrix_game")

CASES = [
    (name, value)
    for name in FROM_ZERO + ABOVE_ZERO
    for value in (-1.0, math.nan, 0.0)[: 2 if name in FROM_ZERO else 3]
]


def with_temperature(name, temperature):
    env, params = jaxmech.make(name)
    return env, params.replace(game=params.game.replace(temperature=temperature))


@pytest.mark.parametrize("kind", [float, np.float64, jnp.float32])
@pytest.mark.parametrize(("name", "value"), CASES)
def test_a_temperature_out_of_range_is_refused(name, value, kind):
    env, params = with_temperature(name, kind(value))
    mechanism = jnp.zeros(env.action_space(params).shape)
    allowed = f"finite numbers {'from' if name in FROM_ZERO else 'above'} 0"
    told = f"temperature: got {value}; allowed are {allowed}"
    with pytest.raises(InvalidValueError, match=f"^{told}"):
        equilibrium(env.game, mechanism, params.game)
    with pytest.raises(InvalidValueError, match=f"^{told}"):
        equilibrium(env.game, mechanism, params.game, solver=newton(jnp.zeros(1)))
    designer = TwoTimescale(env, params)
    for init in (designer.init, jax.jit(designer.init)):
        with pytest.raises(InvalidValueError, match=f"^params.game.{told}"):
            init(jax.random.key(0))


def test_a_temperature_of_a_game_within_a_game_is_looked_at():
    env, params = jaxmech.make("multilane")
    game = WithParticipation(env.game)
    cold = game.params_of(params.game.replace(temperature=jnp.float32(-1.0)))
    with pytest.raises(InvalidValueError, match="^game.temperature: got -1.0; allowed are"):
        equilibrium(game, jnp.zeros(game.mechanism_space(cold).shape), cold)


@pytest.mark.parametrize("name", ["cournot", "multilane"])
def test_a_temperature_of_zero_is_allowed_where_agents_may_choose_best(name):
    env, params = with_temperature(name, 0.0)
    TwoTimescale(env, params, gradient=TwoPointGradient(0.1)).init(jax.random.key(0))
    mechanism = jnp.zeros(env.action_space(params).shape)
    jax.eval_shape(lambda given: equilibrium(env.game, given, params.game), mechanism)


def test_a_traced_temperature_is_not_looked_at():
    """Nor are several, which only a transformation takes apart."""
    env, params = jaxmech.make("cournot")

    def made(temperature):
        return equilibrium(
            env.game, jnp.zeros(1), params.game.replace(temperature=temperature)
        ).point

    assert jax.eval_shape(made, -1.0).shape == (3,)
    assert jax.eval_shape(jax.vmap(made), -jnp.ones(2)).shape == (2, 3)
    checks.declared(params.game.replace(temperature=-jnp.ones(2)))


def test_leaves_that_are_no_arrays_have_no_place_in_parameters():
    env, params = jaxmech.make("cournot")
    with pytest.raises(TypeError):
        equilibrium(env.game, jnp.zeros(1), params.game.replace(damage="none"))
