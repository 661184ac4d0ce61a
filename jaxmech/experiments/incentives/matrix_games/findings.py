"""What the study of matrix games says of what it found."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from jaxmech.environments.matrix_game import NAMED
from jaxmech.experiments.incentives import statements
from jaxmech.experiments.incentives.matrix_games.computing import Paid
from jaxmech.experiments.incentives.matrix_games.configuration import MatrixGamesStudy
from jaxmech.reports.findings import (
    Certificate,
    Estimate,
    Findings,
    Oracle,
    Record,
    Table,
)


def findings(study: MatrixGamesStudy, found: Sequence[Paid]) -> Findings:
    """Of all games at all temperatures."""
    shares = [int(np.sum(one.reached(study.reached_within))) for one in found]
    gains = [
        f"{float(one.unpaid.objective[0]):.3f} to {one.welfare[one.designed.best]:.3f} in "
        f"{_in_words(one)}"
        for one in found
    ]
    return Findings(
        headline=f"Welfare without and with payments: {', '.join(gains)}.",
        estimates={
            f"{one.cell}/learned": statements.learned(one.designed.outcomes) for one in found
        }
        | {
            f"{one.cell}/best restart": Estimate(float(one.welfare[one.designed.best]))
            for one in found
        }
        | {f"{one.cell}/unpaid": Estimate(float(one.unpaid.objective[0])) for one in found},
        oracles={f"{one.cell}/best joint action": Oracle(one.best_joint_action) for one in found}
        | {
            f"{one.cell}/best with errors": Oracle(one.best_with_errors, exact=False)
            for one in found
        },
        certificates=_certificates(study, found),
        learning_curves=tuple(one.designed.curves for one in found),
        tables=(_table(study, found, shares),),
        records=tuple(_records(study, found)),
    )


def _in_words(one: Paid) -> str:
    return f"{one.game.replace('_', ' ')} at temperature {one.temperature:g}"


def _certificates(study: MatrixGamesStudy, found: Sequence[Paid]) -> dict[str, Certificate]:
    outcomes = [part for one in found for part in (one.designed.outcomes, one.unpaid)]
    certificates = {
        "equilibrium": statements.at_rest(*(one.residual for one in outcomes)),
        "principal branch": statements.on_principal_branch(*(one.arrived for one in outcomes)),
        "individual rationality": statements.takes_part(
            *(one.designed.outcomes.utilities for one in found),
            outside_option=study.outside_option,
            agent="player",
        ),
    }
    for one in found:
        # A choice by logit maximises the mean plus the temperature times the entropy.
        most = one.temperature * float(np.log(max(NAMED[one.game].shape[1:])))
        certificates[f"{one.cell}/exploitability"] = statements.exploitability(
            one.deviations.gains, tolerance=most, agent="player"
        )
        best = float(one.welfare[one.designed.best])
        certificates[f"{one.cell}/best with errors"] = statements.no_worse(
            "The welfare of the best restart", best, one.best_with_errors, study.reached_within
        )
    return certificates


def _table(study: MatrixGamesStudy, found: Sequence[Paid], shares: Sequence[int]) -> Table:
    rows = tuple(
        (
            one.game.replace("_", " "),
            f"{one.temperature:g}",
            f"{float(one.unpaid.objective[0]):.4f}",
            f"{one.welfare[one.designed.best]:.4f}",
            f"{one.best_with_errors:.4f}",
            f"{one.best_joint_action:g}",
            f"{share} of {study.seeds}",
            f"{one.paid_out[one.designed.best]:.2f}",
            f"{np.max(one.deviations.gains[one.designed.best]):.1g}",
        )
        for one, share in zip(found, shares, strict=True)
    )
    return Table(
        f"Welfare, payments not counted, which are at most {study.bound:g} each",
        (
            "Game",
            "Tempera\u00adture",
            "Unpaid",
            "Paid",
            "Best",
            "Joint",
            "Restarts",
            "Payments",
            "Gain",
        ),
        rows,
        (
            "Players choose by logit, in the quantal response equilibrium of the principal branch. "
            "Paid is the best restart. The best is the highest welfare of any quantal response "
            "equilibrium under such payments, searched for on probabilities, and that of the joint "
            "action is what players without errors could do together.",
            f"Restarts that come within {study.reached_within:g} of the best are counted. Payments "
            "are what all players together are paid in expectation, less charges; the gain is the "
            "largest that a player would have from a best response, payments included.",
            "Payments are free to the designer, whose objective is the sum of the games' own "
            "payoffs: no unit of them counts against it, whoever pays it. So welfare is not net of "
            "them, and a larger bound can only raise the best.",
        ),
    )


def _records(study: MatrixGamesStudy, found: Sequence[Paid]) -> Iterator[Record]:
    for one in found:
        yield from statements.records_of(one.unpaid, scheme="unpaid", cell=one.cell, of_seeds=False)
        yield from statements.records_of(
            one.designed.outcomes, one.designed.mechanisms, cell=one.cell
        )
        share = float(np.mean(one.reached(study.reached_within)))
        yield Record("learned", "share_of_restarts_at_best", share, cell=one.cell)
        each = {
            "exploitability": one.deviations.exploitability,
            "participation_slack": one.deviations.participation_slack.min(axis=-1),
            "paid_out": one.paid_out,
        }
        for metric, values in each.items():
            for seed, value in enumerate(np.asarray(values).tolist()):
                yield Record("learned", metric, value, cell=one.cell, seed=seed)
        yield Record("best joint action", "objective", one.best_joint_action, cell=one.cell)
        yield Record("best with errors", "objective", one.best_with_errors, cell=one.cell)
