"""What is certain of an agent that knows its own type: gains from acting otherwise, and from
staying away.

Exact where there are finitely many types and actions; differentiable, and of one agent of one game:
several go through ``jax.vmap``.
"""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from jaxmech import checks, struct
from jaxmech.agents.responses.outside_options import outside_options
from jaxmech.spaces import Simplex


@struct.dataclass
class InterimDeviations:
    """What each type could have in place of what it has, while the others stay as they are.

    Types of probability 0 never occur and decide nothing: they gain nothing, no other type can
    claim to be one, and whether they would stay away is shown in ``slacks`` but not in ``slack``.

    Attributes:
      gains: float [types], at least 0, what the best action adds to a type's expected utility.
      exploitability: float [], the expected gain. 0 in a Bayes-Nash equilibrium, above it where
        agents are boundedly rational; see ``largest_logit_gains``.
      regrets: float [types], at least 0, what a type would add by acting as another one does. Where
        a mechanism asks agents for their types and then acts for them by these policies, it is the
        gain from a lie: their incentive-compatibility regret.
      regret: float [], the largest of them.
      slacks: float [types], expected utility less what staying away is worth.
      slack: float [], the lowest of those of types that occur; negative where such a type would
        rather stay away.
    """

    gains: jax.Array
    exploitability: jax.Array
    regrets: jax.Array
    regret: jax.Array
    slacks: jax.Array
    slack: jax.Array

    @property
    def least_subsidy(self) -> jax.Array:
        """The least amount, float [], that every type that occurs takes part for.

        All are paid it alike.
        """
        return jnp.maximum(-self.slack, 0)


def interim_deviations(
    utilities: jax.Array,
    policies: jax.Array,
    probabilities: jax.Array,
    outside_option: Any = 0.0,
) -> InterimDeviations:
    """Gains from acting otherwise, and what taking part is worth, by types.

    Args:
      utilities: float [types, actions], expected of each action of each type, transfers included,
        while the others do what they do.
      policies: float [types, actions], the probabilities of each type's actions.
      probabilities: float [types], of the types; they sum to 1, and 0 is allowed.
      outside_option: what staying away is worth, a scalar or float [types].

    Raises:
      InvalidValueError: arrays of other shapes, or, unless they are traced, an outside option that
        is not finite or probabilities that are none.
    """
    checks.axes("utilities", utilities, "types", "actions")
    checks.shape("policies", policies, "[types, actions]", utilities.shape)
    checks.shape("probabilities", probabilities, "[types]", utilities.shape[:1])
    if not isinstance(probabilities, jax.core.Tracer):
        Simplex(len(utilities)).check("probabilities", probabilities)
    there = probabilities > 0
    # What each type gets that acts as each other type does: [types, types].
    imitating = jnp.where(there[None, :], utilities @ policies.T, -jnp.inf)
    expected = jnp.sum(utilities * policies, axis=-1)
    gains = jnp.where(there, jnp.maximum(jnp.max(utilities, axis=-1) - expected, 0), 0)
    regrets = jnp.where(there, jnp.maximum(jnp.max(imitating, axis=-1) - expected, 0), 0)
    outside = outside_options(outside_option, "types", len(utilities), expected.dtype)
    slacks = expected - outside
    return InterimDeviations(
        gains=gains,
        exploitability=jnp.sum(probabilities * gains),
        regrets=regrets,
        regret=jnp.max(regrets),
        slacks=slacks,
        slack=jnp.min(slacks, where=there, initial=jnp.inf),
    )


def largest_logit_gains(
    utilities: jax.Array, policies: jax.Array, prior: jax.Array, temperature: Any
) -> jax.Array:
    """What a best action can add where ``policies`` are logit responses, float [types].

    Such a type gives up utility for staying near its prior, and no more than ``temperature (log(1 /
    prior(best action)) - KL(policy || prior))``, since it could have chosen the best action alone.
    It is 0 at temperature 0.

    Args:
      utilities, policies: float [types, actions].
      prior: float [actions] or [types, actions], with some weight on every action; of any sum.
      temperature: of the responses, a scalar or float [types].
    """
    prior = jnp.broadcast_to(prior, policies.shape)
    prior = prior / jnp.sum(prior, axis=-1, keepdims=True)
    best = jnp.argmax(utilities, axis=-1)
    rarity = -jnp.log(jnp.take_along_axis(prior, best[:, None], axis=-1)[:, 0])
    divergence = jnp.sum(jax.scipy.special.rel_entr(policies, prior), axis=-1)
    return jnp.asarray(temperature, policies.dtype) * (rarity - divergence)
