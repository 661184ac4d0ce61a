"""Action distributions against distrax, against counting, and at their bounds."""

import distrax
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.special import log_softmax, softmax

import jaxmech
from jaxmech.networks import Categorical, DiagonalGaussian, VisitAndPrices, distribution_for
from jaxmech.networks.action_distributions import Visit, cumulative_sum
from jaxmech.spaces import Box, Discrete

sample = jax.jit(lambda policy, *arguments: policy.sample(*arguments), static_argnums=0)
log_prob_and_entropy = jax.jit(
    lambda policy, *arguments: policy.log_prob_and_entropy(*arguments), static_argnums=0
)

AGENTS = 4
POLICY = VisitAndPrices(num_agents=AGENTS, num_items=2)
SCORES = np.float32([0.3, -1.0, 2.0, 0.7, 0.2, -0.4])
LOG_SCALE = np.float32([-0.5, 0.3])
LEFT = np.array([True, True, False, True])  # agent 2 is gone


def reference(scores, left):
    agents = distrax.Categorical(logits=jnp.where(left, scores[:AGENTS], -jnp.inf))
    prices = distrax.Independent(distrax.Normal(scores[AGENTS:], jnp.exp(LOG_SCALE)), 1)
    return agents, prices


def test_log_probability_and_entropy_agree_with_distrax():

    @jax.jit
    @jax.vmap
    def both(agent):
        agents, prices = reference(SCORES, LEFT)
        action = Visit(agent, jnp.array([0.1, -2.0]))
        expected = agents.log_prob(agent) + prices.log_prob(action.price_logits)
        ours = POLICY.log_prob_and_entropy(action, (SCORES, LOG_SCALE), LEFT)
        return ours, (expected, agents.entropy() + prices.entropy())

    (log_prob, entropy), (expected, expected_entropy) = both(np.array([0, 1, 3]))
    np.testing.assert_allclose(log_prob, expected, rtol=1e-5)
    np.testing.assert_allclose(entropy, expected_entropy, rtol=1e-5)


def test_sample_reports_its_own_log_probability():
    action, log_prob = sample(POLICY, jax.random.key(0), (SCORES, LOG_SCALE), LEFT)
    expected, _ = log_prob_and_entropy(POLICY, action, (SCORES, LOG_SCALE), LEFT)
    np.testing.assert_allclose(log_prob, expected, rtol=1e-5)


def test_agents_are_drawn_with_their_probabilities_and_never_twice():
    draws = 40_000
    batch = np.tile(SCORES, (draws, 1))
    left = np.tile(LEFT, (draws, 1))
    action, _ = sample(POLICY, jax.random.key(1), (batch, LOG_SCALE), left)
    frequency = np.bincount(np.asarray(action.agent), minlength=AGENTS) / draws
    expected = softmax(np.where(LEFT, SCORES[:AGENTS], -np.inf))
    assert frequency[2] == 0
    np.testing.assert_allclose(frequency, expected, atol=4 * 0.5 / np.sqrt(draws))
    assert np.std(action.price_logits[:, 1]) == pytest.approx(np.exp(0.3), rel=0.03)


def test_gradients_are_finite_with_one_agent_left_and_with_none():
    def total(scores, left):
        action = Visit(jnp.asarray(3), jnp.zeros(2))
        return sum(POLICY.log_prob_and_entropy(action, (scores, LOG_SCALE), left))

    gradient = jax.jit(jax.grad(total))
    for left in ([False, False, False, True], [False] * 4):
        assert np.all(np.isfinite(gradient(SCORES * 40, np.array(left))))


def test_gradient_of_entropy_equals_finite_differences():
    with jax.enable_x64(True):
        scores = np.asarray(SCORES, np.float64)
        action = Visit(jnp.asarray(1), jnp.array([0.1, -2.0]))

        def total(scores):
            return sum(POLICY.log_prob_and_entropy(action, (jnp.asarray(scores), LOG_SCALE), LEFT))

        step = 1e-6 * np.eye(scores.size)
        moved = np.concatenate([scores + step, scores - step])
        totals, gradients = jax.jit(jax.vmap(jax.value_and_grad(total)))(
            np.concatenate([scores[None], moved])
        )
        above, below = np.split(np.asarray(totals[1:]), 2)
        np.testing.assert_allclose(gradients[0], (above - below) / 2e-6, rtol=0, atol=1e-6)


def test_prices_stay_within_their_bounds():
    env, params = jaxmech.make("sequential_price", setting="kitchen_sink")
    policy = VisitAndPrices(env.num_agents, env.num_items)
    # An item worth little has a low bound of its own.
    bounds = np.array([0.01, 0.01, 5])

    @jax.jit
    def vector_of(logit):
        return policy.to_environment(Visit(jnp.asarray(2), jnp.full(3, logit)), env, params)

    for logit, share in ((50.0, 1), (0.0, 0.5), (-200.0, 0)):
        vector = np.asarray(vector_of(logit))
        scores, prices = vector[: env.num_agents], vector[env.num_agents :]
        assert np.argmax(scores) == 2
        np.testing.assert_allclose(prices, share * bounds, rtol=1e-6, atol=1e-12)
        assert np.all((prices >= 0) & (prices <= params.price_high))


class BoxEnvironment:
    def __init__(self, low, high):
        self.low, self.high = low, high

    def action_space(self, params):
        return Box(self.low, self.high, (2,))


def test_gaussian_actions_span_finite_bounds_and_keep_infinite_ones():
    policy = DiagonalGaussian((2,))
    bounded = BoxEnvironment(0.0, 10.0)
    for raw, expected in (([-1.0, 1.0], [0, 10]), ([0.0, 9.0], [5, 10])):
        action = policy.to_environment(jnp.array(raw), bounded, None)
        np.testing.assert_allclose(action, expected)
    free = BoxEnvironment(-jnp.inf, jnp.inf)
    np.testing.assert_allclose(policy.to_environment(jnp.array([3.0, -7.0]), free, None), [3, -7])


def test_policy_follows_the_action_space():
    assert distribution_for(Discrete(3)) == Categorical(3)
    assert distribution_for(Box(0.0, 1.0, (2,))) == DiagonalGaussian((2,))
    with pytest.raises(ValueError, match="action_space"):
        distribution_for("anything")


def test_choices_that_are_not_allowed_are_never_drawn_and_count_for_nothing():
    """As a categorical over the choices allowed alone, in draws, log-probability and entropy."""
    logits, mask = np.float32([0.3, 5.0, -1.0, 0.7]), np.array([True, False, True, True])
    masked = Categorical(4)
    of_alone = log_softmax(logits[mask])
    entropy_alone = -np.sum(np.exp(of_alone) * of_alone)
    for place, action in enumerate((0, 2, 3)):
        log_prob, entropy = log_prob_and_entropy(masked, np.int32(action), logits, mask)
        np.testing.assert_allclose(log_prob, of_alone[place], rtol=1e-5)
        np.testing.assert_allclose(entropy, entropy_alone, rtol=1e-5)
    actions, _ = sample(
        masked, jax.random.key(0), np.tile(logits, (4000, 1)), np.tile(mask, (4000, 1))
    )
    assert set(np.unique(actions)) == {0, 2, 3}
    assert int(masked.mode(logits, mask)) == 3 and int(masked.mode(logits, None)) == 1
    gradient = jax.jit(
        jax.grad(lambda logits: sum(masked.log_prob_and_entropy(jnp.asarray(2), logits, mask)))
    )(logits)
    assert np.isfinite(gradient).all() and gradient[1] == 0


@pytest.mark.usefixtures("promote_ranks")
def test_categoricals_and_normals_are_those_of_distrax_to_the_digit():
    key, logits = jax.random.key(3), jax.random.normal(jax.random.key(4), (7, 5))
    ours, theirs = Categorical(5), distrax.Categorical(logits=logits)
    action, log_prob = ours.sample(key, logits, None)
    expected, expected_log_prob = theirs.sample_and_log_prob(seed=key)
    np.testing.assert_array_equal(action, expected)
    np.testing.assert_array_equal(log_prob, expected_log_prob)
    again, entropy = ours.log_prob_and_entropy(action, logits, None)
    np.testing.assert_array_equal(again, log_prob)
    np.testing.assert_array_equal(entropy, theirs.entropy())
    log_scale = jnp.linspace(-1, 1, 5)
    normals = distrax.Independent(distrax.Normal(logits, jnp.exp(log_scale)), 1)
    ours = DiagonalGaussian((5,))
    action, log_prob = ours.sample(key, (logits, log_scale), None)
    expected, expected_log_prob = normals.sample_and_log_prob(seed=key)
    np.testing.assert_array_equal(action, expected)
    np.testing.assert_array_equal(log_prob, expected_log_prob)
    found = ours.log_prob_and_entropy(action, (logits, log_scale), None)
    np.testing.assert_array_equal(found[0], normals.log_prob(action))
    np.testing.assert_array_equal(found[1], normals.entropy())


@pytest.mark.parametrize("choices", [1, 20, 128, 129, 300])
def test_cumulative_sums_agree_with_numpy(choices):
    x = np.random.default_rng(choices).dirichlet(np.ones(choices), size=7).astype(np.float32)
    expected = np.cumsum(x.astype(np.float64), axis=-1)
    np.testing.assert_allclose(jax.jit(cumulative_sum)(x), expected, atol=1e-6)
