"""No-regret learners keep their bounds, on chance and against an adversary."""

from __future__ import annotations

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxmech.agents.bidders.no_regret import (
    Exp3,
    Hedge,
    RegretMatching,
    draw_choice,
    exp3_learning_rate,
    exp3_regret_bound,
    hedge_learning_rate,
    hedge_regret_bound,
    regret_matching_bound,
)

CHOICES, ROUNDS = 8, 2000

HEDGE = Hedge(hedge_learning_rate(CHOICES, ROUNDS))
EXP3 = Exp3(exp3_learning_rate(CHOICES, ROUNDS))

LEARNERS = [
    (HEDGE, hedge_regret_bound(CHOICES, ROUNDS)),
    (EXP3, exp3_regret_bound(CHOICES, ROUNDS)),
    (RegretMatching(), regret_matching_bound(CHOICES, ROUNDS)),
]


def chance(probabilities, key, time):
    """The last choice is better by .2 on average."""
    del probabilities, time
    better = jnp.arange(CHOICES) == CHOICES - 1
    return (jax.random.uniform(key, (CHOICES,)) < 0.4 + 0.2 * better).astype(float)


def adversary(probabilities, key, time):
    """Whatever is likeliest earns nothing, all else earns 1."""
    del key, time
    return (jnp.arange(CHOICES) != jnp.argmax(probabilities)).astype(float)


def turncoat(probabilities, key, time):
    """The first choice is best for a third of the time, then the worst, and the last is best."""
    del probabilities, key
    late = time > ROUNDS / 3
    first, last = jnp.where(late, 0.0, 1.0), jnp.where(late, 1.0, 0.2)
    return jnp.full(CHOICES, 0.5).at[0].set(first).at[-1].set(last)


@partial(jax.jit, static_argnums=1)
def expected_regret(learner, environment, key):
    """Regret in expectation over each choice, given all before."""

    def one_round(carry, time):
        scores, earned, totals = carry
        nature_key, choice_key = jax.random.split(jax.random.fold_in(key, time))
        probabilities = learner.probabilities(scores)
        utilities = environment(probabilities, nature_key, time)
        choice = learner.choose(scores, choice_key)
        earned = earned + jnp.sum(probabilities * utilities)
        scores = learner.update(scores, choice, utilities)
        return (scores, earned, totals + utilities), None

    start = (learner.init(CHOICES), jnp.zeros(()), jnp.zeros(CHOICES))
    (_, earned, totals), _ = jax.lax.scan(one_round, start, jnp.arange(ROUNDS))
    return jnp.max(totals) - earned


@pytest.mark.parametrize("environment", [chance, adversary, turncoat])
@pytest.mark.parametrize(("learner", "bound"), LEARNERS, ids=lambda x: type(x).__name__)
def test_regret_is_below_the_bound(learner, bound, environment):
    regrets = jax.vmap(partial(expected_regret, learner, environment))(
        jax.random.split(jax.random.key(0), 32)
    )
    assert np.mean(regrets) <= bound
    if not isinstance(learner, Exp3):
        assert np.max(regrets) <= bound
    # Uniform choices, whose regret grows linearly, would be far above.
    if environment is chance:
        assert 0.5 * bound < 0.2 * (1 - 1 / CHOICES) * ROUNDS


def test_the_regret_of_a_learner_that_does_not_learn_is_above_the_bound():
    """The check itself can fail."""
    regret = expected_regret(Hedge(1e-9), chance, jax.random.key(0))
    assert regret > hedge_regret_bound(CHOICES, ROUNDS)


def test_exp3_reads_only_the_utility_of_its_choice():
    scores = jnp.arange(CHOICES) / 4
    utilities = jnp.full(CHOICES, jnp.nan).at[3].set(0.25)
    after = EXP3.update(scores, jnp.asarray(3), utilities)
    probability = EXP3.probabilities(scores)[3]
    np.testing.assert_allclose(after[3], scores[3] - 0.75 / probability, rtol=1e-6)
    np.testing.assert_array_equal(np.delete(after, 3), np.delete(scores, 3))


def test_exp3_estimates_losses_without_bias():
    learner = Exp3(0.5, exploration=0.2)
    scores = jnp.linspace(-2, 1, CHOICES)
    utilities = jnp.linspace(0, 1, CHOICES)
    updates = jax.vmap(lambda choice: learner.update(scores, choice, utilities) - scores)(
        jnp.arange(CHOICES)
    )
    mean = learner.probabilities(scores) @ updates
    np.testing.assert_allclose(mean, utilities - 1, atol=1e-5)


def test_regret_matching_counts_its_regret():
    learner = RegretMatching()
    scores = jnp.asarray([1.0, -2.0, 3.0])
    np.testing.assert_allclose(learner.probabilities(scores), [0.25, 0, 0.75])
    after = learner.update(scores, jnp.asarray(0), jnp.asarray([0.0, 1.0, 1.0]))
    np.testing.assert_allclose(after, [0.25, -1.75, 3.25])
    np.testing.assert_allclose(learner.probabilities(-scores * jnp.asarray([1, 0, 1])), 1 / 3)


@pytest.mark.parametrize("learner", [HEDGE, EXP3, RegretMatching()], ids=lambda x: type(x).__name__)
def test_choices_follow_the_probabilities(learner):
    scores = jnp.linspace(0, 60, CHOICES)
    keys = jax.random.split(jax.random.key(1), 40_000)
    choices = jax.vmap(learner.choose, in_axes=(None, 0))(scores, keys)
    assert choices.dtype == jnp.int32
    share = np.bincount(choices, minlength=CHOICES) / len(keys)
    error = np.sqrt(share * (1 - share) / len(keys))
    np.testing.assert_array_less(np.abs(share - learner.probabilities(scores)), 4.5 * error + 1e-3)


def test_a_choice_is_never_past_the_end_nor_of_probability_zero():
    probabilities = jnp.asarray([0.0, 0.5, 0.0, 0.5 - 1e-7, 0.0])
    assert draw_choice(probabilities, jnp.asarray(0.0)) == 1
    assert draw_choice(probabilities, jnp.asarray(0.51)) == 3
    assert draw_choice(probabilities, jnp.asarray(1 - 2.0**-23)) == 3


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Hedge(-1.0), "learning_rate: got -1.0; allowed are"),
        (lambda: Hedge(0.0), "learning_rate: got 0.0; allowed are finite numbers above 0"),
        (lambda: Hedge(np.float32("inf")), "learning_rate: got inf"),
        (lambda: Exp3(0), "learning_rate: got 0"),
        (lambda: Hedge(float("nan")), "learning_rate: got nan"),
        (lambda: Exp3(0.1, exploration=1.5), "exploration: got 1.5"),
        (lambda: Hedge(0.1).init(0), "num_choices: got 0"),
        (lambda: hedge_regret_bound(4, 0), "rounds: got 0"),
        (lambda: exp3_learning_rate(0, 4), "num_choices: got 0"),
    ],
)
def test_refuses_what_makes_no_sense(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_a_sweep_of_learning_rates_is_one_vmap():
    rates = jnp.asarray([0.01, 0.1, 1.0])
    scores = jnp.arange(4.0)
    swept = jax.vmap(lambda rate: Hedge(rate).probabilities(scores))(rates)
    assert swept.shape == (3, 4)
    assert np.all(np.diff(swept[:, -1]) > 0)
