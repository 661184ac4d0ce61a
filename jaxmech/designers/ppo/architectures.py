"""The network and the action distribution that suit an environment, unless others are given."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from jaxmech import checks
from jaxmech.designers.ppo.hyper_parameters import ActorSees, Architecture
from jaxmech.environments import Environment, SequentialPrice
from jaxmech.networks.action_distributions import (
    ActionDistribution,
    Categorical,
    DiagonalGaussian,
    VisitAndPrices,
    distribution_for,
)
from jaxmech.networks.actor_critic import ActorCritic
from jaxmech.networks.recurrent import RecurrentActorCritic
from jaxmech.networks.symmetric import SymmetricActorCritic

SizedDistribution = Categorical | DiagonalGaussian | VisitAndPrices
Network = ActorCritic | SymmetricActorCritic | RecurrentActorCritic


def action_distribution_for(env: Environment, params: Any) -> SizedDistribution:
    """The distribution that suits an environment.

    Raises:
      ValueError: the action space is neither discrete nor a box.
    """
    if isinstance(env, SequentialPrice):
        return VisitAndPrices(env.num_agents, env.num_items)
    return distribution_for(env.action_space(params))


def network_for(
    env: Environment,
    distribution: ActionDistribution,
    *,
    hidden: Sequence[int],
    architecture: Architecture = "flat",
    actor_sees: ActorSees = "statistic",
    memory_width: int = 32,
) -> Network:
    """An actor-critic for ``env`` whose parameters ``distribution`` understands.

    Args:
      hidden: widths of the hidden layers of actor and critic.
      architecture: ``"flat"`` is one multilayer perceptron over the observation;
        ``"symmetric"`` treats the agents of a sequential price mechanism alike.
        ``"recurrent"`` remembers the observations of the episode before; so does
        ``"symmetric_recurrent"``, which treats agents alike.
      actor_sees: of a sequential price mechanism, ``"statistic"``: all of the observation;
        ``"agents_left"``: that alone, which makes the order static and the prices static
        and personalised; ``"nothing"``: static and anonymous (Brero et al. 2021,
        "Experimental Results"). The critic, which only training uses, sees everything.
      memory_width: size of the memory of a recurrent network.

    Raises:
      ValueError: a choice that ``env`` or the other choice rules out, or a distribution whose
        numbers of parameters are not known.
    """
    if not isinstance(distribution, SizedDistribution):
        raise ValueError(
            "network: got None; needed is one, for an action_distribution of one's own"
        )
    scores, log_scales = distribution.num_scores, distribution.num_log_scales
    if architecture != "flat" or not isinstance(env, SequentialPrice):
        checks.one_of("actor_sees", actor_sees, ("statistic",))
    if architecture == "recurrent":
        return RecurrentActorCritic(hidden, scores, log_scales, memory_width)
    if not isinstance(env, SequentialPrice):
        checks.one_of("architecture", architecture, ("flat", "recurrent"))
        return ActorCritic(hidden, scores, log_scales)
    if architecture == "symmetric":
        _check_statistic(env, architecture, ("agents_items", "allocation", "prices"))
        return SymmetricActorCritic(hidden, env.num_agents, env.num_items, log_scales)
    if architecture == "symmetric_recurrent":
        _check_statistic(env, architecture, ("agents_items", "last_visit"))
        return RecurrentActorCritic(hidden, scores, log_scales, memory_width, env.num_agents)
    seen = {"statistic": None, "agents_left": env.num_agents, "nothing": 0}[actor_sees]
    return ActorCritic(hidden, scores, log_scales, seen)


def _check_statistic(env: SequentialPrice, architecture: str, allowed: tuple[str, ...]) -> None:
    if env.statistic not in allowed:
        raise ValueError(
            f"statistic: got {env.statistic!r}; with architecture {architecture!r} allowed are "
            f"{allowed}"
        )
