"""Anchored agents: closed forms of two actions, optimality within the bound, limits, slopes."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxmech.agents.responses.anchoring import anchored_optimum, anchored_response, divergence
from jaxmech.agents.responses.decision_processes import (
    decision_process,
    optimal_values,
    policy_values,
    soft_policy,
)
from jaxmech.agents.responses.logit import logit_response

UTILITIES = np.array([[1.0, 0.2, -0.5], [0.0, 3.0, 2.9]])
PRIOR = np.array([[0.2, 0.3, 0.5], [0.6, 0.3, 0.1]])
START = np.array([0.5, 0.0, 0.25, 0.25])

respond = jax.jit(anchored_response)
plan = jax.jit(anchored_optimum)


@pytest.fixture(autouse=True)
def _float64():
    with jax.enable_x64(True):
        yield


def of_two(often):
    """Divergence from an even chance."""
    return often * np.log(2 * often) + (1 - often) * np.log(2 * (1 - often))


def random_process(seed):
    draws = np.random.default_rng(seed)
    return decision_process(
        draws.dirichlet(np.ones(4), (4, 3)),
        draws.normal(size=(4, 3)),
        np.array([0.9, 0.9, 0.0, 0.9]),
        draws.uniform(0.5, 2, (4, 3)),
    )


def test_two_actions_in_closed_form():
    """Where one is chosen with probability p, the temperature is the gap over the log odds."""
    often = np.array([0.5001, 0.6, 0.9, 0.999, 1 - 1e-9])
    utilities = np.tile([0.7, -0.1], (5, 1))
    found = respond(utilities, of_two(often))
    np.testing.assert_allclose(found.probabilities[:, 0], often, rtol=1e-10)
    np.testing.assert_allclose(found.temperature, 0.8 / np.log(often / (1 - often)), rtol=1e-7)
    np.testing.assert_allclose(found.divergence, of_two(often), rtol=1e-10)


def test_slopes_of_two_actions_in_closed_form():
    """The probability follows from the bound alone: dp = dbound / log odds. The temperature is in
    proportion to the gap."""
    bound, odds = of_two(0.8), np.log(0.8 / 0.2)

    def often(utilities, bound):
        found = anchored_response(utilities, bound)
        return found.probabilities[0], found.temperature

    first = jax.jit(jax.jacrev(often, argnums=(0, 1)))
    utilities = jnp.array([0.7, -0.1])
    (p_by_utilities, p_by_bound), (t_by_utilities, t_by_bound) = first(utilities, bound)
    np.testing.assert_allclose(p_by_utilities, 0, atol=1e-12)
    assert float(p_by_bound) == pytest.approx(1 / odds, rel=1e-9)
    np.testing.assert_allclose(t_by_utilities, [1 / odds, -1 / odds], rtol=1e-9)
    # The odds rise by 1 / (p (1 - p)) of what p does.
    assert float(t_by_bound) == pytest.approx(-0.8 / odds**2 / 0.16 / odds, rel=1e-9)
    second = jax.jit(jax.grad(jax.grad(lambda bound: often(utilities, bound)[0])))(bound)
    assert float(second) == pytest.approx(-1 / odds**3 / 0.16, rel=1e-8)


@pytest.mark.parametrize("bound", [0.01, 0.3, 1.0])
def test_no_other_probabilities_within_the_bound_are_worth_more(bound):
    found = respond(UTILITIES, bound, PRIOR)
    worth = np.sum(np.asarray(found.probabilities) * UTILITIES, axis=1)
    np.testing.assert_allclose(
        found.probabilities, logit_response(UTILITIES, found.temperature, PRIOR), rtol=1e-12
    )
    assert np.all(np.asarray(found.divergence) <= bound * (1 + 1e-12))
    others = np.random.default_rng(0).dirichlet(np.ones(3), 20_000)
    for row in range(2):
        apart = np.sum(others * np.log(others / PRIOR[row]), axis=1)
        within = others[apart <= bound]
        assert len(within) > 50
        assert np.all(within @ UTILITIES[row] <= worth[row] + 1e-12)


def test_both_limits_are_exact():
    """A best response of the first row is log 5 from the prior, of the second log 10 / 3."""
    unmoved = respond(UTILITIES, 0.0, PRIOR)
    np.testing.assert_array_equal(unmoved.probabilities, logit_response(UTILITIES, jnp.inf, PRIOR))
    assert np.all(np.isinf(unmoved.temperature)) and not np.any(unmoved.divergence)
    for bound in (np.log(5), np.inf):
        free = respond(UTILITIES, bound, PRIOR)
        np.testing.assert_array_equal(free.probabilities, [[1, 0, 0], [0, 1, 0]])
        np.testing.assert_array_equal(free.temperature, 0)
        np.testing.assert_allclose(free.divergence, np.log([5, 10 / 3]))
    mixed = respond(UTILITIES, np.array([0.0, 5.0]), PRIOR)
    np.testing.assert_array_equal(mixed.temperature, [np.inf, 0])


def test_actions_alike_and_actions_without_a_prior_have_no_temperature():
    alike = respond(np.ones(3), 0.2)
    np.testing.assert_allclose(alike.probabilities, 1 / 3)
    assert float(alike.divergence) == 0
    # The best action is never done unasked, so never done; of the others both are alike.
    barred = respond(np.array([9.0, 1.0, 1.0]), 0.2, np.array([0.0, 1.0, 3.0]))
    np.testing.assert_allclose(barred.probabilities, [0, 0.25, 0.75])


@pytest.mark.parametrize(("dtype", "limit"), [(np.float32, 1e-3), (np.float64, 1e-8)])
def test_all_bounds_have_finite_slopes_of_both_orders(dtype, limit):
    """From one that moves no digit of a single precision to one beyond a best response."""
    with jax.enable_x64(dtype is np.float64):
        utilities = jnp.asarray([1.0, 0.999, -300.0], dtype)
        most = np.log(3)
        bounds = jnp.asarray([0, 1e-12, 1e-6, 1e-3, 0.5, most * (1 - 1e-6), most, 2], dtype)

        def often(utilities, bound):
            found = anchored_response(utilities, bound)
            return jnp.sum(found.probabilities**2), found

        def slope(utilities, bound):
            slopes, found = jax.grad(often, argnums=(0, 1), has_aux=True)(utilities, bound)
            return slopes, (slopes, found)

        curved = jax.vmap(jax.jacfwd(slope, argnums=(0, 1), has_aux=True), in_axes=(None, 0))
        curvatures, (slopes, found) = jax.jit(curved)(utilities, bounds)
        assert found.probabilities.dtype == dtype
        within = np.minimum(bounds, most)
        kept = np.array([place for place in range(8) if place != 1 or dtype is np.float64])
        np.testing.assert_allclose(found.divergence[kept], within[kept], rtol=limit)
        for leaf in jax.tree.leaves((slopes, curvatures)):
            assert bool(jnp.all(jnp.isfinite(leaf)))


def test_divergence_keeps_its_digits_near_the_prior():
    """To second order it is half the squared relative changes, weighted by the prior."""
    change = 1e-9 * np.array([0.3, 0.2, -0.24])
    probabilities = PRIOR[0] * (1 + change)
    exact = np.sum(PRIOR[0] * change**2) / 2
    assert float(divergence(jnp.asarray(probabilities), PRIOR[0])) == pytest.approx(exact, rel=1e-6)
    certain = divergence(jnp.array([0.0, 1.0, 0.0]), PRIOR[0])
    assert float(certain) == pytest.approx(np.log(1 / 0.3), rel=1e-12)


def _difference(around):
    """Of numbers at three places."""
    return (around[2] - around[0]) / 2e-5


def test_slopes_are_differences_in_a_batch():
    """First to 1e-6, second to 1e-4, by utilities, bound and prior at once."""
    draws = np.random.default_rng(1)
    count = 50
    given = (
        draws.normal(size=(count, 4)),
        draws.uniform(0.01, 0.6, count),
        draws.uniform(0.5, 2, (count, 4)),
    )
    directions = tuple(0.3 * draws.normal(size=leaf.shape) * leaf for leaf in given)

    @jax.jit
    @jax.vmap
    def compared(given, direction):
        def value(step):
            utilities, bound, prior = jax.tree.map(lambda a, b: a + step * b, given, direction)
            found = anchored_response(utilities, bound, prior)
            return found.probabilities @ jnp.arange(4.0) + found.temperature

        slope = jax.value_and_grad(value)
        (values, slopes), (_, curvatures) = jax.vmap(lambda step: jax.jvp(slope, (step,), (1.0,)))(
            jnp.array([-1e-5, 0, 1e-5])
        )
        return slopes[1], _difference(values), curvatures[1], _difference(slopes)

    slope, by_hand, curvature, again = compared(given, directions)
    np.testing.assert_allclose(slope, by_hand, rtol=1e-6, atol=1e-7)
    np.testing.assert_allclose(curvature, again, rtol=1e-4, atol=1e-5)
    assert np.median(np.abs(curvature)) > 0.05


def test_the_discounted_divergence_of_a_plan_is_bounded():
    """No plan within the bound is worth more, of those that are drawn around it and at random."""
    process, bound = random_process(3), 0.8
    found = plan(process, bound, START)
    prior = np.asarray(process.prior_policy)

    def sums(policy):
        """Discounted divergence and worth, step by step."""
        step = np.einsum("sa,sat->st", policy, process.transition)
        each = np.sum(policy * np.log(policy / prior), axis=1)
        earned = np.sum(policy * np.asarray(process.rewards), axis=1)
        now, total = START, np.zeros(2)
        for _ in range(300):
            total += [now @ each, now @ earned]
            now = (now * np.asarray(process.discount)) @ step
        return total

    policy = np.asarray(found.policy)
    apart, worth = sums(policy)
    assert apart == pytest.approx(bound, rel=1e-9)
    assert float(found.divergence) == pytest.approx(bound, rel=1e-9)
    assert float(START @ found.values) == pytest.approx(worth, rel=1e-9)
    values = optimal_values(process, found.temperature)
    np.testing.assert_allclose(policy, soft_policy(process, values, found.temperature), rtol=1e-8)
    draws, within = np.random.default_rng(4), 0
    for _ in range(200):
        other = policy * np.exp(draws.normal(size=policy.shape) * draws.choice([0.01, 0.3]))
        apart, gained = sums(other / other.sum(axis=1, keepdims=True))
        if apart <= bound:
            within += 1
            assert gained <= worth + 1e-12
    assert within > 30


def test_limits_of_a_plan_are_the_prior_and_the_best():
    process = random_process(5)
    unmoved, free = plan(process, 0.0, START), plan(process, 100.0, START)
    np.testing.assert_allclose(unmoved.policy, process.prior_policy, rtol=1e-12)
    np.testing.assert_allclose(
        unmoved.values, policy_values(process, process.prior_policy), rtol=1e-12
    )
    np.testing.assert_allclose(free.values, optimal_values(process, 0.0), rtol=1e-12)
    assert float(free.temperature) == 0 and np.isinf(unmoved.temperature)
    worths = [START @ plan(process, bound, START).values for bound in (0.0, 0.1, 0.5, 1.0, 100.0)]
    assert np.all(np.diff(worths) > 0)


@pytest.mark.parametrize("bound", [0.3, 1.3, 1.4, 2.0, 2.7, 10.0])
def test_where_plans_are_equally_good_the_bound_holds_all_the_same(bound):
    """Two ways to the same reward, of which one asks for an action that is done one time in a
    hundred unasked, the other one time in two. Sharing the ways evenly, as unasked, diverges by
    half of log 100 + log 2 = 2.65; the best plan that diverges least by -log(0.255) = 1.37."""
    transition = np.zeros((4, 2, 4))
    transition[0, 0, 1] = transition[0, 1, 2] = 1
    transition[1:, :, 3] = 1
    rewards = np.array([[0.0, 0.0], [1.0, 0.0], [1.0, 0.0], [0.0, 0.0]])
    prior = np.array([[0.5, 0.5], [0.01, 0.99], [0.5, 0.5], [0.5, 0.5]])
    process = decision_process(transition, rewards, np.array([1.0, 0, 0, 0]), prior)
    least = -np.log(0.255)
    found = plan(process, bound, np.array([1.0, 0, 0, 0]))
    assert float(found.divergence) == pytest.approx(min(bound, least), rel=1e-9)
    if bound >= least:
        assert float(found.temperature) == 0 and float(found.values[0]) == pytest.approx(1)
        np.testing.assert_allclose(found.policy[0], np.array([0.005, 0.25]) / 0.255, rtol=1e-12)
    else:
        assert 0 < float(found.values[0]) < 1


def test_what_another_nat_is_worth_is_the_temperature():
    """The multiplier of the bound: also the envelope theorem, and a derivative of the plan."""
    process = random_process(6)

    @jax.jit
    @jax.value_and_grad
    def worth(bound):
        return START @ anchored_optimum(process, bound, START).values

    for bound in (0.05, 0.7):
        _, slope = worth(bound)
        by_hand = (worth(bound + 1e-6)[0] - worth(bound - 1e-6)[0]) / 2e-6
        assert float(slope) == pytest.approx(float(plan(process, bound, START).temperature), 1e-7)
        assert float(slope) == pytest.approx(float(by_hand), rel=1e-6)


@pytest.mark.parametrize("bound", [-0.1, float("nan")])
def test_a_bound_below_zero_is_refused(bound):
    with pytest.raises(ValueError, match="bound: got .* allowed are numbers from 0"):
        anchored_response(UTILITIES, bound)
    with pytest.raises(ValueError, match="bound: got .* allowed are numbers from 0"):
        anchored_optimum(random_process(0), bound, START)
    with pytest.raises(ValueError, match="start: got shape"):
        anchored_optimum(random_process(0), 0.1, START[:2])
    for start in ([0.5, 0.5, 0.5, 0.5], [1.5, -0.5, 0, 0]):
        with pytest.raises(ValueError, match="start: got"):
            anchored_optimum(random_process(0), 0.1, np.array(start))


@pytest.mark.parametrize("wrong", [-0.1, np.nan])
def test_each_bound_of_several_is_looked_at(wrong):
    for bounds in (np.array([0.1, wrong]), jnp.array([0.1, wrong])):
        with pytest.raises(ValueError, match="bound: got .* allowed are numbers from 0"):
            anchored_response(UTILITIES, bounds)
