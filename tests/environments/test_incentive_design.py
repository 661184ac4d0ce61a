"""The environment around a game: what its rounds pay, whoever the agents are."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxmech
from jaxmech import spaces
from jaxmech.agents import equilibrium
from jaxmech.environments.incentives.environment import absolute, allowed, relative
from jaxmech.environments.multilane import Multilane

SIZES = {"num_agents": 3, "num_positions": 5, "num_actions": 9}


@pytest.fixture(autouse=True)
def _float64():
    with jax.enable_x64(True):
        yield


def make(**options):
    return jaxmech.make("multilane", **SIZES, **options)


def played(env, params, mechanisms, key=0):
    """Rewards and infos of an episode, one mechanism a round."""
    _, state = env.reset(jax.random.key(key), params)
    rounds = []
    for number, mechanism in enumerate(mechanisms):
        step_key = jax.random.key(100 * key + number)
        _, state, *rest = env.step_env(step_key, state, jnp.asarray(mechanism), params)
        rounds.append(rest)
    return rounds, state


def test_in_equilibrium_the_reward_is_that_of_the_mechanism_whatever_came_before():
    env, params = make(num_rounds=2)
    mechanism = jnp.array([5.0, -6.0])
    (_, (reward, terminated, info)), _ = played(env, params, [[90.0, -90.0], mechanism])
    policies = equilibrium(env.game, mechanism, params.game).point
    expected = env.game.objective(policies, mechanism, params.game)
    assert float(reward) == pytest.approx(float(expected), abs=1e-12)
    assert bool(terminated)
    assert float(info["expected_objective"]) == float(reward)


def test_agents_who_respond_step_by_step_come_to_the_equilibrium():
    env, params = make(num_rounds=30, responses_per_round=2, response_rate=0.5)
    mechanism = jnp.array([5.0, -6.0])
    rounds, state = played(env, params, [mechanism] * 30)
    rest = equilibrium(env.game, mechanism, params.game).point
    np.testing.assert_allclose(state.policies, rest, atol=1e-5)
    first, last = float(rounds[0][0]), float(rounds[-1][0])
    expected = float(env.game.objective(rest, mechanism, params.game))
    assert abs(first - expected) > 100 * abs(last - expected)
    mean = np.mean([float(reward) for reward, *_ in rounds])
    assert float(rounds[-1][2]["objective"]) == pytest.approx(mean)


def test_rewards_that_are_drawn_have_the_expected_objective_as_their_mean():
    env, params = make(sampled=True)
    mechanism = jnp.array([5.0, -6.0])
    _, state = env.reset(jax.random.key(0), params)

    def one(key):
        _, _, reward, _, info = env.step_env(key, state, mechanism, params)
        return reward, info["expected_objective"]

    rewards, expected = jax.vmap(one)(jax.random.split(jax.random.key(1), 4000))
    error = np.std(rewards) / np.sqrt(len(rewards))
    assert abs(np.mean(rewards) - float(expected[0])) < 4 * error
    assert np.std(rewards) > 0


def test_what_is_beyond_the_bounds_is_the_bound():
    env, params = make(bound=4.0)
    beyond, at = (played(env, params, [w])[0][0][0] for w in ([50.0, -3.0], [4.0, -3.0]))
    assert float(beyond) == float(at)


def test_the_designer_observes_its_last_mechanism_and_reward():
    env, params = make(num_rounds=4, bound=10.0)
    observation, state = env.reset(jax.random.key(0), params)
    np.testing.assert_array_equal(observation, np.zeros(4))
    observation, state, reward, *_ = env.step_env(
        jax.random.key(1), state, jnp.array([5.0, -10.0]), params
    )
    np.testing.assert_allclose(observation, [0.5, -1.0, float(reward), 0.25])


def test_places_between_bounds_are_undone():
    space = spaces.Box(jnp.array([-2.0, 1.0]), jnp.array([2.0, 5.0]), (2,))
    places = jnp.array([0.5, -1.0])
    np.testing.assert_allclose(absolute(space, places), [1.0, 1.0])
    np.testing.assert_allclose(relative(space, absolute(space, places)), places)


def test_shares_of_a_whole_are_made_so():
    space = spaces.Simplex(3)
    np.testing.assert_allclose(allowed(space, jnp.array([2.0, -1.0, 2.0])), [0.5, 0, 0.5])
    np.testing.assert_allclose(allowed(space, jnp.zeros(3)), np.full(3, 1 / 3))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"num_rounds": 0}, "num_rounds: got 0; allowed are integers from 1"),
        ({"responses_per_round": 0}, "responses_per_round: got 0; allowed are integers from 1"),
        ({"response_rate": 0.0}, "response_rate: got 0.0; allowed are"),
        ({"sampled": 1}, "sampled: got 1; allowed are False, True"),
        ({"temperature": -1.0}, "temperature: got -1.0; allowed are finite numbers from 0"),
        ({"bound": float("inf")}, "bound: got inf; allowed are finite numbers above 0"),
        ({"lanes": 3}, "lanes"),
    ],
)
def test_options_out_of_range_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        make(**options)


def test_the_game_is_at_hand():
    env, _ = make()
    assert env.game == Multilane(3, num_positions=5, num_actions=9)
    assert env.name == "multilane"


def test_a_coefficient_that_is_fixed_is_in_the_middle():
    space = spaces.Box(jnp.array([0.3, 0.0]), jnp.array([0.3, 1.0]), (2,))
    np.testing.assert_allclose(relative(space, jnp.array([0.3, 1.0])), [0.0, 1.0])
