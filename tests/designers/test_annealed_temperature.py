"""Designers among agents who become less random: the schedule, and a game that needs it."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from linear_game import linear_environment

import jaxmech
from jaxmech import runner
from jaxmech.checks import InvalidValueError
from jaxmech.designers import AnnealedTemperature, TwoTimescale, train


@pytest.fixture(autouse=True)
def _float64():
    with jax.enable_x64(True):
        yield


def dilemma(temperature=0.1):
    """The prisoner's dilemma: whoever is paid 2 or more to cooperate does so."""
    env, params = jaxmech.make("matrix_game", temperature=temperature, bound=4.0)
    return TwoTimescale(env, params, responses_per_update=2, mechanism_rate=0.1)


def test_the_temperature_falls_geometrically_and_then_stays():
    designer = AnnealedTemperature(dilemma(), first=2.0, last=0.125, updates=4)
    expected = [2.0, 1.0, 0.5, 0.25, 0.125, 0.125, 0.125]
    _, metrics = jax.jit(lambda key: train(designer, key, updates=7))(jax.random.key(0))
    np.testing.assert_allclose(metrics["temperature"], expected)
    np.testing.assert_allclose(designer.params.game.temperature, 0.125)


def test_at_each_temperature_it_does_what_the_designer_would_do():
    designer = AnnealedTemperature(dilemma(), first=2.0, last=0.5, updates=2)
    state = designer.init(jax.random.key(0))
    for temperature in (2.0, 1.0, 0.5):
        expected, metrics = dilemma(temperature).update(state)
        state, of_annealed = designer.update(state)
        np.testing.assert_allclose(state.places, expected.places, rtol=1e-12)
        np.testing.assert_allclose(of_annealed["objective"], metrics["objective"], rtol=1e-12)
    np.testing.assert_array_equal(designer.mechanism(state), designer.policy(state).coefficients)


def test_the_last_temperature_is_the_games_own_unless_given():
    designer = AnnealedTemperature(dilemma(0.3), first=2.0, updates=10)
    np.testing.assert_allclose(designer.temperature(jnp.arange(9, 12)), [2 * 0.15**0.9, 0.3, 0.3])


def test_slopes_that_nearly_rational_agents_hide_are_found():
    """Without payments agents of temperature .03 defect for sure, and all slopes are nearly 0.

    Plain ascent then stays where it is, but from a higher temperature it leads to cooperation, 6.
    """
    plain = dilemma(0.03).replace(optimizer=optax.sgd(1.0), responses_per_update=10)
    annealed = AnnealedTemperature(plain, first=2.0, updates=150)

    def reached(designer):
        _, metrics = jax.jit(lambda key: train(designer, key, updates=200))(jax.random.key(0))
        return float(metrics["objective"][-1])

    assert reached(plain) < 2.5
    assert reached(annealed) > 5.9


def test_it_runs_on_the_common_runner(tmp_path):
    designer = AnnealedTemperature(
        dilemma().replace(initial_spread=0.5), first=2.0, last=0.5, updates=3
    )
    keys = jax.random.split(jax.random.key(0), 2)
    result = runner.run(designer, directory=tmp_path / "run", seeds=2, updates=4, keys=keys)
    alone, _ = jax.jit(lambda key: train(designer, key, updates=4))(keys[1])
    np.testing.assert_allclose(result.states.places[1], alone.places, rtol=1e-9)
    np.testing.assert_allclose(result.metrics["temperature"], 0.5)


def test_refusals():
    env, params = linear_environment()
    with pytest.raises(InvalidValueError, match="designer: got 'linear'; allowed are designers of"):
        AnnealedTemperature(TwoTimescale(env, params), first=1.0, last=0.1, updates=3)
    for field, value in (("first", 0.0), ("last", -1.0), ("updates", 0)):
        given = {"first": 1.0, "last": 0.1, "updates": 3} | {field: value}
        with pytest.raises(InvalidValueError, match=f"{field}: got {value}"):
            AnnealedTemperature(dilemma(), **given)
    for given in ("designer", env, params):
        with pytest.raises(InvalidValueError, match="^designer: got .* are TwoTimescale designers"):
            AnnealedTemperature(given, first=1.0, updates=3)


def test_a_temperature_cannot_fall_to_that_of_a_game_of_rational_agents():
    """It would be 0 or no number from the first update on."""
    rational = TwoTimescale(*jaxmech.make("cournot", temperature=0.0))
    designer = AnnealedTemperature(rational, first=1.0, updates=3)
    for init in (designer.init, jax.jit(designer.init)):
        with pytest.raises(
            InvalidValueError,
            match="^last: got None, for the temperature 0.0 of the designer's game; allowed are",
        ):
            init(jax.random.key(0))
    AnnealedTemperature(rational, first=1.0, last=0.1, updates=3).init(jax.random.key(0))
    for field in ("first", "last"):
        given = {"first": 1.0, "last": 0.1} | {field: jnp.float32(0.0)}
        with pytest.raises(InvalidValueError, match=f"^{field}: got 0.0; allowed are finite"):
            AnnealedTemperature(dilemma(), updates=3, **given).init(jax.random.key(0))


def test_a_search_for_equilibria_is_told_of_as_by_the_designer():
    plain = dilemma(0.5).replace(responses_per_update=None)
    designer = AnnealedTemperature(plain, first=2.0, updates=2)
    _, metrics = jax.jit(designer.update)(designer.init(jax.random.key(0)))
    assert metrics["arrived"] == 1
