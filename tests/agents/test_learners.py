"""Learners: their steps in closed form, where they come to rest, and what they see of values."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxmech.agents.responses.decision_processes import (
    action_values,
    decision_process,
    optimal_values,
)
from jaxmech.agents.responses.finite_games import (
    bayesian,
    normal_form,
    quantal_response_equilibrium,
)
from jaxmech.agents.responses.learners import (
    Boltzmann,
    EpsilonGreedy,
    MirrorDescent,
    PolicyGradient,
    QLearning,
)

DILEMMA = np.array([[[3.0, 0.0], [5.0, 1.0]], [[3.0, 5.0], [0.0, 1.0]]])
"""Cooperate or defect."""

VALUES = np.array([[1.0, 0.5, -1.0], [0.0, 2.0, 0.3]])
PRIOR = np.array([[0.2, 0.3, 0.5], [0.6, 0.3, 0.1]])


@pytest.fixture(autouse=True)
def _float64():
    with jax.enable_x64(True):
        yield


def learned(learner, game, rounds):
    """Policies after so many rounds of all players of a finite game, and their average."""

    @jax.jit
    def play(start, learner):
        def step(state, _):
            policies = learner.policies(state)
            return learner.update(state, game.action_values(policies)), policies

        end, past = jax.lax.scan(step, learner.init(start), length=rounds)
        return learner.policies(end), jax.tree.map(lambda leaf: leaf.mean(axis=0), past)

    return play(game.uniform(), learner)


def gains_of_a_step(probabilities, before, step_size, temperature):
    """What mirror descent maximises, for each type."""
    worth = np.sum(probabilities * VALUES, axis=-1)
    unusual = np.sum(probabilities * np.log(probabilities / PRIOR), axis=-1)
    away = np.sum(probabilities * np.log(probabilities / before), axis=-1)
    return worth - temperature * unusual - away / step_size


@pytest.mark.parametrize("temperature", [0.0, 0.7])
def test_no_other_step_of_mirror_descent_gains_more(temperature):
    learner = MirrorDescent(0.4, temperature, PRIOR)
    draws = np.random.default_rng(0)
    before = draws.dirichlet(np.ones(3), 2)
    state = learner.init(jnp.asarray(before))
    np.testing.assert_allclose(learner.policies(state), before)
    after = np.asarray(learner.policies(learner.update(state, VALUES)))
    best = gains_of_a_step(after, before, 0.4, temperature)
    for other in draws.dirichlet(np.ones(3), (200, 2)):
        assert np.all(gains_of_a_step(other, before, 0.4, temperature) <= best + 1e-12)


def test_a_step_of_a_policy_gradient_goes_along_the_gradient():
    learner = PolicyGradient(0.3, 0.7, PRIOR)
    logits = jnp.array([[0.1, -0.4, 0.9], [2.0, 0.0, -1.0]])

    def worth(logits):
        policy = jax.nn.softmax(logits)
        return jnp.sum(policy * (VALUES - 0.7 * jnp.log(policy / PRIOR)))

    expected = logits + 0.3 * jax.grad(worth)(logits)
    np.testing.assert_allclose(learner.update(logits, VALUES), expected, rtol=1e-12)


@pytest.mark.parametrize(
    "learner",
    [
        MirrorDescent(0.3, temperature=1.0),
        PolicyGradient(1.0, temperature=1.0),
        QLearning(0.3, Boltzmann(1.0)),
    ],
    ids=["mirror descent", "policy gradient", "Q-learning"],
)
def test_with_a_temperature_learners_come_to_rest_at_the_quantal_response_equilibrium(learner):
    """Of three players, one of two types; without a prior all actions are alike to them."""
    draws = np.random.default_rng(1)
    game = bayesian(draws.normal(size=(3, 2, 1, 1, 2, 3, 2)), [[[0.3]], [[0.7]]])
    expected = quantal_response_equilibrium(game, 1.0)
    assert float(expected.residual) < 1e-12
    for policy, of_equilibrium in zip(learned(learner, game, 400)[0], expected.point, strict=True):
        np.testing.assert_allclose(policy, of_equilibrium, atol=1e-9)


@pytest.mark.parametrize(
    ("learner", "margin"),
    [
        (MirrorDescent(0.3), 1e-9),
        (PolicyGradient(1.0), 0.01),
        (QLearning(0.3, Boltzmann(0.05)), 1e-6),
        (QLearning(0.3, EpsilonGreedy(0.02)), 0.0101),
    ],
    ids=["mirror descent", "policy gradient", "Boltzmann", "epsilon-greedy"],
)
def test_dominated_actions_are_unlearned(learner, margin):
    for policy in learned(learner, normal_form(DILEMMA), 300)[0]:
        assert float(policy[0, 0]) <= margin


def test_the_average_of_mirror_descent_is_an_equilibrium_where_its_last_policies_are_not():
    """Matching pennies with prizes 9 and 1: the first player mixes evenly, the other 1 to 9.

    In a zero-sum game gains are at most what both regret, log 2 / step + step * scale^2 / 8 each
    a round (Cesa-Bianchi and Lugosi 2006, theorem 2.2)."""
    payoffs = np.array([[9.0, 0.0], [0.0, 1.0]])
    game = normal_form(np.stack([payoffs, -payoffs]))
    rounds, scale = 4000, 9.0
    step = np.sqrt(8 * np.log(2) / rounds) / scale
    last, average = learned(MirrorDescent(step), game, rounds)
    bound = 2 * scale * np.sqrt(np.log(2) / (2 * rounds))
    assert 0 <= float(jnp.sum(game.gains(average))) <= bound
    assert float(jnp.sum(game.gains(last))) > 2 * bound
    np.testing.assert_allclose(average[0], [[0.1, 0.9]], atol=0.02)
    np.testing.assert_allclose(average[1], [[0.1, 0.9]], atol=0.02)


def test_values_are_learned_as_a_weighted_average_of_what_is_seen():
    learner = QLearning(0.2)
    state = learner.init(PRIOR)
    for _ in range(5):
        state = learner.update(state, VALUES)
    np.testing.assert_allclose(state, VALUES * (1 - 0.8**5))


@pytest.mark.parametrize("exploration", [Boltzmann(2.0), EpsilonGreedy(0.3)])
def test_values_of_drawn_actions_are_learned_where_every_action_is_tried(exploration):
    learner = QLearning(0.05, exploration, PRIOR)

    @jax.jit
    def after(keys):
        def step(state, key):
            return learner.update(state, VALUES, key), None

        return jax.lax.scan(step, learner.init(PRIOR), keys)[0]

    np.testing.assert_allclose(after(jax.random.split(jax.random.key(0), 5000)), VALUES, atol=1e-3)


def test_values_of_a_decision_process_are_learned():
    """Against its optimal values: what a state is worth is its best learned value."""
    draws = np.random.default_rng(2)
    process = decision_process(
        draws.dirichlet(np.ones(4), (4, 3)), draws.normal(size=(4, 3)), discount=0.8
    )
    learner = QLearning(0.5)

    @jax.jit
    def after():
        def step(state, _):
            return learner.update(state, action_values(process, jnp.max(state, axis=1))), None

        return jax.lax.scan(step, learner.init(process.rewards), length=400)[0]

    np.testing.assert_allclose(jnp.max(after(), axis=1), optimal_values(process, 0.0), rtol=1e-9)


def test_an_epsilon_greedy_agent_does_what_it_does_unasked_now_and_then():
    policy = EpsilonGreedy(0.2).policy(jnp.array([1.0, 3.0, 3.0]), jnp.array([2.0, 1.0, 1.0]))
    np.testing.assert_allclose(policy, [0.1, 0.45, 0.45])


@pytest.mark.parametrize("learner", [MirrorDescent(0.1), PolicyGradient(0.1, 0.5, PRIOR)])
def test_steps_from_drawn_actions_are_right_on_average(learner):
    """Of the logarithms of odds, of which no step makes more than its length."""
    state = learner.init(jnp.full((2, 3), 1 / 3).at[0].set(jnp.array([0.6, 0.3, 0.1])))
    keys = jax.random.split(jax.random.key(1), 20_000)
    drawn = jax.jit(jax.vmap(lambda key: learner.update(state, VALUES, key)))(keys)
    exact = learner.update(state, VALUES)
    odds = np.asarray(drawn - drawn[..., :1])
    error = odds.std(axis=0) / np.sqrt(len(keys))
    assert np.all(error[:, 1:] > 0)
    off = np.abs(odds.mean(axis=0) - np.asarray(exact - exact[..., :1]))
    assert np.all(off <= 4 * error)


@pytest.mark.parametrize(
    "learner",
    [MirrorDescent(5.0), MirrorDescent(5.0, 0.5), PolicyGradient(5.0, 0.5), QLearning()],
    ids=["mirror descent", "anchored", "policy gradient", "Q-learning"],
)
@pytest.mark.parametrize("dtype", [jnp.float32, jnp.float64])
def test_certain_policies_and_large_values_have_neither_infinities_nor_nan(learner, dtype):
    policies = (jnp.array([[1.0, 0.0], [0.5, 0.5]], dtype), jnp.array([0.0, 1.0], dtype))
    values = jax.tree.map(lambda leaf: 100 * jnp.ones_like(leaf).at[..., 0].set(-1), policies)

    @jax.jit
    def after(values):
        def step(state, _):
            return learner.update(state, values), None

        state, _ = jax.lax.scan(step, learner.init(policies), length=20)
        total = sum(jnp.sum(leaf**2) for leaf in jax.tree.leaves(learner.policies(state)))
        return total, state

    slopes, state = jax.grad(after, has_aux=True)(values)
    for leaf in jax.tree.leaves((slopes, state, learner.policies(state))):
        assert leaf.dtype == dtype
        assert bool(jnp.all(jnp.isfinite(leaf)))


def test_a_prior_is_taken_over_unless_there_is_one():
    own = MirrorDescent(prior=PRIOR)
    assert own.with_prior(VALUES) is own
    assert MirrorDescent(0.3).with_prior(PRIOR).prior is PRIOR


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: MirrorDescent(0.0), "step_size: got 0.0; allowed are finite numbers above 0"),
        (lambda: MirrorDescent(temperature=-1.0), "temperature: got -1.0"),
        (lambda: PolicyGradient(-0.1), "step_size: got -0.1"),
        (lambda: PolicyGradient(temperature=float("inf")), "temperature: got inf"),
        (lambda: QLearning(1.5), "step_size: got 1.5; allowed are numbers above 0 to 1"),
        (lambda: Boltzmann(float("nan")), "temperature: got nan"),
        (lambda: EpsilonGreedy(2.0), "epsilon: got 2.0"),
    ],
)
def test_numbers_out_of_range_are_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()
