"""The network that suits an environment and what its designer asks for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, get_args

from jaxmech.environments import SequentialPrice
from jaxmech.networks.action_distributions import Policy
from jaxmech.networks.actor_critic import ActorCritic
from jaxmech.networks.recurrent import RecurrentActorCritic
from jaxmech.networks.symmetric import SymmetricActorCritic

Architecture = Literal["flat", "symmetric", "recurrent", "symmetric_recurrent"]
ActorSees = Literal["statistic", "agents_left", "nothing"]
Network = ActorCritic | SymmetricActorCritic | RecurrentActorCritic


def network_for(
    env: Any,
    policy: Policy,
    *,
    hidden: Sequence[int],
    architecture: Architecture = "flat",
    actor_sees: ActorSees = "statistic",
    memory_width: int = 32,
) -> Network:
    """An actor-critic for ``env`` whose scores ``policy`` understands.

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
      ValueError: an unknown choice, or one that ``env`` or the other choice rules out.
    """
    _check("architecture", architecture, get_args(Architecture))
    _check("actor_sees", actor_sees, get_args(ActorSees))
    scores, log_scales = policy.num_scores, policy.num_log_scales
    if architecture != "flat" or not isinstance(env, SequentialPrice):
        _check("actor_sees", actor_sees, ("statistic",))
    if architecture == "recurrent":
        return RecurrentActorCritic(hidden, scores, log_scales, memory_width)
    if not isinstance(env, SequentialPrice):
        _check("architecture", architecture, ("flat", "recurrent"))
        return ActorCritic(hidden, scores, log_scales)
    if architecture == "symmetric":
        _check_statistic(env, architecture, ("agents_items", "allocation", "prices"))
        return SymmetricActorCritic(hidden, env.num_agents, env.num_items, log_scales)
    if architecture == "symmetric_recurrent":
        _check_statistic(env, architecture, ("agents_items", "last_visit"))
        return RecurrentActorCritic(hidden, scores, log_scales, memory_width, env.num_agents)
    seen = {"statistic": None, "agents_left": env.num_agents, "nothing": 0}[actor_sees]
    return ActorCritic(hidden, scores, log_scales, seen)


def _check(field: str, value: str, allowed: tuple[str, ...]) -> None:
    if value not in allowed:
        raise ValueError(f"{field}: got {value!r}; allowed here are {allowed}")


def _check_statistic(env: SequentialPrice, architecture: str, allowed: tuple[str, ...]) -> None:
    if env.statistic not in allowed:
        raise ValueError(
            f"statistic: got {env.statistic!r}; with architecture {architecture!r} allowed are "
            f"{allowed}"
        )
