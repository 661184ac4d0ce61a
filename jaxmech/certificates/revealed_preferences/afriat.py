"""Afriat's inequalities as linear programs: utilities that explain choices, or why none do.

``jaxmech.certificates.revealed_preferences.closed_paths`` says what ``costs`` are. Choices maximise
the utilities ``u`` with multipliers ``lambda > 0`` where ``u_s - u_t <= lambda_t costs[t, s]`` for
all t and s. Programs are solved on the host, in double precision, by HiGHS of SciPy: single
precision is not enough for them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import linprog
from scipy.sparse import coo_array

from jaxmech import checks
from jaxmech.checks import InvalidValueError


@dataclass(frozen=True)
class AfriatSlack:
    """By how much Afriat's inequalities must be widened, and why by no less.

    Attributes:
      slack: the least by which all of them are widened where no utility and no multiplier is below
        1, in units of utility; 0 where some utilities explain the choices.
      utilities: float [agents, observations], with which the inequalities hold up to the slack.
      multipliers: float [agents, observations], of the constraints, at least 1; the same for every
        agent where they share their weights.
      flow: float [agents, observations, observations], not below 0, the solution of the dual
        program. What flows into an observation flows out of it, all of it is 1 where the slack is
        above 0 and at most 1 elsewhere, and minus its product with ``costs`` is the slack: it runs
        along closed paths of comparisons that contradict each other. The slack moves by
        ``-multipliers[i, t] * flow[i, t, s]`` with ``costs[i, t, s]``.
    """

    slack: float
    utilities: NDArray[np.float64]
    multipliers: NDArray[np.float64]
    flow: NDArray[np.float64]


def afriat_slack(costs: ArrayLike) -> AfriatSlack:
    """Whether some utility of each agent explains its choices, and by how much none does.

    With Pareto weights that may differ from one observation to the next: every agent is judged by
    itself, and the slack is the largest of theirs.

    Args:
      costs: float [agents, observations, observations], or of one agent without the first axis.

    Raises:
      InvalidValueError: another shape, or a number that is not finite.
    """
    return _least_slack(costs, shared=False)


def fixed_weights_slack(costs: ArrayLike) -> AfriatSlack:
    """Whether utilities explain the choices of all agents with multipliers that they share.

    So it is where Pareto weights are the same in every observation: a stronger test than
    ``afriat_slack``, whose slack is never above this one.

    Args:
      costs: float [agents, observations, observations].

    Raises:
      InvalidValueError: another shape, or a number that is not finite.
    """
    return _least_slack(costs, shared=True)


def _least_slack(costs: ArrayLike, *, shared: bool) -> AfriatSlack:
    given = np.asarray(costs, np.float64)
    if given.ndim == 2:
        given = given[None]
    if given.ndim != 3 or given.shape[1] != given.shape[2] or 0 in given.shape:
        raise InvalidValueError(
            "costs", np.shape(costs), "shapes [agents, observations, observations]"
        )
    checks.numbers("costs", given)
    agents, size, _ = given.shape
    agent, better, other = np.nonzero(~np.broadcast_to(np.eye(size, dtype=bool), given.shape))
    rows = np.arange(agent.size)
    utilities = agents * size
    multipliers = size if shared else utilities
    multiplier = utilities + (better if shared else agent * size + better)
    columns = np.concatenate(
        [
            agent * size + other,
            agent * size + better,
            multiplier,
            np.full(rows.size, utilities + multipliers),
        ]
    )
    entries = np.concatenate(
        [
            np.ones(rows.size),
            -np.ones(rows.size),
            -given[agent, better, other],
            -np.ones(rows.size),
        ]
    )
    width = utilities + multipliers + 1
    matrix = coo_array((entries, (np.tile(rows, 4), columns)), shape=(rows.size, width))
    weights = np.zeros(width)
    weights[-1] = 1
    bounds = [(1, None)] * (width - 1) + [(0, None)]
    found = linprog(
        weights, A_ub=matrix.tocsr(), b_ub=np.zeros(rows.size), bounds=bounds, method="highs"
    )
    if not found.success:
        raise RuntimeError(f"HiGHS found no solution of Afriat's inequalities: {found.message}")
    flow = np.zeros_like(given)
    flow[agent, better, other] = -found.ineqlin.marginals
    solved = found.x[utilities:-1].reshape(-1, size)
    return AfriatSlack(
        slack=float(found.x[-1]),
        utilities=found.x[:utilities].reshape(agents, size),
        multipliers=np.broadcast_to(solved, (agents, size)).copy(),
        flow=flow,
    )
