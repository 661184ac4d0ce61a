"""Plans whose moves are held for days."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxmech.designers.planning.held_days import HeldDays
from jaxmech.designers.planning.planners import local_moves
from jaxmech.designers.planning.simulators import ExactSimulator
from jaxmech.environments import ReservePricing
from jaxmech.experiments.reserve_pricing.schemes import Planned
from jaxmech.experiments.reserve_pricing.settings import SearchSettings


def test_patient_greedy_makes_the_move_that_earns_most_over_its_days():
    env = ReservePricing(2, 2, days=9, num_bins=10, statistic="summary")
    params = env.default_params
    _, state = jax.jit(env.reset)(jax.random.key(3), params)
    exact = ExactSimulator(env, params)
    patient = Planned("greedy_held", SearchSettings(patience=8), "exact")
    planner = patient.build(env, params, None)
    moves = local_moves(env, params)
    before = state.history.reserves[-1]
    tried = jax.vmap(moves.apply, in_axes=(None, 0))(before, jnp.arange(5))
    chosen = jax.jit(planner.reserves)(state, jax.random.key(1))

    @jax.jit
    def over_days(reserves, key):
        return jax.vmap(lambda reserves: HeldDays(exact, 8).step(state, reserves, key)[1])(reserves)

    # Many keys, as the plan draws its own of this one.
    earned = np.mean([over_days(tried, jax.random.key(run)) for run in range(40)], axis=0)
    places = [place for place, reserves in enumerate(tried) if np.allclose(reserves, chosen)]
    assert len(places) == 1
    assert earned[places[0]] >= earned.max() * (1 - 0.01)
    assert earned.min() < earned.max() * (1 - 0.02)


@pytest.mark.slow
def test_held_days_are_days_in_a_row():
    env = ReservePricing(2, 2, days=9, statistic="summary")
    params = env.default_params
    _, state = jax.jit(env.reset)(jax.random.key(0), params)
    key, reserves = jax.random.key(1), jnp.array([0.3, 0.6])
    exact = ExactSimulator(env, params)
    after, mean = HeldDays(exact, 3).step(exact.start(state), reserves, key)
    revenues = []
    for day_key in jax.random.split(key, 3):
        state, revenue = exact.step(state, reserves, day_key)
        revenues.append(float(revenue))
    assert float(mean) == pytest.approx(np.mean(revenues), rel=1e-6)
    np.testing.assert_allclose(after.strategy_bids, state.strategy_bids, rtol=1e-6)
    with pytest.raises(ValueError, match="days: got 0"):
        HeldDays(exact, 0)
