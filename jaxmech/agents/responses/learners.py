"""Agents who learn what to do from what their actions are worth, a little in every round.

A learner is a frozen PyTree of hyper-parameters, with pure functions of its state:

    state = learner.init(policies)
    policies = learner.policies(state)
    state = learner.update(state, action_values)

Policies and the values of actions are PyTrees of arrays, float [..., actions]: of any number of
agents, types and positions, each of which learns by itself. States are PyTrees of the same shapes,
so that one may go from a state part of the way towards the next.

Without a key an update sees what all actions are worth; with one an action of each is drawn, and
its value alone is seen. With a temperature, agents pay it for every nat by which they depart from
a prior, and where they come to rest is a logit response.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Protocol, Self

import jax
import jax.numpy as jnp

from jaxmech import checks, struct
from jaxmech.agents.responses.game import Policies
from jaxmech.agents.responses.logit import logit_response

ActionValues = Any
"""What each action is worth, a PyTree of float [..., actions] with the structure of policies."""

State = Any
"""What a learner remembers, a PyTree of float [..., actions] with the structure of policies."""


class Learner(Protocol):
    """Learns policies from the values of actions; all is pure and differentiable."""

    @property
    def prior(self) -> Policies | None:
        """What agents do unasked; None for all actions alike."""
        ...

    def with_prior(self, prior: Policies) -> Self:
        """The same learner, with this prior unless it has one."""
        ...

    def init(self, policies: Policies) -> State:
        """The state of agents who do as ``policies`` say, as nearly as the learner can."""
        ...

    def policies(self, state: State) -> Policies:
        """What agents do."""
        ...

    def update(
        self, state: State, action_values: ActionValues, key: jax.Array | None = None
    ) -> State:
        """The next state, after a round in which actions were worth ``action_values``.

        Args:
          key: of what is drawn, where each agent sees the value of its own action alone.
        """
        ...


class _WithPrior:
    """What learners share that have a prior."""

    prior: Policies | None

    def with_prior(self, prior: Policies) -> Self:
        """The same learner, with this prior unless it has one."""
        if self.prior is not None:
            return self
        learner: Any = self
        with_it: Self = replace(learner, prior=prior)
        return with_it

    def _mapped(self, function: Any, state: State, *others: Any) -> Any:
        """Of each array of the state the function, whose last argument is the prior there."""
        prior = self.prior
        if prior is None:
            prior = jax.tree.map(lambda leaf: jnp.full_like(leaf, 1 / leaf.shape[-1]), state)
        return jax.tree.map(function, state, *others, prior)


@struct.dataclass
class _Logits(_WithPrior):
    """What learners share whose state has the logits of policies.

    Attributes:
      step_size: float [], above 0 and finite, per unit of value.
      temperature: float [], from 0 and finite, in units of value.
      prior: float [..., actions] in the structure of policies; None for all actions alike.

    Raises:
      ValueError: a number out of range.
    """

    step_size: Any = 0.1
    temperature: Any = 0.0
    prior: Policies | None = None

    def __post_init__(self) -> None:
        checks.leaf("step_size", self.step_size, above=0)
        checks.leaf("temperature", self.temperature, low=0)

    def init(self, policies: Policies) -> State:
        """Logarithms of the policies, at least that of the smallest normal number."""
        return jax.tree.map(_logarithms, policies)

    def policies(self, state: State) -> Policies:
        """See ``Learner``."""
        return jax.tree.map(jax.nn.softmax, state)


@struct.dataclass
class MirrorDescent(_Logits):
    """Steps along the values of actions, by the divergence from the policy before.

    A step maximises ``E_p[value] - temperature * KL(p || prior) - KL(p || before) / step_size``, so
    that ``p`` is proportional to ``(before * prior^(temperature * step_size) * exp(step_size *
    value))^(1 / (1 + temperature * step_size))``: multiplicative weights at temperature 0, and
    magnetic mirror descent otherwise (Sokota et al. 2023, section 3), which in zero-sum games
    comes to rest at the quantal response equilibrium if steps are small for the temperature.

    The state has the logarithms of policies, of size at most that of the smallest normal number:
    an action that was never chosen is hardly ever chosen. With a key, values are estimated by that
    of the action drawn over its probability, and those of the others by 0.

    Attributes:
      step_size: float [], above 0 and finite, per unit of value.
      temperature: float [], from 0 and finite, in units of value.
      prior: float [..., actions] in the structure of policies; None for all actions alike.

    Raises:
      ValueError: a number out of range.
    """

    def update(
        self, state: State, action_values: ActionValues, key: jax.Array | None = None
    ) -> State:
        """See ``Learner``."""
        if key is not None:
            policies = self.policies(state)
            action_values = jax.tree.map(
                lambda policy, drawn, value: drawn * value / jnp.where(drawn > 0, policy, 1),
                policies,
                _drawn(policies, key),
                action_values,
            )
        anchoring = self.step_size * self.temperature

        def step(before: jax.Array, value: jax.Array, prior: jax.Array) -> jax.Array:
            moved = before + self.step_size * value + anchoring * _logarithms(prior)
            lowest = jnp.log(jnp.finfo(moved.dtype).tiny)
            return jnp.maximum(jax.nn.log_softmax(moved / (1 + anchoring)), lowest)

        return self._mapped(step, state, action_values)


@struct.dataclass
class PolicyGradient(_Logits):
    """Gradient ascent on the logits of policies that are softmax of them.

    What rises is ``E_p[value] - temperature * KL(p || prior)``. Actions that are rarely chosen are
    learned slowly, in proportion to their probability. The state has the logits. With a key,
    slopes are estimated by the value of the action drawn times those of the logarithm of its
    probability (REINFORCE, Williams 1992), without a baseline.

    Attributes:
      step_size: float [], above 0 and finite, per unit of value.
      temperature: float [], from 0 and finite, in units of value.
      prior: float [..., actions] in the structure of policies; None for all actions alike.

    Raises:
      ValueError: a number out of range.
    """

    def update(
        self, state: State, action_values: ActionValues, key: jax.Array | None = None
    ) -> State:
        """See ``Learner``."""
        policies = self.policies(state)
        drawn = policies if key is None else _drawn(policies, key)

        def step(
            logits: jax.Array, chosen: jax.Array, value: jax.Array, prior: jax.Array
        ) -> jax.Array:
            logarithms = jax.nn.log_softmax(logits)
            net = value - self.temperature * (logarithms - _logarithms(prior))
            earned = jnp.sum(chosen * net, axis=-1, keepdims=True)
            slopes = chosen * net - jnp.exp(logarithms) * earned
            return logits + self.step_size * slopes

        return self._mapped(step, state, drawn, action_values)


@struct.dataclass
class Boltzmann:
    """Actions in proportion to the prior and the exponential of their values: a logit response.

    Attributes:
      temperature: float [], from 0, in units of value.

    Raises:
      ValueError: a temperature below 0 or NaN.
    """

    temperature: Any = 1.0

    def __post_init__(self) -> None:
        checks.leaf("temperature", self.temperature, low=0, finite=False)

    def policy(self, values: jax.Array, prior: jax.Array) -> jax.Array:
        """float [..., actions]."""
        return logit_response(values, self.temperature, prior)


@struct.dataclass
class EpsilonGreedy:
    """The best action, which several share by the prior, and now and then one of the prior's.

    Attributes:
      epsilon: float [], how often the latter, 0 to 1.

    Raises:
      ValueError: it is out of range.
    """

    epsilon: Any = 0.1

    def __post_init__(self) -> None:
        checks.leaf("epsilon", self.epsilon, low=0, high=1)

    def policy(self, values: jax.Array, prior: jax.Array) -> jax.Array:
        """float [..., actions]; its derivatives by the values are 0."""
        best = logit_response(values, 0.0, prior)
        unasked = prior / jnp.sum(prior, axis=-1, keepdims=True)
        return best + self.epsilon * (unasked - best)


@struct.dataclass
class QLearning(_WithPrior):
    """Remembers what actions are worth, forgetting a part in every round, and acts by that.

    ``value += step_size * (seen - value)`` for every action seen: all of them, or with a key that
    which was drawn (Watkins 1989, of a single state). The state has the values, 0 at first.

    Attributes:
      step_size: float [], above 0, up to 1.
      exploration: makes policies of values, ``Boltzmann`` or ``EpsilonGreedy``.
      prior: float [..., actions] in the structure of policies; None for all actions alike.

    Raises:
      ValueError: a step size out of range.
    """

    step_size: Any = 0.1
    exploration: Boltzmann | EpsilonGreedy = Boltzmann()
    prior: Policies | None = None

    def __post_init__(self) -> None:
        checks.leaf("step_size", self.step_size, above=0, high=1)

    def init(self, policies: Policies) -> State:
        """Values of 0: of policies no more is used than the shapes."""
        return jax.tree.map(jnp.zeros_like, policies)

    def policies(self, state: State) -> Policies:
        """See ``Learner``."""
        return self._mapped(self.exploration.policy, state)

    def update(
        self, state: State, action_values: ActionValues, key: jax.Array | None = None
    ) -> State:
        """See ``Learner``."""
        if key is None:
            seen = jax.tree.map(jnp.ones_like, state)
        else:
            seen = _drawn(self.policies(state), key)
        return jax.tree.map(
            lambda before, value, seen: before + self.step_size * seen * (value - before),
            state,
            action_values,
            seen,
        )


def _drawn(policies: Policies, key: jax.Array) -> Policies:
    """An action of each agent and type, 1 at its place and 0 elsewhere, float [..., actions]."""
    leaves, structure = jax.tree.flatten(policies)
    keys = jax.random.split(key, len(leaves))
    drawn = [
        jax.nn.one_hot(
            jax.random.categorical(one, _logarithms(leaf)), leaf.shape[-1], dtype=leaf.dtype
        )
        for one, leaf in zip(keys, leaves, strict=True)
    ]
    return jax.tree.unflatten(structure, drawn)


def _logarithms(probabilities: jax.Array) -> jax.Array:
    """Finite, and without a slope at 0."""
    return jnp.log(jnp.maximum(probabilities, jnp.finfo(probabilities.dtype).tiny))
