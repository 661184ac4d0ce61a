"""The reserve price that PPO learns for an auction held again and again, beside the best one."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any

from jaxmech.experiments import NamedStudy
from jaxmech.reports.findings import Estimate, Findings, Oracle, Record, Table


@dataclass(frozen=True)
class LearnedReserve(NamedStudy):
    """PPO sets the reserve price of a second-price auction before each of its 20 rounds."""

    bidders: int = 2
    """Truthful bidders, with values uniform from 0 to 1."""
    updates: int = 50
    """Iterations of PPO."""
    seeds: int = 3
    """How many times to learn, independently."""

    def compute(self, workspace: Any) -> Findings:
        """What each seed earns at the end, beside the optimum of Myerson (1981)."""
        from jaxmech import agents, designers, environments, experiments, intervals, oracles

        env, params = environments.make("repeated_auction", num_bidders=self.bidders)
        ppo = designers.PPO(env, params, num_environments=256, anneal_updates=float(self.updates))
        best = params.max_steps_in_episode * oracles.optimal_revenue(agents.Uniform(), self.bidders)
        tenths = range(1, max(self.updates // 10, 1) + 1)
        result = workspace.train(
            "learned",
            ppo,
            updates=self.updates,
            seeds=self.seeds,
            evaluate=partial(revenue, ppo),
            evaluate_every=max(every for every in tenths if self.updates % every == 0),
        )
        of_seeds = result.evaluations["revenue"][-1]
        mean = intervals.mean_of(of_seeds)
        rows = [(str(seed), f"{of_seeds[seed]:.4f}") for seed in result.seeds]
        return Findings(
            headline=f"Learned {mean.mean:.4f} of {best:.4f}, {100 * mean.mean / best:.2f} %.",
            estimates={"learned": Estimate(mean.mean, mean.half_width, tuple(of_seeds.tolist()))},
            oracles={"optimum": Oracle(best)},
            learning_curves=(experiments.learning_curves(result, "revenue"),),
            tables=(Table("Revenue of an episode", ("Seed", "Revenue"), tuple(rows)),),
            records=(Record("learned", "revenue", mean.mean, mean.half_width),),
        )


def revenue(ppo: Any, state: Any, key: Any) -> dict[str, Any]:
    """What the reserves learned so far earn in an episode, a mean over 10,000."""
    from jaxmech.evaluation import evaluate

    return {"revenue": evaluate(ppo.env, ppo.params, ppo.policy(state), key, 10_000).mean}


LEARNED_RESERVE = LearnedReserve("auctions/learned_reserve", "a reserve learned by PPO", "")
