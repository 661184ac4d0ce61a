"""Payments designed for agents in a room that some of them must hold open."""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np

from jaxmech.designers import AnnealedTemperature
from jaxmech.environments.escape_room import EscapeRoom
from jaxmech.experiments.incentives.designing import (
    design,
    kept_outcomes,
    policies_under,
    two_timescale,
)
from jaxmech.experiments.incentives.escape_room.configuration import EscapeRoomStudy
from jaxmech.experiments.incentives.escape_room.findings import findings
from jaxmech.experiments.incentives.escape_room.rooms import (
    PaidDesign,
    RoomFound,
    cell_of,
    judged_again,
)
from jaxmech.experiments.workspace import Workspace
from jaxmech.oracles.escape_room import Rooms
from jaxmech.reports.findings import Findings


def compute(study: EscapeRoomStudy, workspace: Workspace) -> Findings:
    """Designs payments in each room, and finds what they are worth."""
    return findings(study, [_room(study, workspace, *room) for room in study.rooms])


def _room(
    study: EscapeRoomStudy, workspace: Workspace, num_agents: int, num_holders: int
) -> RoomFound:
    cell = cell_of(num_agents, num_holders)
    env, params = study.build(num_agents, num_holders)
    nothing = np.zeros((1, *env.action_space(params).shape))
    without = kept_outcomes(workspace, f"{cell}_without", env, params, nothing)
    by_role, alike = (
        _designed(study, workspace, num_agents, num_holders, symmetric)
        for symmetric in (False, True)
    )
    return RoomFound(num_agents, num_holders, study.steps, by_role, alike, without)


def _designed(
    study: EscapeRoomStudy,
    workspace: Workspace,
    num_agents: int,
    num_holders: int,
    symmetric: bool,
) -> PaidDesign:
    env, params = study.build(num_agents, num_holders, symmetric=symmetric)
    room = Rooms(num_agents, num_holders)
    name = f"{cell_of(num_agents, num_holders)}_{'alike' if symmetric else 'by_role'}"
    designer = AnnealedTemperature(
        two_timescale(env, params, study.two_timescale),
        first=study.first_temperature,
        updates=study.updates,
    )
    designed = design(
        workspace,
        name,
        designer,
        env,
        params,
        updates=study.updates,
        seeds=study.seeds,
        label=f"ER({num_agents}, {num_holders}), {'all alike' if symmetric else 'by role'}",
        references={"team optimum": room.team_optimum(study.steps)},
    )
    mechanisms = jnp.asarray(designed.mechanisms)
    policies = workspace.kept(f"{name}_policies", policies_under, env, params, mechanisms)
    game = env.game
    assert isinstance(game, EscapeRoom)
    payments = [np.asarray(game.payments(one)) for one in mechanisms]
    return judged_again(room, designed, payments, list(np.asarray(policies)))
