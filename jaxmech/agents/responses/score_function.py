"""Derivatives of expectations from episodes that are drawn, by the score function.

The derivative of an expectation by the probabilities of what is drawn is itself an expectation, of
values times derivatives of log-probabilities (Williams 1992). All that is seen of the values is
what they are, so they may come from a simulator; noise is the price. It is here for comparison with
derivatives that are computed, such as those of ``FiniteGame.utilities``.
"""

from __future__ import annotations

import jax
import jax.numpy as jnp

from jaxmech import checks
from jaxmech.agents.responses.finite_games import FiniteGame, Policies


def score_function_mean(values: jax.Array, log_probabilities: jax.Array) -> jax.Array:
    """The mean of drawn values, differentiable through the probabilities of what was drawn.

    From each value the mean of the others is subtracted, which leaves its derivative without bias
    and with less noise. First derivatives alone are those of the expectation.

    Args:
      values: float [episodes], at least 2; what they depend on themselves is differentiated too.
      log_probabilities: float [episodes], each of all that was drawn in the episode, as far as
        derivatives are asked for.

    Returns:
      float [].

    Raises:
      ValueError: fewer than two episodes, or other numbers of log-probabilities than of values.
    """
    checks.axes("values", values, "episodes")
    checks.integer("episodes", values.size, low=2)
    checks.shape("log_probabilities", log_probabilities, "[episodes]", values.shape)
    of_others = (jnp.sum(values) - values) / (values.size - 1)
    advantages = jax.lax.stop_gradient(values - of_others)
    # Worth nothing itself, with the derivative of the score function.
    change = log_probabilities - jax.lax.stop_gradient(log_probabilities)
    return jnp.mean(values) + jnp.mean(advantages * change)


def sampled_utilities(
    game: FiniteGame, policies: Policies, key: jax.Array, *, episodes: int
) -> jax.Array:
    """What players of a finite game earned on average in episodes drawn, float [players].

    Its expectation is ``game.utilities(policies)``, and that of its derivatives those of it, along
    policies whose probabilities sum to 1 and by ``game.payoffs``. Derivatives by the prior are not.

    Args:
      policies: of each player float [types, actions]. Derivatives by probabilities that are 0
        are 0, and not those of the expectation, as what has none is never drawn.
      episodes: at least 2.

    Raises:
      ValueError: fewer episodes.
    """
    checks.integer("episodes", episodes, low=2)

    def play(key: jax.Array) -> tuple[jax.Array, jax.Array]:
        of_types, *of_actions = jax.random.split(key, 1 + game.num_players)
        drawn = jax.random.categorical(
            of_types, jnp.log(jax.lax.stop_gradient(jnp.ravel(game.prior)))
        )
        types = jnp.unravel_index(drawn, game.prior.shape)
        chosen = [policy[own] for policy, own in zip(policies, types, strict=True)]
        actions = [
            jax.random.categorical(one, jnp.log(jax.lax.stop_gradient(probabilities)))
            for one, probabilities in zip(of_actions, chosen, strict=True)
        ]
        # Of what was drawn alone: the logarithm of 0 has no slope.
        logarithms = [
            jnp.log(probabilities[action])
            for probabilities, action in zip(chosen, actions, strict=True)
        ]
        return game.payoffs[(slice(None), *types, *actions)], sum(logarithms, jnp.zeros(()))

    earned, log_probabilities = jax.vmap(play)(jax.random.split(key, episodes))
    return jax.vmap(score_function_mean, in_axes=(1, None))(earned, log_probabilities)
