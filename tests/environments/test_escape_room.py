"""The Escape Room: expectations and responses by plain enumeration, equilibria by known values."""

from __future__ import annotations

from itertools import product

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from jaxmech.checks import InvalidValueError
from jaxmech.environments.escape_room import EscapeRoom, params_of

ROOM = EscapeRoom()
"""Two agents, one to hold the door, five steps, payments by role."""


@pytest.fixture(autouse=True)
def _double():
    with jax.enable_x64(True):
        yield


def returns(game, mechanism, params):
    """Objective in equilibrium, and the equilibrium."""
    found = game.equilibrium(mechanism, params)
    return game.objective(found.point, mechanism, params), found


solve = jax.jit(jax.value_and_grad(returns, argnums=1, has_aux=True), static_argnums=0)
"""Objective and equilibrium, and slopes by the mechanism."""


def random_policies(game, seed):
    shape = (game.num_steps, game.num_states, game.num_agents)
    return np.random.default_rng(seed).dirichlet(np.ones(3), shape)


def plain_reward(num_holders, joint, actions):
    """Of each agent: 10 through the open door, -1 for another move."""
    is_open = actions.count(0) >= num_holders
    return np.array(
        [
            10.0 if is_open and new == 2 else -float(new != old)
            for old, new in zip(joint, actions, strict=True)
        ]
    )


def plain_values(game, policies, payments, temperature=None):
    """Of each agent from the start on, and responses, by enumeration of states and actions.

    With a temperature, agents act by logit responses and count what that costs them.
    """
    count, joints = game.num_agents, list(product(range(3), repeat=game.num_agents))
    following = {joint: np.zeros(count) for joint in joints}
    responses = np.zeros(policies.shape)
    for step in reversed(range(game.num_steps)):
        worth = {}
        for state, joint in enumerate(joints):
            values = np.zeros((count, 3))
            for actions in joints:
                over = actions.count(0) >= game.num_holders and 2 in actions
                gained = plain_reward(game.num_holders, joint, actions)
                total = gained + (0 if over else following[actions])
                for agent, action in enumerate(actions):
                    others = [policies[step, state, j, actions[j]] for j in range(count)]
                    others[agent] = 1.0
                    paid = payments[step, agent, action]
                    values[agent, action] += np.prod(others) * (total[agent] + paid)
            if temperature is None:
                worth[joint] = np.sum(policies[step, state] * values, axis=1)
                continue
            weights = np.exp(values / temperature)
            responses[step, state] = weights / weights.sum(axis=1, keepdims=True)
            worth[joint] = temperature * np.log(weights.mean(axis=1))
        following = worth
    return following[(1,) * count], responses


GAMES = [
    EscapeRoom(2, 1, 4),
    EscapeRoom(3, 2, 2, by_step=True),
    EscapeRoom(3, 1, 3, symmetric=True),
    EscapeRoom(2, 1, 3, symmetric=True, by_step=True),
]


@pytest.mark.parametrize("game", GAMES, ids=repr)
def test_expectations_and_responses_are_those_of_enumeration(game):
    params = params_of(temperature=0.8)
    policies = random_policies(game, 1)
    size = game.mechanism_space(params).shape[0]
    mechanism = np.random.default_rng(2).uniform(0, 5, size)
    agents, steps = 1 if game.symmetric else game.num_agents, game.num_steps if game.by_step else 1
    assert size == 3 * agents * steps
    payments = np.zeros((game.num_steps, game.num_agents, 3))
    payments[:] = mechanism.reshape(steps, agents, 3)
    given, paid = jnp.asarray(policies), jnp.asarray(mechanism)
    np.testing.assert_array_equal(game.payments(paid), payments)
    unpaid, _ = plain_values(game, policies, 0 * payments)
    np.testing.assert_allclose(game.objective(given, paid, params), np.sum(unpaid), rtol=1e-11)
    utilities, _ = plain_values(game, policies, payments)
    np.testing.assert_allclose(game.utilities(given, paid, params), utilities, rtol=1e-11)
    _, responses = plain_values(game, policies, payments, 0.8)
    np.testing.assert_allclose(game.respond(given, paid, params), responses, atol=1e-12)


def test_a_team_that_agrees_leaves_at_once():
    """The optimum of either game is what its policies of certainty are worth."""
    for game, best in ((EscapeRoom(2, 1, 2), 9.0), (EscapeRoom(5, 3, 1), 17.0)):
        roles = np.r_[np.zeros(game.num_holders, int), np.full(game.num_agents, 2)]
        policy = np.eye(3)[roles[: game.num_agents]]
        policies = jnp.broadcast_to(policy, game.initial_policies(params_of()).shape)
        nothing = jnp.zeros(3 * game.num_agents)
        assert game.objective(policies, nothing, params_of()) == best
        assert game.play(jax.random.key(0), policies, nothing, params_of()) == best


@pytest.mark.slow
def test_slopes_through_the_equilibrium_are_differences():
    params, mechanism = params_of(), jnp.array([5.0, 0.5, 1.0, 0.0, 1.0, 2.0])
    (_, found), slopes = solve(ROOM, mechanism, params)
    assert found.residual < 1e-12
    again = ROOM.respond(found.point, mechanism, params)
    np.testing.assert_allclose(again, found.point, atol=1e-10)
    for index in range(6):
        step = 1e-4 * jnp.eye(6)[index]
        (above, _), _ = solve(ROOM, mechanism + step, params)
        (below, _), _ = solve(ROOM, mechanism - step, params)
        np.testing.assert_allclose(slopes[index], (above - below) / 2e-4, atol=1e-6)
    assert np.max(np.abs(slopes)) > 0.1


@pytest.mark.parametrize(
    ("payment", "value"), [(0.0, 0.172028), (2.0, 1.896632), (5.0, 3.403680), (5.668974, 3.453292)]
)
def test_the_last_step_of_agents_paid_alike_is_that_of_the_oracle(payment, value):
    alike = jnp.array([payment, 0.0, 0.0] * 2)
    (_, found), _ = solve(ROOM, alike, params_of())
    last = EscapeRoom(num_steps=1).objective(found.point[-1:], alike, params_of())
    np.testing.assert_allclose(last, value, atol=5e-7)
    # Alike all along: they choose alike wherever they stand alike.
    np.testing.assert_allclose(found.point[:, 4, 0], found.point[:, 4, 1], atol=1e-9)


def test_payments_by_role_lead_to_the_optimum_and_equal_ones_do_not():
    params = params_of(temperature=0.1)
    (by_role, _), _ = solve(ROOM, jnp.array([6.0, 0.0, 0.0, 0.0, 0.0, 0.0]), params)
    (alike, _), _ = solve(ROOM, jnp.array([6.0, 0.0, 0.0] * 2), params)
    np.testing.assert_allclose(by_role, 9.0, atol=1e-3)
    assert alike < 8.359035


def test_the_objective_is_the_mean_of_episodes():
    game, params, plays = EscapeRoom(3, 1, 3), params_of(), 20_000
    policies = jnp.asarray(random_policies(game, 3))
    keys = jax.random.split(jax.random.key(4), plays)
    play = jax.jit(jax.vmap(lambda key: game.play(key, policies, jnp.zeros(9), params)))
    drawn = play(keys)
    error = np.std(drawn) / np.sqrt(plays)
    assert error > 0
    assert abs(np.mean(drawn) - game.objective(policies, jnp.zeros(9), params)) < 4 * error
    np.testing.assert_array_equal(drawn, play(keys))


def test_equal_games_are_one_configuration():
    assert EscapeRoom() == EscapeRoom() and hash(EscapeRoom()) == hash(EscapeRoom())
    space = EscapeRoom(3, 2, 4, by_step=True).mechanism_space(params_of(bound=2.0))
    assert space.shape == (36,) and space.low == 0 and space.high == 2
    assert tuple(ROOM.positions[ROOM.first_state]) == (1, 1)


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"num_agents": 1}, "num_agents"),
        ({"num_agents": 6}, "num_agents"),
        ({"num_holders": 2}, "num_holders"),
        ({"num_steps": 0}, "num_steps"),
        ({"symmetric": 1}, "symmetric"),
        ({"by_step": "yes"}, "by_step"),
    ],
)
def test_bad_games_are_refused(fields, field):
    with pytest.raises(InvalidValueError) as refused:
        EscapeRoom(**fields)
    assert refused.value.field == field


@pytest.mark.parametrize(
    ("given", "field"),
    [({"escape_reward": -1.0}, "escape_reward"), ({"move_cost": float("inf")}, "move_cost")]
    + [({"temperature": 0.0}, "temperature"), ({"bound": 0.0}, "bound")],
)
def test_bad_parameters_are_refused(given, field):
    with pytest.raises(InvalidValueError) as refused:
        params_of(**given)
    assert refused.value.field == field


def test_a_mechanism_of_another_size_is_refused():
    with pytest.raises(InvalidValueError, match="mechanism"):
        ROOM.equilibrium(jnp.zeros(3), params_of())


def ascend(game, seeds, iterations=40, rate=0.5):
    """Payments by role after gradient ascent from uniform draws, while the temperature falls.

    Every slope is that of the exact objective through the exact equilibrium: no episode is played.

    Returns:
      Objectives and residuals in each iteration, float [seeds, iterations], from temperature 1 to
      0.1.
    """
    params = params_of()
    space = game.mechanism_space(params)
    optimiser = optax.adam(rate, b1=0.5)

    def climb(key):
        def step(place, temperature):
            mechanism, state = place
            at_temperature = params.replace(temperature=temperature)
            (value, found), slopes = solve(game, mechanism, at_temperature)
            updates, state = optimiser.update(-slopes, state)
            raised = jnp.clip(mechanism + updates, space.low, space.high)
            return (raised, state), (value, found.residual)

        start = space.sample(key)
        temperatures = jnp.geomspace(1.0, 0.1, iterations)
        return jax.lax.scan(step, (start, optimiser.init(start)), temperatures)[1]

    return jax.jit(jax.vmap(climb))(jax.random.split(jax.random.key(0), seeds))


@pytest.mark.slow
def test_payments_by_role_are_found_along_slopes_through_the_equilibrium():
    """Where both are drawn to the lever at first, one of them walks on: 8, a local optimum."""
    values, residuals = ascend(ROOM, 4)
    assert np.max(residuals) < 1e-9
    np.testing.assert_allclose(np.sort(values[:, -1]), [8, 9, 9, 9], atol=0.01)
