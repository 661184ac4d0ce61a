"""PPO on environments whose values are known, and its figures against closed forms."""

import math
from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxmech
from jaxmech import struct
from jaxmech.designers import PPO, RandomSerialDictatorship, train
from jaxmech.evaluation import evaluate
from jaxmech.spaces import Box, Discrete


# Numbers of a designer are leaves, so that tests share the programs of one structure.
@jax.jit
def start(designer, key):
    return designer.init(key)


@jax.jit
def update(designer, state):
    return designer.update(state)


@jax.jit
def act(designer, state, observation, key=None):
    return designer.policy(state).act(observation, None, key)[0]


@jax.jit
def value_of(designer, state, observation):
    return designer._values(state, jnp.full((1, designer._num_features), observation))[0]


@jax.jit
def trained(designer, key):
    return train(designer, key, updates=UPDATES)


# What of an update is not asked for is not compiled.
@jax.jit
def first_rollout(designer, key):
    metrics = designer.update(designer.init(key))[1]
    return {name: metrics[name] for name in ("objective", "episode_return")}


@jax.jit
def moments_after(designer, state):
    return designer.update(state)[0].moments


@jax.jit
def initial_log_scales(designer, key):
    return designer.init(key).parameters["params"]["log_scale"]


UPDATES = 60
REWARDS = ("one", "observation", "action")
NEVER = -1


# What is rewarded and when episodes end are numbers, so that tests share one program.
@struct.dataclass
class ProbeParams:
    reward: int
    terminates_after: int
    truncates_after: int


@struct.dataclass
class ProbeState:
    observation: jax.Array
    time: jax.Array


@dataclass(frozen=True)
class Probe:
    """A small environment of the gymnax 1.x protocol.

    The observation is -1 or 1, redrawn every step. The reward is ``1``, the observation,
    or whether the action has the observation's sign.
    """

    shape: tuple[int, ...] = (1,)

    def reset(self, key, params):
        observation = jnp.full(self.shape, jnp.sign(jax.random.uniform(key) - 0.5))
        return observation, ProbeState(observation, jnp.zeros((), jnp.int32))

    def step_env(self, key, state, action, params):
        sign = state.observation.ravel()[0]
        matches = (action == (sign > 0)).astype(float)
        reward = jnp.stack([jnp.ones(()), sign, matches])[params.reward]
        time = state.time + 1
        observation, _ = self.reset(key, params)
        terminated = time == params.terminates_after
        return observation, ProbeState(observation, time), reward, terminated, {}

    def step(self, key, state, action, params):
        key, reset_key = jax.random.split(key)
        observation, stepped, reward, terminated, info = self.step_env(key, state, action, params)
        truncated = ~terminated & (stepped.time == params.truncates_after)
        fresh_observation, fresh = self.reset(reset_key, params)
        ended = terminated | truncated
        state = jax.tree.map(lambda new, old: jnp.where(ended, new, old), fresh, stepped)
        info = info | {"final_observation": observation}
        first = jnp.where(ended, fresh_observation, observation)
        return first, state, reward, terminated, truncated, info

    def action_space(self, params):
        return Discrete(2)

    def observation_space(self, params):
        return Box(-1.0, 1.0, self.shape)


def probing(
    reward="one",
    *,
    terminates_after=1,
    truncates_after=NEVER,
    shape=(1,),
    updates=UPDATES,
    **options,
):
    options = {
        "num_environments": 16,
        "rollout_length": 16,
        "learning_rate": 1e-2,
        "anneal_updates": float(updates),
        "hidden": (16,),
    } | options
    params = ProbeParams(REWARDS.index(reward), terminates_after, truncates_after)
    return PPO(Probe(shape), params, **options)


def learned_value(reward, observation, **options):
    designer = probing(reward, **options)
    state, _ = trained(designer, jax.random.key(0))
    return float(value_of(designer, state, observation))


def test_value_of_one_step_is_its_reward():
    value = learned_value("one", 1.0)
    assert value == pytest.approx(1.0, abs=0.02)


@pytest.mark.parametrize("observation", [-1.0, 1.0])
def test_value_follows_the_observation(observation):
    value = learned_value("observation", observation)
    assert value == pytest.approx(observation, abs=0.05)


def test_termination_cuts_the_value():
    # Two steps of reward 1, seen through an observation that does not tell them apart:
    # 1 + .9 at the first, 1 at the second.
    value = learned_value("one", 1.0, terminates_after=2, gamma=0.9, gae_lambda=1.0)
    assert value == pytest.approx((1.9 + 1.0) / 2, abs=0.05)


@pytest.mark.parametrize("rollout_by", ["step", "episode"])
def test_truncation_does_not_cut_the_value(rollout_by):
    # Reward 1 for ever is worth 1 / (1 - gamma), however often the clock cuts the episode.
    value = learned_value(
        "one",
        1.0,
        terminates_after=NEVER,
        truncates_after=5,
        rollout_by=rollout_by,
        gamma=0.5,
        learning_rate=2e-2,
    )
    assert value == pytest.approx(2.0, abs=0.05)


def seeds_that_learn(designer):
    """How many of five come to do what the observation asks for."""
    shape = designer.env.shape
    learned = 0
    for key in jax.random.split(jax.random.key(0), 5):
        state, metrics = trained(designer, key)
        # Updates after those annealed over change nothing.
        rates = np.asarray(metrics["learning_rate"])
        assert rates[39] > 0 and np.all(rates[40:] == 0)
        choices = [act(designer, state, np.full(shape, seen, np.float32)) for seen in (-1, 1)]
        learned += choices == [0, 1]
    return learned


def test_learns_the_action_the_observation_asks_for():
    assert seeds_that_learn(probing("action", updates=40)) >= 4


@pytest.mark.parametrize("shape", [(2, 2), pytest.param((), marks=pytest.mark.slow)])
def test_observations_may_have_any_shape(shape):
    designer = probing("action", shape=shape, updates=40)
    assert seeds_that_learn(designer) >= 4


def test_rollouts_by_episode_count_what_they_cut_short():
    designer = probing(terminates_after=NEVER, rollout_by="episode")
    _, metrics = trained(designer, jax.random.key(0))
    for name in ("episodes", "episode_return", "episode_length"):
        np.testing.assert_array_equal(metrics[name], 16)


def test_no_return_is_reported_before_an_episode_ends():
    _, metrics = trained(probing(terminates_after=20), jax.random.key(0))
    assert np.isnan(metrics["episode_return"][0])
    np.testing.assert_array_equal(metrics["episode_return"][1:], 20)


def small_designer(**options):
    env, params = jaxmech.make("sequential_price", setting="two_worlds", num_agents=3)
    options = {
        "num_environments": 16,
        "num_minibatches": 2,
        "hidden": (8,),
        "rollout_by": "episode",
        # As where they are not given, but numbers that a test can change.
        "initial_log_scale": 0.0,
        "anneal_updates": math.inf,
        "reward_scale": 1.0,
    } | options
    return PPO(env, params, **options)


def stepping_designer(**options):
    options = {"rollout_length": 12, "anneal_updates": None, "reward_scale": None} | options
    return small_designer(rollout_by="step", **options)


def test_metrics_of_a_rollout_have_their_closed_forms():
    designer = stepping_designer()
    state = start(designer, jax.random.key(0))
    _, metrics = update(designer, state)
    # Stepping without pause, every step is inside an episode.
    assert float(metrics["environment_steps"]) == 16 * 12
    assert 16 * 12 / 3 - 16 <= float(metrics["episodes"]) <= 16 * 12
    assert 1 <= float(metrics["episode_length"]) <= 3
    # Without the offline optimum the return of an episode is its objective.
    np.testing.assert_allclose(metrics["episode_return"], metrics["objective"], rtol=1e-6)
    assert float(metrics["learning_rate"]) == pytest.approx(1e-3)


def test_episode_rollouts_count_only_steps_inside_episodes():
    designer = small_designer()
    _, metrics = update(designer, start(designer, jax.random.key(0)))
    assert float(metrics["episodes"]) == 16
    np.testing.assert_allclose(
        metrics["environment_steps"], 16 * metrics["episode_length"], rtol=1e-6
    )


def test_rewards_are_objective_less_offline_optimum():
    env, params = jaxmech.make(
        "sequential_price", setting="inventory", num_agents=4, num_items=4,
        subtract_offline_optimum=True,
    )  # fmt: skip
    designer = PPO(env, params, num_environments=8, hidden=(8,), rollout_by="episode")
    metrics = first_rollout(designer, jax.random.key(1))
    # As many units as agents: the offline optimum is the sum of all values, 2 to 4.
    optimum = float(metrics["objective"] - metrics["episode_return"])
    assert 2 <= optimum <= 4
    assert float(metrics["episode_return"]) <= 1e-6


def test_zero_learning_rate_leaves_the_policy_alone():
    designer = small_designer(learning_rate=0.0)
    before = start(designer, jax.random.key(0))
    after, metrics = update(designer, before)
    jax.tree.map(np.testing.assert_array_equal, before.parameters, after.parameters)
    assert float(metrics["approximate_kl"]) == pytest.approx(0, abs=1e-6)
    assert float(metrics["clip_fraction"]) == 0


def test_target_kl_zero_stops_after_the_first_step():
    # The first gradient is taken where the policy has not moved; every later one has.
    designer = small_designer(learning_rate=0.5, target_kl=1e-7)
    before = start(designer, jax.random.key(0))
    after, _ = update(designer, before)
    steps_taken = int(after.optimizer.count)
    assert 1 <= steps_taken < designer.num_epochs * designer.num_minibatches


def test_learning_rate_is_linear_between_its_ends():
    designer = small_designer(learning_rate=1.0, learning_rate_end=0.5, anneal_updates=4.0)
    state, rates = start(designer, jax.random.key(0)), []
    for _ in range(6):
        state, metrics = update(designer, state)
        rates.append(metrics["learning_rate"])
    np.testing.assert_allclose(rates, [1, 0.875, 0.75, 0.625, 0.5, 0.5])


def test_entropy_bonus_is_annealed_to_its_end():
    options = {"learning_rate": 1e-2, "learning_rate_end": 1e-2, "anneal_updates": 1.0}
    plain = small_designer(**options)
    bonus = small_designer(entropy_bonus=1.0, entropy_bonus_end=0.0, **options)

    def kernel(state):
        return state.parameters["params"]["actor"]["Dense_0"]["kernel"]

    first = start(bonus, jax.random.key(0))
    second, _ = update(bonus, first)
    assert not np.allclose(kernel(second), kernel(update(plain, first)[0]), atol=1e-4)
    third, expected = update(bonus, second)[0], update(plain, second)[0]
    np.testing.assert_allclose(kernel(third), kernel(expected), atol=1e-6)


def test_departed_agents_stay_excluded_under_normalisation():
    designer = stepping_designer(normalize_observations=True)
    # An agent that has always been there has mean 1 and a normalised feature of 0.
    state = start(designer, jax.random.key(0))
    ones = np.ones(designer._num_features, np.float32)
    state = state.replace(moments=state.moments.replace(mean=ones))
    observation = ones * (np.arange(ones.size) == 1)
    for seed in range(20):
        action = act(designer, state, observation, jax.random.key(seed))
        assert np.argmax(np.asarray(action)[:3]) == 1


@pytest.mark.slow
def test_trains_in_double_precision():
    with jax.enable_x64(True):
        designer = small_designer(rollout_by="step")
        state, metrics = update(designer, start(designer, jax.random.key(0)))
        assert all(leaf.dtype == jnp.float64 for leaf in jax.tree.leaves(state.parameters))
        assert all(np.isfinite(metric) for metric in metrics.values())


def test_spread_starts_narrower_where_actions_are_arrays():
    env, params = jaxmech.make("repeated_auction", num_rounds=2)
    auction = PPO(env, params, num_environments=4, hidden=(8,))
    for designer, expected in ((small_designer(initial_log_scale=None), 0.0), (auction, -1.0)):
        np.testing.assert_array_equal(initial_log_scales(designer, jax.random.key(0)), expected)


def test_initial_log_scale_is_where_prices_start():
    designer = small_designer(initial_log_scale=-2.5)
    np.testing.assert_allclose(initial_log_scales(designer, jax.random.key(0)), -2.5)


def test_reward_scale_changes_what_is_learned_but_not_what_is_reported():
    plain, scaled = small_designer(), small_designer(reward_scale=10.0)
    first_state = start(plain, jax.random.key(0))
    (_, first), (_, second) = update(plain, first_state), update(scaled, first_state)
    assert float(first["objective"]) == float(second["objective"])
    assert float(second["value_loss"]) > 10 * float(first["value_loss"])


@pytest.mark.slow
def test_every_float_can_be_swept_by_vmap():
    designers = [small_designer(learning_rate=rate, clip=clip)
                 for rate, clip in ((1e-3, 0.1), (1e-2, 0.3))]  # fmt: skip
    together = jax.tree.map(lambda *leaves: jnp.stack([jnp.asarray(x) for x in leaves]), *designers)
    key = jax.random.key(0)
    run = jax.jit(lambda designer: train(designer, key, updates=3)[0].parameters)
    swept = jax.jit(jax.vmap(lambda designer: train(designer, key, updates=3)[0].parameters))(
        together
    )
    for place, designer in enumerate(designers):
        alone = run(designer)
        jax.tree.map(
            lambda a, b, place=place: np.testing.assert_allclose(a, b[place], atol=2e-5),
            alone,
            swept,
        )
    first, second = (jax.tree.leaves(run(designer))[0] for designer in designers)
    assert not np.allclose(first, second)


@pytest.mark.parametrize("make", [small_designer, stepping_designer])
def test_a_second_update_does_not_compile_again(make):
    designer = make()
    state, _ = update(designer, start(designer, jax.random.key(0)))
    compiled = update._cache_size()
    update(designer, state)
    assert update._cache_size() == compiled


def test_same_key_gives_the_same_training():
    designer = small_designer()

    def run(key):
        state, _ = update(designer, start(designer, key))
        return update(designer, state)[1]

    first, second = run(jax.random.key(3)), run(jax.random.key(3))
    jax.tree.map(np.testing.assert_array_equal, first, second)
    assert float(first["objective"]) != float(run(jax.random.key(4))["objective"])


def test_normalised_observations_match_what_was_seen():
    designer = stepping_designer(normalize_observations=True)
    moments = moments_after(designer, start(designer, jax.random.key(0)))
    assert float(moments.count) == 16 * 12
    # Every episode begins with every agent left, so that feature's mean is near its top.
    mean = np.asarray(moments.mean)
    assert mean[0] <= 1 and np.abs(mean).max() > 0.3


@pytest.mark.slow
def test_learns_better_than_random_serial_dictatorship():
    env, params = jaxmech.make(
        "sequential_price", setting="inventory", num_agents=3, num_items=1,
        subtract_offline_optimum=True, statistic="agents_items",
    )  # fmt: skip
    designer = PPO(
        env, params, num_environments=128, hidden=(16,), rollout_by="episode",
        learning_rate=5e-3, anneal_updates=60.0,
    )  # fmt: skip
    keys = jax.random.split(jax.random.key(0), 4)
    states = jax.jit(jax.vmap(lambda key: train(designer, key, updates=60)[0]))(keys)
    learned = [
        evaluate(
            env,
            params,
            designer.policy(jax.tree.map(lambda leaf, seed=seed: leaf[seed], states)),
            jax.random.key(1),
            4000,
        ).mean
        for seed in range(4)
    ]
    baseline = RandomSerialDictatorship(env, params)
    random = evaluate(env, params, baseline, jax.random.key(1), 4000, deterministic=False)
    # One unit, three agents on {1/2, 1}: 1/2 with probability 1/8, else 1.
    optimum = 1 - 1 / 16
    assert random.mean == pytest.approx(0.75, abs=0.02)
    assert sum(mean > 0.97 * optimum for mean in learned) >= 3


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("num_environments", 0),
        ("num_minibatches", 3),
        ("rollout_length", 0),
        ("rollout_by", "epoch"),
        ("learning_rate", -1.0),
        ("gamma", 1.5),
        ("clip", -0.1),
        ("target_kl", float("nan")),
    ],
)
def test_bad_options_are_named(option, value):
    with pytest.raises(ValueError, match=option):
        small_designer(**{option: value})
