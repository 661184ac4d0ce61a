"""From a game to the environment around it, for the factories of all games."""

from __future__ import annotations

from collections.abc import Mapping
from inspect import signature
from typing import Any

from jaxmech.agents.responses.game import Game
from jaxmech.checks import InvalidValueError
from jaxmech.environments.incentives.environment import IncentiveDesign
from jaxmech.environments.incentives.params import IncentiveDesignParams, params_of


def incentive_design(
    game: Game,
    game_params: Any,
    *,
    num_rounds: int = 1,
    responses_per_round: int | None = None,
    sampled: bool = False,
    response_rate: Any = 1.0,
) -> tuple[IncentiveDesign, IncentiveDesignParams]:
    """The environment around a game, and its parameters.

    A game of one's own is a class with the methods of ``jaxmech.agents.Game``. Here agents give to
    a public good that is worth 0.5 a unit to each of them, giving costs them its square by two, and
    a subsidy of 1 a unit makes three of them give as much as is best for all::

        from dataclasses import dataclass

        import jax
        import jax.numpy as jnp
        import jaxmech
        from jaxmech.environments.incentives import incentive_design

        @dataclass(frozen=True)
        class PublicGood:
            num_agents: int = 3
            name: str = "public_good"
            default_params: float = 0.5  # what a unit is worth to each

            def mechanism_space(self, worth):
                return jaxmech.spaces.Box(0.0, 2.0, (1,))  # the subsidy of a unit

            def initial_policies(self, worth):
                return jnp.zeros(self.num_agents)  # what each gives

            def respond(self, gifts, subsidy, worth):
                return jnp.full(self.num_agents, worth + subsidy[0])

            def utilities(self, gifts, subsidy, worth):
                return worth * gifts.sum() + subsidy[0] * gifts - gifts**2 / 2

            def objective(self, gifts, subsidy, worth):
                return self.utilities(gifts, subsidy, worth).sum() - subsidy[0] * gifts.sum()

            def play(self, key, gifts, subsidy, worth):
                return self.objective(gifts, subsidy, worth)  # nothing is drawn

        env, params = incentive_design(PublicGood(), 0.5)
        designer = jaxmech.designers.TwoTimescale(env, params)
        state, metrics = jaxmech.train(designer, jax.random.key(0), updates=300)
        print(designer.mechanism(state))

    Args:
      game: hashable, such as a frozen dataclass.
      game_params: a PyTree of its numbers.
      num_rounds, responses_per_round, sampled: see ``IncentiveDesign``.
      response_rate: see ``IncentiveDesignParams``.

    Raises:
      InvalidValueError: a class in place of a game, or a value out of range.
    """
    if isinstance(game, type):
        raise InvalidValueError("game", game, f"games, such as {game.__name__}()")
    env = IncentiveDesign(game, num_rounds, responses_per_round, sampled)
    return env, params_of(game_params, num_rounds=num_rounds, response_rate=response_rate)


def of_rounds(options: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Options of ``incentive_design``, and the others."""
    known = signature(incentive_design).parameters
    rounds = {name: value for name, value in options.items() if name in known}
    return rounds, {name: value for name, value in options.items() if name not in known}
