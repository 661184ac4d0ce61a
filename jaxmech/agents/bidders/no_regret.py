"""Learners whose regret vanishes: in the long run none of their choices would have done better.

A learner picks one of a fixed number of choices again and again, such as bids on a grid. It
is a PyTree of its parameters, with pure functions of its state, ``scores: float [choices]``:

    scores = learner.init(num_choices)
    choice = learner.choose(scores, key)
    scores = learner.update(scores, choice, utilities)

``utilities: float [choices]`` is what each choice would have earned, between 0 and 1; a
learner with bandit feedback reads no entry but that of its choice. The regret of T rounds
is the largest total any one choice would have earned, minus what the learner earned.
"""

from __future__ import annotations

import math
from typing import Any, Protocol

import jax
import jax.numpy as jnp

from jaxmech import checks, struct
from jaxmech.agents.exp3 import exp3_probabilities


class Learner(Protocol):
    """What a population needs of a learner."""

    def init(self, num_choices: int) -> jax.Array: ...

    def probabilities(self, scores: jax.Array) -> jax.Array: ...

    def choose(self, scores: jax.Array, key: jax.Array) -> jax.Array: ...

    def update(self, scores: jax.Array, choice: jax.Array, utilities: jax.Array) -> jax.Array: ...


class ScoredChoices:
    """What learners share that draw from probabilities which follow from scores."""

    def init(self, num_choices: int) -> jax.Array:
        """No preference, float [choices]."""
        return initial_scores(num_choices)

    def probabilities(self, scores: jax.Array) -> jax.Array:
        """Of each choice, float [choices]."""
        raise NotImplementedError

    def choose(self, scores: jax.Array, key: jax.Array) -> jax.Array:
        """A draw from ``probabilities``, int32 []."""
        return draw_choice(self.probabilities(scores), jax.random.uniform(key))


@struct.dataclass
class Hedge(ScoredChoices):
    """Multiplicative weights, with full feedback (Freund and Schapire 1997).

    Its scores are total utilities. At ``hedge_learning_rate`` the expected regret is at
    most ``hedge_regret_bound``.

    Attributes:
      learning_rate: float [], above 0 and finite.

    Raises:
      ValueError: a number that is neither.
    """

    learning_rate: Any

    def __post_init__(self) -> None:
        checks.leaf("learning_rate", self.learning_rate, above=0)

    def probabilities(self, scores: jax.Array) -> jax.Array:
        """Of each choice, float [choices]."""
        return jax.nn.softmax(self.learning_rate * scores)

    def update(self, scores: jax.Array, choice: jax.Array, utilities: jax.Array) -> jax.Array:
        """The next scores, float [choices]."""
        del choice
        return scores + utilities


@struct.dataclass
class Exp3(ScoredChoices):
    """Multiplicative weights on estimated losses, with bandit feedback.

    As in Bubeck and Cesa-Bianchi (2012), section 3.1: a loss is 1 minus a utility, estimated
    by itself over the probability of the choice. At ``exp3_learning_rate`` and without
    exploration, the pseudo-regret is at most ``exp3_regret_bound``.

    Attributes:
      learning_rate: float [], above 0 and finite.
      exploration: float [], weight of a uniform draw, 0 to 1.

    Raises:
      ValueError: a number out of range.
    """

    learning_rate: Any
    exploration: Any = 0.0

    def __post_init__(self) -> None:
        checks.leaf("learning_rate", self.learning_rate, above=0)
        checks.leaf("exploration", self.exploration, low=0, high=1)

    def probabilities(self, scores: jax.Array) -> jax.Array:
        """Of each choice, float [choices]."""
        return exp3_probabilities(self.learning_rate * scores, self.exploration)

    def update(self, scores: jax.Array, choice: jax.Array, utilities: jax.Array) -> jax.Array:
        """The next scores, float [choices]; only ``utilities[choice]`` is read."""
        probabilities = self.probabilities(scores)
        chosen = jnp.arange(scores.shape[-1]) == choice
        # Where not chosen the quotient is not used, but would not be finite at probability 0.
        losses = (1 - utilities) / jnp.where(chosen, probabilities, 1)
        return scores - jnp.where(chosen, losses, 0)


@struct.dataclass
class RegretMatching(ScoredChoices):
    """Choices in proportion to their positive regret, with full feedback.

    Hart and Mas-Colell (2000). Regret is counted against the expected utility of the
    learner's probabilities, so that the expected regret is at most
    ``regret_matching_bound``, whatever was drawn.
    """

    def probabilities(self, scores: jax.Array) -> jax.Array:
        """Of each choice, float [choices]; uniform where no regret is positive."""
        positive = jnp.maximum(scores, 0)
        total = jnp.sum(positive)
        some = total > 0
        return jnp.where(some, positive / jnp.where(some, total, 1), 1 / scores.shape[-1])

    def update(self, scores: jax.Array, choice: jax.Array, utilities: jax.Array) -> jax.Array:
        """The next scores, the regrets so far, float [choices]."""
        del choice
        return scores + utilities - jnp.sum(self.probabilities(scores) * utilities)


def hedge_learning_rate(num_choices: int, rounds: int) -> float:
    """The learning rate of ``Hedge`` that ``hedge_regret_bound`` is for."""
    _check_sizes(num_choices, rounds)
    return math.sqrt(8 * math.log(num_choices) / rounds)


def hedge_regret_bound(num_choices: int, rounds: int) -> float:
    """Cesa-Bianchi and Lugosi (2006), theorem 2.2."""
    _check_sizes(num_choices, rounds)
    return math.sqrt(rounds * math.log(num_choices) / 2)


def exp3_learning_rate(num_choices: int, rounds: int) -> float:
    """The learning rate of ``Exp3`` that ``exp3_regret_bound`` is for."""
    _check_sizes(num_choices, rounds)
    return math.sqrt(2 * math.log(num_choices) / (rounds * num_choices))


def exp3_regret_bound(num_choices: int, rounds: int) -> float:
    """Bubeck and Cesa-Bianchi (2012), theorem 3.1."""
    _check_sizes(num_choices, rounds)
    return math.sqrt(2 * rounds * num_choices * math.log(num_choices))


def regret_matching_bound(num_choices: int, rounds: int) -> float:
    """Cesa-Bianchi and Lugosi (2006), corollary 2.1, at the square of the positive part."""
    _check_sizes(num_choices, rounds)
    return math.sqrt(rounds * num_choices)


def initial_scores(num_choices: int) -> jax.Array:
    """Zeros, float [choices].

    Raises:
      ValueError: ``num_choices`` below 1.
    """
    checks.integer("num_choices", num_choices)
    return jnp.zeros(num_choices)


def draw_choice(probabilities: jax.Array, uniform: jax.Array) -> jax.Array:
    """The choice where the running total of the probabilities passes ``uniform``, int32 [].

    Args:
      probabilities: float [choices].
      uniform: float [], uniform on [0, 1).
    """
    size = probabilities.shape[-1]
    up_to = jnp.tril(jnp.ones((size, size), bool))
    # A masked sum: under vmap on a CPU, a cumulative sum along a short axis is slow.
    cumulative = jnp.sum(jnp.where(up_to, probabilities, 0), axis=-1)
    # Scaled by the total, so that rounding in the sum cannot select past the end, nor a choice
    # of probability 0.
    return jnp.sum(cumulative[:-1] <= uniform * cumulative[-1], dtype=jnp.int32)


def _check_sizes(num_choices: int, rounds: int) -> None:
    checks.integer("num_choices", num_choices)
    checks.integer("rounds", rounds)
