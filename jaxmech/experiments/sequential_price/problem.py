"""From a study to what it runs: the environment, the economies and the learner."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace

import jax

from jaxmech.agents import Samples
from jaxmech.designers import PPO
from jaxmech.environments import SequentialPrice, SequentialPriceParams
from jaxmech.environments.sequential_price import make
from jaxmech.experiments.sequential_price.economy import Economies
from jaxmech.experiments.sequential_price.study import SequentialPriceStudy


@dataclass(frozen=True)
class LearningProblem:
    """What a study learns in, and by what.

    Attributes:
      economies: to learn and to evaluate in.
      env, params: the environment to learn in.
      test_params: parameters to evaluate in.
      designer: the learner.
    """

    economies: Economies
    env: SequentialPrice
    params: SequentialPriceParams
    test_params: SequentialPriceParams
    designer: PPO

    @property
    def held_out(self) -> jax.Array | None:
        """The samples evaluated on, float [samples, agents, ...]; None where values are drawn."""
        distribution = self.test_params.distribution
        return distribution.values if isinstance(distribution, Samples) else None


def problem_of(study: SequentialPriceStudy) -> LearningProblem:
    """Everything that a resolved study runs.

    Raises:
      ValueError: a field is out of range, the samples cannot be used, or the network does not
        suit the economy.
    """
    economies = study.economy.build()
    env, params = make(
        economies.learned_in,
        statistic=study.statistic,
        objective=study.objective,
        subtract_offline_optimum=bool(study.subtract_offline_optimum),
        buys_at_zero_utility=study.buys_at_zero_utility,
        price_high=study.price_high,
    )
    designer = designer_of(study, env, params)
    # Refuses here, before anything is computed, a network that does not suit the economy.
    _ = designer.actor_critic
    test_params = replace(params, distribution=economies.evaluated_in.distribution)
    return LearningProblem(economies, env, params, test_params, designer)


def designer_of(
    study: SequentialPriceStudy, env: SequentialPrice, params: SequentialPriceParams
) -> PPO:
    """The learner with the study's hyper-parameters."""
    hyper_parameters = asdict(study.ppo)
    if hyper_parameters["anneal_updates"] is None:
        hyper_parameters["anneal_updates"] = float(study.updates)
    if hyper_parameters["reward_scale"] is None:
        hyper_parameters["reward_scale"] = 1 / float(params.price_high.max())
    if hyper_parameters["initial_log_scale"] is None:
        hyper_parameters["initial_log_scale"] = 0.0
    return PPO(env, params, **hyper_parameters)
