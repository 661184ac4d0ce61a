"""What the study of the Escape Room says of what it found."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from jaxmech.experiments.incentives import statements
from jaxmech.experiments.incentives.escape_room.configuration import EscapeRoomStudy
from jaxmech.experiments.incentives.escape_room.rooms import PaidDesign, RoomFound
from jaxmech.oracles.escape_room import OneShotResponse
from jaxmech.oracles.escape_room_payments import PlayedRoom
from jaxmech.reports.findings import Certificate, Estimate, Findings, Record, Table

REACHED = 0.01
"""How far from the optimum a return may be that counts as it."""

AGREEMENT = 1e-9
"""Up to which two computations of a return agree."""

MOST_LISTED = 10
"""Returns of rational agents that are shown one by one."""

BEST_ALIKE = "Best policy of agents who act alike"
"""What a row of the table of returns is called."""

LIO_ITERATIONS, LIO_ROLL_OUTS = 50_000, 100_000
"""What "Learning to Incentivize Others" (Yang et al. 2020) is trained with, by its code."""


def findings(study: EscapeRoomStudy, rooms: list[RoomFound]) -> Findings:
    """Of all rooms."""
    reached = [
        f"{float(np.max(one.by_role.returns)):.3f} in {one.label}, where {one.optimum:g} is the "
        f"most ({_reaching(one)} of {study.seeds} restarts)"
        for one in rooms
    ]
    return Findings(
        headline=(
            f"With payments by role a team gets {', and '.join(reached)}, without a single episode."
        ),
        estimates={
            f"{one.cell}/{scheme}": statements.learned(paid.designed.outcomes)
            for one in rooms
            for scheme, paid in _schemes(one)
        }
        | {f"{one.cell}/no payments": Estimate(one.unpaid) for one in rooms}
        | {f"{one.cell}/budget": Estimate(_best(one).budget) for one in rooms},
        oracles={
            f"{one.cell}/{name}": oracle for one in rooms for name, oracle in one.oracles().items()
        },
        certificates=_certificates(study, rooms),
        learning_curves=tuple(paid.designed.curves for one in rooms for _, paid in _schemes(one)),
        tables=(_returns(study, rooms), _payments(study, rooms)),
        records=tuple(_records(study, rooms)),
    )


def _schemes(found: RoomFound) -> tuple[tuple[str, PaidDesign], ...]:
    return ("learned", found.by_role), ("equal payments", found.alike)


def _best(found: RoomFound) -> PlayedRoom:
    """What the best payments by role come to."""
    return found.by_role.played[found.by_role.designed.best]


def _reaching(found: RoomFound) -> int:
    """Restarts that end with the optimum."""
    return int(np.sum(np.abs(found.by_role.returns - found.optimum) <= REACHED))


def _certificates(study: EscapeRoomStudy, rooms: list[RoomFound]) -> dict[str, Certificate]:
    all_paid = [paid for one in rooms for _, paid in _schemes(one)]
    # NumPy's extremes keep NaN, which no certificate may lose.
    disagreement = float(np.max([paid.disagreement for paid in all_paid]))
    # Who chooses by logit forgoes at most what departing from random choices costs it.
    forgone = study.temperature * study.steps * math.log(3)
    certificates = {
        "equilibrium": statements.at_rest(
            *(paid.designed.outcomes.residual for paid in all_paid),
            *(one.without.residual for one in rooms),
        ),
        "principal branch": statements.on_principal_branch(
            *(paid.designed.outcomes.arrived for paid in all_paid),
            *(one.without.arrived for one in rooms),
        ),
        "exploitability": statements.exploitability(
            *(paid.gains for paid in all_paid), tolerance=forgone
        ),
        "individual rationality": statements.takes_part(
            *(paid.designed.outcomes.utilities for paid in all_paid)
        ),
        "two computations agree": Certificate(
            disagreement <= AGREEMENT,
            "Returns in equilibrium are those of a plain backward induction, up to "
            f"{disagreement:.1e}.",
            disagreement,
            AGREEMENT,
        ),
    }
    for one in rooms:
        returns, best = one.by_role.returns, one.by_role.designed.best
        certificates[f"{one.cell}/team optimum reached"] = statements.reaches(
            "The return of the best payments by role", float(returns[best]), one.optimum, REACHED
        )
        reaching = _reaching(one)
        certificates[f"{one.cell}/in every restart"] = Certificate(
            reaching == study.seeds,
            f"Payments of {reaching} of {study.seeds} restarts lead to the optimum.",
            float(reaching),
        )
        rational = one.by_role.rational[best]
        if rational is not None:
            certificates[f"{one.cell}/rational agents"] = Certificate(
                one.optimum in rational,
                f"Under the best payments by role, pure subgame-perfect equilibria have returns "
                f"of {_listed(rational)}.",
            )
        budget = _best(one).budget
        certificates[f"{one.cell}/balanced budget"] = Certificate(
            budget <= 0,
            f"The best payments by role come to {budget:.3f} in expectation, which somebody "
            f"outside has to pay; by one step alone a little more than {one.num_holders} would do.",
            budget,
            0.0,
        )
        if (limit := one.oracles()["best of agents who act alike"].value) is not None:
            highest = float(np.max(one.alike.returns))
            certificates[f"{one.cell}/who are paid alike stay below"] = Certificate(
                highest <= limit,
                f"Agents who are paid alike, and so act alike, get up to {highest:.4f}; the most "
                f"that any policy for both can get is {limit:.6f}.",
                highest,
                limit,
            )
    return certificates


def _listed(rational: tuple[float, ...]) -> str:
    """Returns of rational agents, in words."""
    if not rational:
        return "none, as there are no such equilibria"
    shown = [f"{value:g}" for value in rational]
    if len(shown) > MOST_LISTED:
        return f"{len(shown)} values, {shown[0]} to {shown[-1]}"
    return ", ".join(shown)


def _outsiders_pay(one: RoomFound) -> str:
    """What the best payments by role cost, beside what the team gains by them."""
    best = one.by_role.designed.best
    returns, budget = float(one.by_role.returns[best]), _best(one).budget
    gained = returns - one.unpaid
    compared = "more than" if budget > gained else "no more than"
    return (
        f"In {one.label} the team gains {gained:.2f} by the best payments by role, from "
        f"{one.unpaid:z.2f} to {returns:.2f}, and who pays from outside pays {budget:.2f}: "
        f"{compared} is gained."
    )


def _spent(study: EscapeRoomStudy) -> str:
    per_update = study.two_timescale.responses_per_update
    if per_update is None:
        return f"0 ({study.updates:,} equilibria)"
    return f"0 ({study.updates * per_update:,} responses)"


def _returns(study: EscapeRoomStudy, rooms: list[RoomFound]) -> Table:
    rows = []
    for one in rooms:
        oracles, one_shot = one.oracles(), OneShotResponse(one.room)
        payment = one_shot.best_payment()
        rows.append((one.label, "Team optimum", f"{one.optimum:.6f}", "", ""))
        for scheme, paid in (
            ("Payments by role, designed", one.by_role),
            ("Equal payments, designed", one.alike),
        ):
            best = paid.designed.best
            mean, worst = float(np.mean(paid.returns)), float(np.min(paid.returns))
            found = f"{paid.returns[best]:.6f} (mean {mean:.4f}, worst {worst:.4f})"
            budget = f"{paid.played[best].budget:.3f}"
            rows.append((one.label, scheme, found, budget, _spent(study)))
        if (alike := oracles["best of agents who act alike"].value) is not None:
            rows.append((one.label, BEST_ALIKE, f"{alike:.6f}", "", ""))
        one_step = f"Equal payment of {payment:.3f}, one step, temperature 1"
        rows.append((one.label, one_step, f"{one_shot.welfare(payment):.6f}", "", ""))
        rows.append((one.label, "No payments", f"{one.unpaid:.6f}", "0", ""))
        spent = f"{LIO_ITERATIONS:,} iterations of two roll-outs, {LIO_ROLL_OUTS:,} episodes"
        rows.append((one.label, "LIO (Yang 2020)", "", "", spent))
    return Table(
        "Collective return, payments not counted",
        ("Room", "Scheme", "Return", "Payments", "Episodes"),
        tuple(rows),
        (
            f"Of {study.seeds} restarts the best, in the quantal response equilibrium at "
            f"temperature {study.temperature:g}; episodes of one restart. Responses are of all "
            "agents in all places at once, in expectation.",
            "Agents who are paid alike stand alike, and so cannot agree on who holds the door. The "
            "return with equal payments is the best that the designer found in its restarts, "
            "between the bounds and at the temperature: it is no optimum of anything.",
            f"{BEST_ALIKE} is the most that two agents get who are told by one and the same "
            "policy where to go, payments or not: exact, and above what any equal payments lead "
            "to. What lies between it and the team optimum agents who are alike cannot reach. It "
            "is not computed for more agents than two.",
            *map(_outsiders_pay, rooms),
        ),
    )


def _payments(study: EscapeRoomStudy, rooms: list[RoomFound]) -> Table:
    rows = []
    for one in rooms:
        for seed, played in enumerate(one.by_role.played):
            rational = one.by_role.rational[seed]
            rows.append(
                (
                    one.label,
                    f"{seed}",
                    f"{one.by_role.returns[seed]:.4f}",
                    f"{played.budget:.3f}",
                    f"{float(np.max(played.gains)):.1e}",
                    f"{float(np.min(played.utilities)):.3f}",
                    "too many to list" if rational is None else _listed(rational),
                )
            )
    return Table(
        "Payments by role, by restart",
        (
            "Room",
            "Restart",
            "Return",
            "Payments",
            "Largest gain",
            "Lowest utility",
            "Returns among rational agents",
        ),
        tuple(rows),
        (
            f"At temperature {study.temperature:g}; the largest gain is what the best response to "
            "the others would add for one agent. Among rational agents: of all pure "
            "subgame-perfect equilibria, ties kept.",
        ),
    )


def _records(study: EscapeRoomStudy, rooms: list[RoomFound]) -> Iterator[Record]:
    for one in rooms:
        for scheme, paid in _schemes(one):
            designed = paid.designed
            yield from statements.records_of(
                designed.outcomes, designed.mechanisms, scheme=scheme, cell=one.cell
            )
            for seed, played in enumerate(paid.played):
                yield Record(scheme, "budget", played.budget, cell=one.cell, seed=seed)
                yield Record(
                    scheme, "largest_gain", float(np.max(played.gains)), cell=one.cell, seed=seed
                )
                if rational := paid.rational[seed]:
                    for metric, value in (
                        ("lowest_rational_return", rational[0]),
                        ("highest_rational_return", rational[-1]),
                    ):
                        yield Record(scheme, metric, value, cell=one.cell, seed=seed)
        yield from statements.records_of(
            one.without, scheme="no payments", cell=one.cell, of_seeds=False
        )
        yield Record("LIO", "episodes", float(LIO_ROLL_OUTS), cell=one.cell)
        yield Record("learned", "episodes", 0.0, cell=one.cell)
