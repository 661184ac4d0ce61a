"""A leader who prices a shared capacity: the followers in equilibrium, the leader's best prices."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from incentive_games import equilibrium_of, slope, value
from scipy import optimize

from jaxmech.checks import InvalidValueError
from jaxmech.environments.stackelberg_pricing import StackelbergPricing, make, params_of


@pytest.fixture(autouse=True)
def float64():
    with jax.enable_x64(True):
        yield


REFERENCE = [0.14018, 0.10832, 0.16006, 0.12517, 0.08898, 0.14936, 0.09575, 0.13219]
"""What the followers take at the best variational equilibrium."""


def test_the_leader_of_the_pricing_game_reaches_the_best_variational_equilibrium():
    game, params = StackelbergPricing(), params_of()
    space = game.mechanism_space(params)
    bounds = list(zip(np.asarray(space.low), np.asarray(space.high), strict=True))

    def loss_and_slope(mechanism):
        mechanism = jnp.asarray(mechanism)
        return -float(value(game, mechanism, params)), -np.asarray(slope(game, mechanism, params))

    start = np.append(np.full(8, -2.0), 0.1)
    found = optimize.minimize(
        loss_and_slope, start, jac=True, bounds=bounds, method="L-BFGS-B", options={"ftol": 1e-14}
    )
    assert found.fun == pytest.approx(0.520965, abs=1e-6)
    policies = equilibrium_of(game, jnp.asarray(found.x), params).point
    np.testing.assert_allclose(policies.quantities, REFERENCE, atol=2e-4)
    assert policies.capacity_price == pytest.approx(1.25974, abs=2e-3)
    assert found.x[-1] == pytest.approx(0.2)


@pytest.mark.parametrize("level", [-3.0, -0.4], ids=["all is taken", "some is left"])
def test_no_follower_gains_by_taking_more_or_less(level):
    """At the price of capacity, which is 0 where some is left."""
    game, params = StackelbergPricing(), params_of()
    prices = level * np.array([1, 0.8, 1.2, 1, 0.01, 1.1, 0.9, 1])
    mechanism = jnp.asarray(np.append(prices, 0.15))
    found = equilibrium_of(game, mechanism, params)
    quantities, price = np.asarray(found.point.quantities), float(found.point.capacity_price)
    assert found.residual < 1e-12
    total = quantities.sum()
    assert (total == pytest.approx(1)) == (price > 0)
    for follower in range(8):
        tried = np.linspace(0, 1, 20_001)
        others = total - quantities[follower]

        def cost(x, follower=follower, others=others):
            paid = prices[follower] + 0.15 * (x + others) ** 2 + price
            return params.curvatures[follower].item() * x**2 + paid * x

        assert cost(quantities[follower]) <= cost(tried).min() + 1e-12
        own = game.utilities(found.point, mechanism, params)[follower]
        assert -own == pytest.approx(cost(quantities[follower]) - price * quantities[follower])


def test_gradients_of_the_pricing_game_are_differences():
    game, params = StackelbergPricing(), params_of()
    for level in (-3.0, -0.4):
        mechanism = jnp.append(jnp.full(8, level), 0.1)
        found = slope(game, mechanism, params)
        for place in (0, 8):
            step = jnp.zeros(9).at[place].set(1e-5)
            ends = [value(game, mechanism + sign * step, params) for sign in (1, -1)]
            np.testing.assert_allclose(found[place], (ends[0] - ends[1]) / 2e-5, rtol=1e-6)


def test_followers_who_wish_for_nothing_take_nothing():
    found = equilibrium_of(StackelbergPricing(), jnp.zeros(9), params_of())
    np.testing.assert_allclose(found.point.quantities, 0, atol=1e-15)
    assert found.point.capacity_price == 0


def test_the_environment_pays_the_leader_its_objective_in_equilibrium():
    env, params = make(target=0.8)
    mechanism = jnp.append(jnp.full(8, -2.5), 0.1)
    _, state = env.reset(jax.random.key(0), params)
    _, _, reward, terminated, _ = env.step_env(jax.random.key(1), state, mechanism, params)
    assert float(reward) == pytest.approx(
        float(value(StackelbergPricing(), mechanism, params_of(target=0.8)))
    )
    assert bool(terminated)


@pytest.mark.parametrize(
    ("call", "named"),
    [
        (lambda: params_of([1.0, 0.0]), "curvatures"),
        (lambda: params_of(lowest_price=0), "lowest_price"),
        (lambda: params_of(revenue_weight=-1), "revenue_weight"),
        (lambda: StackelbergPricing().equilibrium(jnp.zeros(8), params_of()), "mechanism"),
        (lambda: make(capacity=2), "option of environment .*"),
    ],
)
def test_what_is_out_of_range_is_refused(call, named):
    with pytest.raises(InvalidValueError, match=f"^{named}: got"):
        call()


def test_repeated_responses_come_to_rest_in_the_equilibrium():
    """Undamped, as a designer takes them by default, for mechanisms from all over the space."""
    env, params = make(responses_per_round=300)
    game, space = env.game, env.action_space(params)

    def distance(key):
        level = jax.random.uniform(jax.random.fold_in(key, 1))
        drawn = space.sample(key)
        # Weak wishes as well, that leave some of the capacity.
        mechanism = drawn.at[:-1].multiply(level)
        _, state = env.reset(key, params)
        _, state, *_ = env.step_env(key, state, mechanism, params)
        rest = game.equilibrium(mechanism, params.game).point
        gaps = jax.tree.map(lambda a, b: jnp.max(jnp.abs(a - b)), state.policies, rest)
        return jnp.maximum(gaps.quantities, gaps.capacity_price)

    distances = jax.jit(jax.vmap(distance))(jax.random.split(jax.random.key(0), 100))
    assert np.max(distances) < 1e-6
    # Also where slopes are steeper, of who moves half of the way.
    env, params = make(responses_per_round=600, response_rate=0.5, highest_slope=0.4)
    steep = jnp.append(jnp.full(8, -4.0), 0.4)
    _, state = env.reset(jax.random.key(0), params)
    _, state, *_ = env.step_env(jax.random.key(0), state, steep, params)
    rest = equilibrium_of(env.game, steep, params.game).point
    np.testing.assert_allclose(state.policies.quantities, rest.quantities, atol=1e-6)
