"""Computes penalties for all cells of the study, those of the peers, and those of trajectories."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import NDArray

from jaxmech.designers import TwoTimescale
from jaxmech.designers.two_timescale.mirror_descent import ShareSearch, shrinking_mirror_descent
from jaxmech.environments import IncentiveDesign, IncentiveDesignParams
from jaxmech.environments.four_rooms import FourRooms
from jaxmech.experiments.incentives.designing import Designed, design
from jaxmech.experiments.incentives.four_rooms.configuration import FourRoomsStudy
from jaxmech.experiments.incentives.four_rooms.peers import (
    Path,
    exact_ascent,
    sampled_ascent,
    zero_order_ascent,
)
from jaxmech.experiments.incentives.four_rooms.published import PUBLISHED, Published
from jaxmech.experiments.incentives.four_rooms.search import (
    LAST_DEALT_OUT,
    LAST_STEP_SIZE,
    Checked,
    checked,
    polished,
    restarts,
)
from jaxmech.experiments.incentives.four_rooms.trajectories import TrajectoryGradient
from jaxmech.experiments.workspace import Workspace
from jaxmech.reports.findings import Findings

GOALS = 2
"""Of the follower, each with probability 1/2: a solve of both is two of a single one."""

PEERS = 0xFE
"""Number of the key of the peers' starts and draws."""

SPREAD = 0.01
"""Standard deviation of the weights that the peers start from."""

LEARNER_STEP_SIZE, LEARNER_DEALT_OUT = 20.0, 0.1
"""Of the first step of who learns from trajectories; the last is that of the other searches."""

UNHURRIED = 1e12
"""Updates before the two-timescale method's own step sizes fall: those of mirror descent do."""


@dataclass(frozen=True)
class Cell:
    """What was found for one temperature and cost.

    Attributes:
      temperature, cost: which.
      search: the restarts, every array [restarts, ...].
      polish: what ``polished`` made of the best of them.
      checked: of the best penalties, of none at all, and of those from trajectories, in a row.
      exact, zero_order, sampled: how the peers went.
      trajectories: what was learned from trajectories.
      published: numbers of the literature, if there are any.
    """

    temperature: float
    cost: float
    search: ShareSearch
    polish: dict[str, Any]
    checked: Checked
    exact: Path
    zero_order: Path
    sampled: Path
    trajectories: Designed
    published: Published | None

    @property
    def name(self) -> str:
        return f"{self.temperature:g}_{self.cost:g}"

    @property
    def solves(self) -> int:
        """Of the follower's problem with both goals, by the restarts and the polish."""
        return int(np.size(self.search.values)) + int(self.polish["solves"])

    @property
    def single_solves(self) -> int:
        """Of the follower's problem with one goal."""
        return GOALS * self.solves

    @property
    def value(self) -> float:
        """What the leader earns with the best penalties."""
        return float(self.checked.value[0])

    @property
    def no_penalty(self) -> float:
        """And with none."""
        return float(self.checked.value[1])

    @property
    def shares(self) -> NDArray[np.float64]:
        """The best, float [shares]."""
        return np.asarray(self.polish["shares"], np.float64)


def learner(
    study: FourRoomsStudy, env: IncentiveDesign, params: IncentiveDesignParams
) -> TwoTimescale:
    """Who learns from trajectories: mirror descent along their gradients."""
    mirror_descent = shrinking_mirror_descent(
        study.updates,
        step_sizes=(LEARNER_STEP_SIZE, LAST_STEP_SIZE),
        dealt_out=(LEARNER_DEALT_OUT, LAST_DEALT_OUT),
    )
    return TwoTimescale(
        env,
        params,
        gradient=TrajectoryGradient(study.walkers, study.steps_per_update),
        optimizer=mirror_descent,
        responses_per_update=None,
        mechanism_rate=1.0,
        settling=UNHURRIED,
    )


def compute(study: FourRoomsStudy, workspace: Workspace) -> Findings:
    """Searches in every cell, and says what was found."""
    from jaxmech.experiments.incentives.four_rooms.findings import findings

    return findings(study, [_cell(study, workspace, *cell) for cell in study.cells])


def _cell(study: FourRoomsStudy, workspace: Workspace, temperature: float, cost: float) -> Cell:
    env, params = study.build(temperature, cost)
    game, numbers = env.game, params.game
    assert isinstance(game, FourRooms)
    name = f"{temperature:g}_{cost:g}"
    published = PUBLISHED.get((temperature, cost))

    search: ShareSearch = workspace.kept(
        f"{name}_restarts",
        restarts,
        game,
        numbers,
        jnp.asarray(study.step_sizes),
        jnp.asarray(study.dealt_out),
        study.steps,
    )
    best = int(np.argmax(search.value))
    polish = workspace.kept_on_host(
        f"{name}_polish",
        polished,
        game,
        jax.tree.map(np.asarray, numbers),
        np.asarray(search.shares[best]),
        study.polish,
    )

    key = jax.random.fold_in(jax.random.key(0), PEERS)
    draw = jax.random.normal(jax.random.fold_in(key, 0), (game.num_coefficients,), float)
    start, count = jax.nn.softmax(SPREAD * draw), study.peer_iterations
    exact = workspace.kept(f"{name}_small_steps", exact_ascent, game, numbers, start, count)
    zero_order = workspace.kept(
        f"{name}_zero_order",
        zero_order_ascent,
        game,
        numbers,
        start,
        count,
        jax.random.fold_in(key, 1),
    )
    sampled = workspace.kept(
        f"{name}_sampled_small_steps",
        sampled_ascent,
        game,
        numbers,
        start,
        count,
        study.walkers,
        study.steps_per_update,
        jax.random.fold_in(key, 2),
    )

    references = {} if published is None else {"HPGD, published": published.hpgd[0]}
    designed = design(
        workspace,
        f"{name}_trajectories",
        learner(study, env, params),
        env,
        params,
        updates=study.updates,
        seeds=study.seeds,
        label=f"temperature {temperature:g}, cost {cost:g}",
        references=references | {"best with the model": float(polish["value"])},
    )
    unspent = np.eye(game.num_coefficients)[-1:]
    several = np.concatenate([polish["shares"][None], unspent, designed.mechanisms])
    found: Checked = workspace.kept(f"{name}_checked", checked, game, numbers, jnp.asarray(several))
    return Cell(
        temperature,
        cost,
        jax.tree.map(np.asarray, search),
        polish,
        jax.tree.map(np.asarray, found),
        jax.tree.map(np.asarray, exact),
        jax.tree.map(np.asarray, zero_order),
        jax.tree.map(np.asarray, sampled),
        designed,
        published,
    )
