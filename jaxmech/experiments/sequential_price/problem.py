"""From a study to what it runs: the environment, the parameters and the learner."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace

import jax

from jaxmech.agents import Samples
from jaxmech.designers import PPO
from jaxmech.environments import SequentialPrice, SequentialPriceParams
from jaxmech.environments.sequential_price import make
from jaxmech.experiments.sequential_price.study import SequentialPriceStudy

VALIDATION, TEST, BASELINES, ECONOMIES, PICTURE, CERTIFICATES = range(6)
"""What keys are for."""


@dataclass(frozen=True)
class LearningProblem:
    """What a study learns in, and by what.

    Attributes:
      study: the study, resolved.
      env, params: the environment to learn in.
      test_params: parameters to evaluate in; other ones only where samples are held out.
      designer: the learner.
    """

    study: SequentialPriceStudy
    env: SequentialPrice
    params: SequentialPriceParams
    test_params: SequentialPriceParams
    designer: PPO

    @property
    def held_out(self) -> Samples | None:
        """The samples evaluated on; None where values are drawn."""
        distribution = self.test_params.distribution
        return distribution if isinstance(distribution, Samples) else None

    def key(self, purpose: int, number: int = 0) -> jax.Array:
        """The key of what is drawn for a purpose; no key of training is among these."""
        # Training splits the keys of the seeds; no split of them reaches this far.
        key = jax.random.fold_in(jax.random.key(self.study.first_seed), 2**30 + purpose)
        return jax.random.fold_in(key, number)


def problem_of(study: SequentialPriceStudy) -> LearningProblem:
    """Everything that a resolved study runs.

    Raises:
      ValueError: a field is out of range, the samples cannot be used, or the network does not
        suit the economy.
    """
    learned_in, evaluated_in = study.build(study.first_seed)
    env, params = make(
        learned_in,
        statistic=study.statistic,
        objective=study.objective,
        subtract_offline_optimum=bool(study.subtract_offline_optimum),
        buys_at_zero_utility=study.buys_at_zero_utility,
        price_high=study.price_high,
    )
    designer = designer_of(study, env, params)
    # Refuses here, before anything is computed, a network that does not suit the economy.
    _ = designer.actor_critic
    test_params = replace(params, distribution=evaluated_in.distribution)
    return LearningProblem(study, env, params, test_params, designer)


def designer_of(
    study: SequentialPriceStudy, env: SequentialPrice, params: SequentialPriceParams
) -> PPO:
    """The learner with the study's hyper-parameters."""
    where_open = {
        "anneal_updates": float(study.updates),
        "reward_scale": 1 / float(params.price_high.max()),
        "initial_log_scale": 0.0,
    }
    own = {name: value for name, value in asdict(study.ppo).items() if value is not None}
    return PPO(env, params, **{**where_open, **own})
