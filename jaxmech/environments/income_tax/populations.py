"""Populations of skills as types and their shares, made so that sums over them are exact.

Both give NumPy arrays, skills and shares, float64 [types]. A sample needs neither: it is its own
population. Samples of heavy tails are biased, though: a finite one has no tail beyond its largest
member, which is what a top tax is about.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from jaxmech import checks

Types = tuple[NDArray[np.float64], NDArray[np.float64]]


def lognormal_skills(sigma: float, *, num_types: int = 120) -> Types:
    """Skills with ``log n ~ N(0, sigma^2)`` at the nodes of Gauss-Hermite quadrature.

    Args:
      sigma: above 0.
      num_types: nodes; those too far out to have a share in float64 are left out.

    Raises:
      ValueError: a number out of range.
    """
    checks.number("sigma", sigma, above=0)
    checks.integer("num_types", num_types, high=300)
    nodes, weights = np.polynomial.hermite_e.hermegauss(num_types)
    shares = weights / np.sum(weights)
    # Beyond, skills are so large or small that float32 cannot hold what is made of them.
    seen = shares > 1e-30
    return np.exp(sigma * nodes[seen]), shares[seen] / np.sum(shares[seen])


def pareto_skills(
    alpha: float, elasticity: float, *, num_types: int = 1000, rarest: float = 1e-12
) -> Types:
    """Skills from 1 up with ``P(skill > n) = n^-alpha``, by strata of falling rarity.

    Strata are cut at equal distances of ``log P(skill > n)``, down to ``rarest``. Each has the
    skill at which its earnings at any one rate of tax, which are proportional to
    ``n^(1 + elasticity)``, are their exact mean over the stratum; the last is everybody beyond.
    The lowest skill, 1, stands for itself in front of them, without a share: maximin needs it.

    Args:
      alpha: above ``1 + elasticity``, so that mean earnings are finite.
      elasticity: of earnings, above 0.
      num_types: from 3.
      rarest: the share of the last stratum, between 0 and 1.

    Raises:
      ValueError: a number out of range.
    """
    checks.number("elasticity", elasticity, above=0)
    checks.number("alpha", alpha, above=1 + elasticity)
    checks.integer("num_types", num_types, low=3)
    checks.number("rarest", rarest, above=0, below=1)
    survival = np.append(np.geomspace(1, rarest, num_types - 1), 0.0)
    shares = survival[:-1] - survival[1:]
    tail = alpha / (1 + elasticity)
    # The mean of n^(1 + elasticity) over a stratum, which is a Pareto variable of this tail.
    kept = survival ** (1 - 1 / tail)
    means = tail / (tail - 1) * (kept[:-1] - kept[1:]) / shares
    return np.append(1, means ** (1 / (1 + elasticity))), np.append(0, shares)
