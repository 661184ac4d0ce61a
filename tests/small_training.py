"""A study that trains for a moment: noisy descent, evaluated as it goes."""

from __future__ import annotations

from dataclasses import dataclass

from jaxmech.experiments.study import NamedStudy
from jaxmech.reports.findings import Estimate, Findings, Record


@dataclass(frozen=True)
class Training(NamedStudy):
    """Descends."""

    rate: float = 0.125
    """Of the descent."""
    updates: int = 6
    """How many."""
    seeds: int = 2
    """How many."""

    def compute(self, workspace):
        import numpy as np
        from noisy_descent import NoisyDescent

        from jaxmech.experiments.learning import learning_curves

        result = workspace.train(
            "descent",
            NoisyDescent(learning_rate=self.rate),
            updates=self.updates,
            seeds=self.seeds,
            evaluate=distance,
            evaluate_every=2,
        )
        last = result.evaluations["distance"][-1]
        squared = workspace.kept("squared", square, result.evaluations["distance"])
        return Findings(
            headline=f"{np.mean(last):.6f}",
            estimates={"learned": Estimate(float(np.mean(last)), per_seed=tuple(map(float, last)))},
            learning_curves=(learning_curves(result, "distance"),),
            records=(Record("descent", "squared", float(squared[-1].sum())),),
        )


def distance(state, key):
    import jax.numpy as jnp

    return {"distance": jnp.linalg.norm(state.position)}


def square(values):
    return values**2


TRAINING = Training("tests/training", "descent", "")
