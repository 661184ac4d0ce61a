"""Smoothed decision processes: values against plain NumPy, derivatives, limits of temperature."""

from __future__ import annotations

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxmech.agents.responses.decision_processes import (
    DecisionProcess,
    bellman,
    decision_process,
    occupancy,
    optimal_values,
    policy_values,
    soft_policy,
    soft_policy_iteration,
    soft_policy_values,
)
from jaxmech.checks import InvalidValueError

STATES, ACTIONS = 5, 3


@pytest.fixture(autouse=True)
def _double():
    with jax.enable_x64(True):
        yield


def random_process(seed, *, prior=False, ends=False):
    """Any process; with ``ends`` the episode is over after a decision in state 1."""
    rng = np.random.default_rng(seed)
    discount = np.full(STATES, 0.9)
    discount[1] *= not ends
    return decision_process(
        rng.dirichlet(np.ones(STATES), (STATES, ACTIONS)),
        rng.normal(size=(STATES, ACTIONS)),
        discount if ends else 0.9,
        rng.uniform(0.5, 2, (STATES, ACTIONS)) if prior else None,
    )


def random_processes(count):
    processes = [random_process(seed, prior=True, ends=True) for seed in range(count)]
    return jax.tree.map(lambda *leaves: jnp.stack(leaves), *processes)


def plain_values(process, temperature, sweeps=600):
    """Value iteration, written anew: sums of exponentials, each state and action by itself."""
    moves, rewards = np.asarray(process.transition), np.asarray(process.rewards)
    discounts = np.broadcast_to(process.discount, STATES)
    weights = np.ones(rewards.shape)
    if process.prior is not None:
        weights = np.asarray(process.prior) / np.asarray(process.prior).sum(1, keepdims=True)
    values, actions = np.zeros(STATES), range(ACTIONS)
    for _ in range(sweeps):
        new = []
        for s in range(STATES):
            worth = np.array([rewards[s, a] + discounts[s] * moves[s, a] @ values for a in actions])
            highest = worth.max()
            total = np.sum(weights[s] * np.exp((worth - highest) / temperature))
            new.append(highest + temperature * np.log(total))
        values = np.array(new)
    return values


@pytest.mark.parametrize("temperature", [0.001, 0.3, 20.0])
@pytest.mark.parametrize(("prior", "ends"), [(False, False), (True, False), (False, True)])
def test_values_are_those_of_value_iteration(temperature, prior, ends):
    process = random_process(0, prior=prior, ends=ends)
    found = soft_policy_iteration(process, temperature)
    expected = plain_values(process, temperature)
    np.testing.assert_allclose(found.values, expected, rtol=1e-12, atol=1e-12)
    swept = bellman(process, found.values, temperature)
    assert float(found.residual) == float(jnp.max(jnp.abs(swept - found.values)))
    assert float(found.residual) < 1e-12 * max(1, np.abs(expected).max())
    assert int(found.solves) < 8


def test_the_optimal_policy_is_worth_the_optimal_values_and_any_other_less():
    process = random_process(1, prior=True, ends=True)
    values = optimal_values(process, 0.5)
    best = soft_policy(process, values, 0.5)
    np.testing.assert_allclose(jnp.sum(best, axis=1), 1, rtol=1e-12)
    np.testing.assert_allclose(soft_policy_values(process, best, 0.5), values, rtol=1e-12)
    others = jax.random.dirichlet(jax.random.key(0), jnp.ones(ACTIONS), (50, STATES))
    worth = jax.vmap(lambda policy: soft_policy_values(process, policy, 0.5))(others)
    assert np.all(np.asarray(worth) < np.asarray(values))


@pytest.mark.parametrize("temperature", [0.3, 1.0])
def test_entropy_is_a_divergence_from_uniform_and_a_reward_for_each_decision(temperature):
    for ends in (False, True):
        counted = random_process(2, ends=ends)
        bonus = temperature * np.log(ACTIONS)
        against_uniform = counted.replace(prior=jnp.ones(ACTIONS))
        paid = against_uniform.replace(rewards=counted.rewards + bonus)
        values = optimal_values(counted, temperature)
        np.testing.assert_allclose(values, optimal_values(paid, temperature), rtol=1e-12)
        unpaid = optimal_values(against_uniform, temperature)
        apart = np.ptp(values - unpaid)
        policies = [
            soft_policy(process, found, temperature)
            for process, found in ((counted, values), (against_uniform, unpaid))
        ]
        if ends:
            assert apart > 0.01 * bonus and np.abs(policies[0] - policies[1]).max() > 1e-3
        else:
            np.testing.assert_allclose(values - unpaid, bonus / (1 - 0.9), rtol=1e-9)
            np.testing.assert_allclose(policies[0], policies[1], rtol=1e-9)


def test_temperature_zero_is_the_best_policy_and_the_limit():
    process = random_process(3, prior=True)
    found = soft_policy_iteration(process, 0.0)
    policy = soft_policy(process, found.values, 0.0)
    assert np.all(np.sort(policy, axis=1) == [0, 0, 1])
    every = np.array(np.meshgrid(*[range(ACTIONS)] * STATES)).reshape(STATES, -1).T
    plans = jax.nn.one_hot(jnp.asarray(every), ACTIONS, dtype=float)
    worth = jax.vmap(lambda plan: policy_values(process, plan))(plans)
    np.testing.assert_allclose(found.values, jnp.max(worth, axis=0), rtol=1e-12)
    # Near 0 the prior costs at most the logarithm of its smallest weight in each step.
    nearly = optimal_values(process, 1e-6)
    np.testing.assert_allclose(nearly, found.values, atol=1e-6 * np.log(16) / (1 - 0.9))


def test_an_infinite_temperature_is_the_prior_and_the_limit():
    process = random_process(4, prior=True)
    found = soft_policy_iteration(process, jnp.inf)
    prior = process.prior / jnp.sum(process.prior, axis=1, keepdims=True)
    np.testing.assert_allclose(soft_policy(process, found.values, jnp.inf), prior, rtol=1e-12)
    np.testing.assert_allclose(found.values, policy_values(process, prior), rtol=1e-12)
    np.testing.assert_allclose(optimal_values(process, 1e9), found.values, atol=1e-7)


@pytest.mark.parametrize("dtype", [jnp.float32, jnp.float64])
def test_low_temperatures_have_neither_infinities_nor_nan(dtype):
    # One action is so bad that its probability is 0 in any precision.
    process = random_process(5, ends=True)
    process = process.replace(rewards=process.rewards.at[:, 0].add(-1e3))
    process = jax.tree.map(lambda leaf: leaf.astype(dtype), process)

    @jax.jit
    @partial(jax.value_and_grad, argnums=(0, 1), has_aux=True)
    def worth(process, temperature):
        found = soft_policy_iteration(process, temperature)
        policy = soft_policy(process, found.values, temperature)
        again = soft_policy_values(process, policy, temperature)
        earned = jnp.sum(again) + policy_values(process, policy)[0]
        return jnp.sum(found.values**2) + earned, found

    for temperature in (1e-3, 0.0):
        (value, found), slopes = worth(process, jnp.asarray(temperature, dtype))
        assert value.dtype == dtype
        assert all(bool(jnp.all(jnp.isfinite(leaf))) for leaf in jax.tree.leaves((value, slopes)))
        assert float(found.residual) <= 64 * jnp.finfo(dtype).eps * float(abs(found.values).max())


@pytest.mark.slow
def test_derivatives_of_a_hundred_processes_are_differences():
    """First to 1e-5, second to 1e-4, by rewards, moves, discount, prior and temperature at once."""
    processes = random_processes(100)

    def objective(step, process, direction):
        """What another person earns under the optimal policy, ``step`` along a direction."""
        moved = jax.tree.map(lambda leaf, way: leaf * (1 + step * way), process, direction)
        moved = moved.replace(
            transition=moved.transition / jnp.sum(moved.transition, axis=-1, keepdims=True)
        )
        temperature = 0.5 + 0.1 * step
        values = optimal_values(moved, temperature)
        policy = soft_policy(moved, values, temperature)
        theirs = jnp.cos(jnp.arange(STATES * ACTIONS, dtype=float)).reshape(STATES, ACTIONS)
        return values[0] * policy_values(moved, policy, theirs)[0]

    keys = jax.random.split(jax.random.key(0), 4)
    direction = jax.tree.unflatten(
        jax.tree.structure(processes),
        [
            0.05 * jax.random.normal(key, leaf.shape)
            for key, leaf in zip(keys, jax.tree.leaves(processes), strict=True)
        ],
    )

    @jax.jit
    @jax.vmap
    def compared(process, direction):
        def value(step):
            return objective(step, process, direction)

        slope, curvature = jax.grad(value), jax.grad(jax.grad(value))
        by_hand = (value(1e-4) - value(-1e-4)) / 2e-4
        again = (slope(1e-4) - slope(-1e-4)) / 2e-4
        return slope(0.0), by_hand, curvature(0.0), again

    slope, by_hand, curvature, again = compared(processes, direction)
    cold = jax.jit(
        jax.vmap(jax.value_and_grad(lambda one: jnp.sum(optimal_values(one, 1e-3) ** 2)))
    )(processes)
    assert all(bool(jnp.all(jnp.isfinite(leaf))) for leaf in jax.tree.leaves(cold))
    assert np.median(np.abs(slope)) > 0.1 and np.median(np.abs(curvature)) > 0.01
    np.testing.assert_allclose(slope, by_hand, rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(curvature, again, rtol=1e-4, atol=1e-4)


@pytest.mark.slow
def test_values_move_with_rewards_as_discounted_visits():
    process = random_process(6, ends=True)
    policy = soft_policy(process, optimal_values(process, 0.2), 0.2)
    moved = jax.jacobian(lambda rewards: optimal_values(process.replace(rewards=rewards), 0.2))(
        process.rewards
    )
    for state in range(STATES):
        visits = occupancy(process, policy, jnp.eye(STATES)[state])
        np.testing.assert_allclose(moved[state], visits[:, None] * policy, rtol=1e-9, atol=1e-12)


def test_occupancy_is_the_sum_over_steps():
    process = random_process(7, ends=True)
    policy = soft_policy(process, jnp.zeros(STATES), 1.0)
    step = np.einsum("sa,sat->st", policy, process.transition)
    start = np.array([0.5, 0.25, 0, 0.25, 0])
    visits, now = np.zeros(STATES), start
    for _ in range(400):
        visits, now = visits + now, (now * process.discount) @ step
    found = occupancy(process, policy, jnp.asarray(start))
    np.testing.assert_allclose(found, visits, rtol=1e-12)
    # What is earned is what each visit pays, and of a process without ends all visits sum up.
    values = policy_values(process, policy)
    paid = np.sum(np.asarray(policy) * process.rewards, axis=1)
    np.testing.assert_allclose(start @ values, visits @ paid, rtol=1e-12)
    endless = process.replace(discount=jnp.asarray(0.9))
    np.testing.assert_allclose(occupancy(endless, policy, jnp.asarray(start)).sum(), 10)


def test_a_start_shortens_the_search_and_changes_neither_values_nor_slopes():
    process = random_process(8)
    values = optimal_values(process, 0.1)
    near = soft_policy_iteration(process, 0.1, values)
    assert int(near.solves) == 0
    np.testing.assert_array_equal(near.values, values)

    def of(rewards, start):
        return jnp.sum(optimal_values(process.replace(rewards=rewards), 0.1, start) ** 2)

    slopes = jax.grad(of, argnums=(0, 1))
    here, of_start = slopes(process.rewards, values)
    np.testing.assert_allclose(here, slopes(process.rewards, 0 * values)[0], rtol=1e-9)
    assert not np.any(of_start)
    cut = soft_policy_iteration(process, 0.1, most_solves=1)
    assert int(cut.solves) == 1 and float(cut.residual) > 1e-6


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"transition": np.ones((2, 2, 2))}, "transition"),
        ({"transition": np.full((2, 2, 3), 1 / 3)}, "transition"),
        ({"rewards": np.array([[0.0, np.nan], [0, 0]])}, "rewards"),
        ({"rewards": np.zeros(2)}, "rewards"),
        ({"discount": 1.5}, "discount"),
        ({"discount": np.zeros(3)}, "discount"),
        ({"prior": np.array([[1.0, 1], [0, 0]])}, "prior"),
        ({"prior": np.array([1.0, -1])}, "prior"),
    ],
)
def test_refusals(changes, field):
    good = {"transition": np.full((2, 2, 2), 0.5), "rewards": np.zeros((2, 2)), "discount": 0.5}
    assert isinstance(decision_process(**good), DecisionProcess)
    with pytest.raises(InvalidValueError) as refused:
        decision_process(**good | changes)
    assert refused.value.field == field


def test_refusals_of_a_search():
    process = random_process(9)
    for wrong in ({"most_solves": 0}, {"tolerance": -1.0}):
        with pytest.raises(InvalidValueError, match=next(iter(wrong))):
            soft_policy_iteration(process, 0.1, **wrong)
    with pytest.raises(InvalidValueError, match="temperature"):
        soft_policy_iteration(process, -0.1)
