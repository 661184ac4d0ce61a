"""What is known of the nine cells of Thoma, Pasztor, Krause, Ramponi and Hu (2024).

A cell is the temperature of the follower and the cost of penalties to the leader. Nothing here
imports jax.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Published:
    """Of one cell: means and standard errors over ten seeds, and references.

    Attributes:
      hpgd, amd, zero_order: what the leader earns by hyper policy gradient descent, by adaptive
        mechanism design and by a zero-order method, mean and standard error.
      no_penalty: what it earns without penalties, exact.
      best_found: by sequential quadratic programming from many starts, which is no proof; None
        where it is not known.
    """

    hpgd: tuple[float, float]
    amd: tuple[float, float]
    zero_order: tuple[float, float]
    no_penalty: float
    best_found: float | None

    @property
    def highest(self) -> float:
        """Of the three means."""
        return max(self.hpgd[0], self.amd[0], self.zero_order[0])


PUBLISHED: dict[tuple[float, float], Published] = {
    (0.001, 1): Published((0.91, 0.088), (0.58, 0.0), (0.59, 0.059), 0.409885, 1.177229),
    (0.001, 3): Published((0.51, 0.006), (0.51, 0.0), (0.50, 0.005), 0.409885, 0.947332),
    (0.001, 5): Published((0.46, 0.006), (0.46, 0.003), (0.46, 0.007), 0.409885, None),
    (0.003, 1): Published((0.95, 0.002), (1.00, 0.0), (0.91, 0.048), 0.320986, 1.017687),
    (0.003, 3): Published((0.73, 0.001), (0.39, 0.0), (0.40, 0.028), 0.320986, 0.798213),
    (0.003, 5): Published((0.29, 0.003), (0.32, 0.0), (0.32, 0.002), 0.320986, 0.581205),
    (0.005, 1): Published((1.17, 0.011), (1.28, 0.003), (1.15, 0.026), 0.299429, 1.473683),
    (0.005, 3): Published((1.01, 0.002), (1.13, 0.004), (1.02, 0.027), 0.299429, None),
    (0.005, 5): Published((0.87, 0.003), (0.97, 0.009), (0.79, 0.027), 0.299429, 1.235789),
}
"""By temperature and cost."""

SPENT = (
    "Published runs have 10,000 iterations: HPGD solves for the follower with one goal, drawn, in "
    "each, and takes 100,000,000 environment steps in all; AMD sweeps the follower's values 100 "
    "times in each; the zero-order method solves for the follower twice in each. ± there is the "
    "standard error over ten seeds."
)
"""What the published numbers cost, for the notes of tables."""
