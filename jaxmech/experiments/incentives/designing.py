"""Mechanisms that are designed in a workspace, and what they are worth in equilibrium.

For every study of incentives: ``two_timescale`` makes the designer, ``design`` trains it and draws
its learning curves, and ``outcomes`` says what any mechanisms are worth once agents have come to
rest, ``policies_under`` what those do.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Any, Protocol

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import NDArray

from jaxmech import struct
from jaxmech.agents.responses.fixed_points import largest_difference
from jaxmech.agents.responses.game import Game, Policies, equilibrium
from jaxmech.designers import Designer, TwoTimescale, TwoTimescaleHyperParameters
from jaxmech.environments import IncentiveDesign, IncentiveDesignParams
from jaxmech.experiments.learning import learning_curves
from jaxmech.experiments.workspace import Workspace
from jaxmech.reports.findings import LearningCurves

EVALUATIONS = 20
"""Points of a learning curve, about."""


class MechanismDesigner(Designer, Protocol):
    """A designer of games' mechanisms, such as ``TwoTimescale``."""

    def mechanism(self, state: Any) -> jax.Array:
        """What it has come to, float [coefficients]."""
        ...


@struct.dataclass
class Outcomes:
    """What mechanisms are worth in equilibrium; of one of them, without the first axis.

    Attributes:
      objective: float [mechanisms], expected.
      utilities: float [mechanisms, agents], expected, transfers included.
      residual: float [mechanisms], the largest change of a number of the policies by one more
        response, whatever the search for the equilibrium says of itself.
      arrived: bool [mechanisms], whether the search that selects among several equilibria came to
        its end; true where a game has no such search.
    """

    objective: jax.Array
    utilities: jax.Array
    residual: jax.Array
    arrived: Any = True


@dataclass(frozen=True)
class Designed:
    """What several trainings came to.

    Attributes:
      mechanisms: float [seeds, coefficients].
      outcomes: of each of them.
      curves: the objective in equilibrium while they were trained.
    """

    mechanisms: NDArray[np.float64]
    outcomes: Outcomes
    curves: LearningCurves

    @property
    def best(self) -> int:
        """Which of them has the highest objective, where agents came nearest to rest if several.

        One whose objective is not a number is never the best, unless none is.
        """
        objective = np.asarray(self.outcomes.objective, np.float64)
        lowest = np.where(np.isnan(objective), -np.inf, objective)
        return int(np.lexsort((np.asarray(self.outcomes.residual), -lowest))[0])


def two_timescale(
    env: IncentiveDesign,
    params: IncentiveDesignParams,
    hyper_parameters: TwoTimescaleHyperParameters,
    **choices: Any,
) -> TwoTimescale:
    """The designer with the hyper-parameters of a study.

    Args:
      choices: ``gradient`` and ``optimizer``, see ``TwoTimescale``.
    """
    given = {
        one.name: getattr(hyper_parameters, one.name) for one in fields(TwoTimescaleHyperParameters)
    }
    return TwoTimescale(env, params, **given, **choices)


def design(
    workspace: Workspace,
    name: str,
    designer: MechanismDesigner,
    env: IncentiveDesign,
    params: IncentiveDesignParams,
    *,
    updates: int,
    seeds: int,
    label: str = "",
    references: dict[str, float] | None = None,
) -> Designed:
    """Trains a designer, and finds what the mechanisms that it came to are worth.

    Args:
      name: of the stage; what mechanisms are worth is kept under it as well.
      env, params: in which mechanisms are judged, which is maybe not where they were trained.
      updates, seeds: see ``Workspace.train``.
      label, references: see ``learning_curves``.
    """
    result = workspace.train(
        name,
        designer,
        updates=updates,
        seeds=seeds,
        evaluate=ObjectiveInEquilibrium(designer, env, params),
        evaluate_every=max(1, updates // EVALUATIONS),
    )
    mechanisms = jax.vmap(designer.mechanism)(result.states)
    curves = learning_curves(result, label=label, references=references)
    found = kept_outcomes(workspace, f"{name}_outcomes", env, params, mechanisms)
    return Designed(np.asarray(mechanisms, np.float64), found, curves)


def kept_outcomes(
    workspace: Workspace,
    name: str,
    env: IncentiveDesign,
    params: IncentiveDesignParams,
    mechanisms: Any,
) -> Outcomes:
    """``outcomes``, computed once in a run; its arrays are NumPy's."""
    dtype = env.action_space(params).dtype
    found: Outcomes = workspace.kept(name, outcomes, env, params, jnp.asarray(mechanisms, dtype))
    return jax.tree.map(np.asarray, found)


def outcomes(
    env: IncentiveDesign, params: IncentiveDesignParams, mechanisms: jax.Array
) -> Outcomes:
    """What each mechanism, float [mechanisms, coefficients], is worth in equilibrium."""

    def of(mechanism: jax.Array) -> Outcomes:
        found = equilibrium(env.game, mechanism, params.game)
        judged = outcome(env.game, found.point, mechanism, params.game)
        return replace(judged, arrived=jnp.asarray(getattr(found, "arrived", True)))

    return jax.lax.map(of, mechanisms)


def policies_under(
    env: IncentiveDesign, params: IncentiveDesignParams, mechanisms: jax.Array
) -> Policies:
    """What agents do in equilibrium under each mechanism, float [mechanisms, coefficients].

    Returns:
      The game's policies, every array [mechanisms, ...].
    """

    def of(mechanism: jax.Array) -> Policies:
        return equilibrium(env.game, mechanism, params.game).point

    return jax.lax.map(of, mechanisms)


def outcome(game: Game, policies: Policies, mechanism: jax.Array, params: Any) -> Outcomes:
    """What one mechanism, float [coefficients], is worth where agents do as ``policies`` say."""
    again = game.respond(policies, mechanism, params)
    return Outcomes(
        objective=game.objective(policies, mechanism, params),
        utilities=game.utilities(policies, mechanism, params),
        residual=largest_difference(again, policies),
    )


def gains_from(
    deviations: jax.Array, game: Game, policies: jax.Array, mechanism: jax.Array, params: Any
) -> jax.Array:
    """What each agent would gain by the best of some deviations, or by none, while others go on.

    Every one of them is tried, whatever the game says of responses.

    Args:
      deviations: float [deviations, agents, ...], policies of each agent.
      policies: float [agents, ...].
      mechanism: float [coefficients].

    Returns:
      float [agents], from 0.
    """
    agents = jnp.arange(policies.shape[0])

    def utility(agent: jax.Array, deviation: jax.Array) -> jax.Array:
        deviating = policies.at[agent].set(deviation[agent])
        return game.utilities(deviating, mechanism, params)[agent]

    of_agents = jax.vmap(utility, in_axes=(0, None))
    tried = jax.lax.map(lambda deviation: of_agents(agents, deviation), deviations)
    gains = jnp.max(tried, axis=0) - game.utilities(policies, mechanism, params)
    return jnp.maximum(gains, 0)


@struct.dataclass
class ObjectiveInEquilibrium:
    """What the mechanism that was designed so far is worth, for learning curves.

    Attributes:
      designer: who designs it.
      env, params: in which it is judged.
    """

    designer: MechanismDesigner
    env: IncentiveDesign = struct.field(pytree_node=False)
    params: IncentiveDesignParams

    def __call__(self, state: Any, key: jax.Array) -> dict[str, jax.Array]:
        """``objective``, float []."""
        del key
        mechanism = self.designer.mechanism(state)
        policies = equilibrium(self.env.game, mechanism, self.params.game).point
        return {"objective": self.env.game.objective(policies, mechanism, self.params.game)}
