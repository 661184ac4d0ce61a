"""The mean-field reply of agents in lanes: its slope, and what finds where it meets itself."""

import jax
import jax.numpy as jnp
import numpy as np
import optimistix
import pytest

from jaxmech.agents.responses.fixed_points import fixed_point
from jaxmech.environments.multilane import Multilane, params_of

GAME = Multilane()

SOLVERS = {
    "newton": (optimistix.Newton(1e-13, 1e-13), None),
    "plain iteration": (optimistix.FixedPointIteration(1e-13, 1e-13), None),
    "damped iteration": (optimistix.FixedPointIteration(1e-13, 1e-13, damp=0.2), None),
    "bisection": (optimistix.Bisection(1e-13, 1e-13, flip=True), {"lower": 0.0, "upper": 1.0}),
}


@pytest.fixture(autouse=True)
def _float64():
    with jax.enable_x64(True):
        yield


@pytest.fixture(scope="module")
def searches():
    """From a temperature: of each solver the mean, its slope by the temperature, residual, steps.

    And the slope of the reply where it meets itself.
    """
    params = params_of(GAME)

    def reply(mean, temperature):
        return GAME.mean_reply(mean, jnp.zeros(2), params.replace(temperature=temperature))

    def found_by(solver, options, temperature):
        found = fixed_point(
            reply, jnp.asarray(0.5), temperature, solver=solver, options=options, max_steps=2000
        )
        return found.point, (found.residual, found.steps)

    @jax.jit
    def search(temperature):
        found = {
            name: jax.value_and_grad(found_by, argnums=2, has_aux=True)(*how, temperature)
            for name, how in SOLVERS.items()
        }
        (mean, _), _ = found["newton"]
        return found, jax.grad(reply)(mean, temperature)

    return search


@pytest.mark.parametrize(("temperature", "slope"), [(1.0, 0.64), (0.1, 0.89), (0.01, 0.94)])
def test_all_ways_to_the_mean_field_reply_agree_and_iteration_slows_down(
    searches, temperature, slope
):
    found, steepness = searches(temperature)
    assert float(steepness) == pytest.approx(slope, abs=0.005)
    (mean, _), by_temperature = found["newton"]
    for (other, (residual, _)), derivative in found.values():
        assert float(residual) < 1e-12
        assert float(other) == pytest.approx(float(mean), abs=1e-11)
        assert float(derivative) == pytest.approx(float(by_temperature), rel=1e-8)
    steps = {name: int(value[1][1]) for name, (value, _) in found.items()}
    # From 1e-2 to 1e-13 away, by the slope at each step.
    expected = np.log(1e-11) / np.log(slope)
    assert 0.6 * expected < steps["plain iteration"] < 1.4 * expected
    assert steps["newton"] < 12 < steps["bisection"] < 50
    assert steps["damped iteration"] > steps["plain iteration"]
