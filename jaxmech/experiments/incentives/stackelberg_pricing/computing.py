"""Prices that a leader designs for followers who share a capacity, and who loses by them.

What followers do is checked by best responses that are written apart from the environment: of each
follower, given what the others take, within what those leave it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import jax.numpy as jnp
import numpy as np
from numpy.typing import NDArray

from jaxmech.environments.stackelberg_pricing import PricedQuantities
from jaxmech.experiments.incentives import statements
from jaxmech.experiments.incentives.designing import (
    Designed,
    design,
    policies_under,
    two_timescale,
)
from jaxmech.experiments.incentives.stackelberg_pricing.configuration import (
    StackelbergPricingStudy,
)
from jaxmech.experiments.workspace import Workspace
from jaxmech.oracles.stackelberg_pricing import PricedCapacity, PricedEquilibrium
from jaxmech.reports.findings import Certificate, Estimate, Findings, Oracle, Record, Table

NASHOPT_LOSS = 0.56372
"""Of the leader with what NashOpt 1.3.9 finds in its own example."""

LOSS_TOLERANCE = 1e-6
"""Up to which a loss counts as the lowest one."""


@dataclass(frozen=True)
class Priced:
    """What was found.

    Attributes:
      game: the same in NumPy.
      designed: prices and then the slope, of each seed.
      quantities: float [seeds, followers], what followers take.
      capacity_prices: float [seeds], what a unit of capacity is worth to each of them.
      variational: the equilibrium of the lowest loss in which capacity is worth the same to all.
      best: that of the lowest loss of all.
    """

    game: PricedCapacity
    designed: Designed
    quantities: NDArray[np.float64]
    capacity_prices: NDArray[np.float64]
    variational: PricedEquilibrium
    best: PricedEquilibrium

    @property
    def gains(self) -> NDArray[np.float64]:
        """Of best responses to the prices designed, float [seeds, followers]."""
        each = zip(self.designed.mechanisms, self.quantities, strict=True)
        return np.stack([self.game.gains(prices[:-1], prices[-1], x) for prices, x in each])

    @property
    def losses(self) -> NDArray[np.float64]:
        """The leader's, float [seeds], as the NumPy game has it."""
        each = zip(self.designed.mechanisms, self.quantities, strict=True)
        return np.array([self.game.loss(prices[:-1], prices[-1], x) for prices, x in each])


def compute(study: StackelbergPricingStudy, workspace: Workspace) -> Findings:
    """Designs prices, and compares what the leader loses with the best equilibria there are."""
    env, params = study.build()
    game = PricedCapacity(study.curvatures, target=study.target, highest_slope=study.highest_slope)
    variational, best = (
        PricedEquilibrium(**workspace.kept_on_host(name, function, game))
        for name, function in (
            ("best_variational", best_variational),
            ("best_of_all", best_of_all),
        )
    )
    designed = design(
        workspace,
        "prices",
        two_timescale(env, params, study.two_timescale),
        env,
        params,
        updates=study.updates,
        seeds=study.seeds,
        references={"best variational equilibrium": -variational.loss},
    )
    mechanisms = jnp.asarray(designed.mechanisms)
    taken: PricedQuantities = workspace.kept("quantities", policies_under, env, params, mechanisms)
    found = Priced(
        game,
        designed,
        np.asarray(taken.quantities, np.float64),
        np.asarray(taken.capacity_price, np.float64),
        variational,
        best,
    )
    return _findings(study, found)


def best_variational(game: PricedCapacity) -> dict[str, float | NDArray[np.float64]]:
    """As plain values."""
    return vars(game.best_variational_equilibrium())


def best_of_all(game: PricedCapacity) -> dict[str, float | NDArray[np.float64]]:
    """As plain values."""
    return vars(game.best_equilibrium())


def _findings(study: StackelbergPricingStudy, found: Priced) -> Findings:
    at, losses = found.designed.best, found.losses
    loss = float(losses[at])
    beside = f", where NashOpt's own run of the example ends at {NASHOPT_LOSS:.5f}"
    return Findings(
        headline=(
            f"With the prices that were designed the leader loses {loss:.6f}"
            f"{beside if study.is_nashopts else ''}; among equilibria in which capacity is worth "
            f"the same to all followers no less than {found.variational.loss:.6f} was found, among "
            f"all of them {found.best.loss:.6f}."
        ),
        estimates={
            "learned": statements.learned(found.designed.outcomes),
            "best seed": Estimate(-loss),
        },
        oracles={
            "best variational equilibrium": Oracle(-found.variational.loss, exact=False),
            "best of all equilibria": Oracle(-found.best.loss, exact=False),
        },
        certificates=_certificates(study, found, loss),
        learning_curves=(found.designed.curves,),
        tables=_tables(study, found),
        records=tuple(_records(found)),
    )


def _certificates(
    study: StackelbergPricingStudy, found: Priced, loss: float
) -> dict[str, Certificate]:
    outcomes = found.designed.outcomes
    certificates = {
        "equilibrium": statements.at_rest(outcomes.residual),
        "exploitability": statements.exploitability(found.gains, agent="follower"),
        "individual rationality": statements.takes_part(outcomes.utilities, agent="follower"),
        "best variational equilibrium": statements.reaches(
            "The leader's loss", loss, found.variational.loss, LOSS_TOLERANCE
        ),
    }
    if study.is_nashopts:
        is_less = loss < NASHOPT_LOSS
        certificates["better than NashOpt"] = Certificate(
            is_less,
            f"The leader loses {'less' if is_less else 'no less'} than the {NASHOPT_LOSS:.5f} that "
            "NashOpt's own run of the example ends at.",
            loss,
            NASHOPT_LOSS,
        )
    return certificates


def _tables(study: StackelbergPricingStudy, found: Priced) -> tuple[Table, Table]:
    at, game = found.designed.best, found.game
    mechanism, quantities = found.designed.mechanisms[at], found.quantities[at]
    designed = PricedEquilibrium(float(found.losses[at]), mechanism[:-1], mechanism[-1], quantities)
    shown = {
        "Designed": designed,
        "Best variational": found.variational,
        "Best of all": found.best,
    }
    rows = [
        (
            name,
            f"{one.loss:.6f}",
            f"{np.sum(one.quantities):.4f}",
            f"{one.slope:.4f}",
            f"{np.max(game.gains(one.prices, one.slope, one.quantities)):.0e}",
        )
        for name, one in shown.items()
    ]
    if study.is_nashopts:
        rows.append(("NashOpt 1.3.9", f"{NASHOPT_LOSS:.5f}", "", "", ""))
    of_followers = [
        (f"{number + 1}", f"{curvature:g}")
        + tuple(
            f"{numbers[number]:.5f}"
            for one in (designed, found.best)
            for numbers in (one.prices, one.quantities)
        )
        for number, curvature in enumerate(study.curvatures)
    ]
    return (
        Table(
            "What the leader loses",
            ("Equilibrium", "Loss", "Taken", "q", "Gain"),
            tuple(rows),
            (
                "Designed are the prices of the best seed, by slopes through the followers' "
                f"responses; a unit of capacity is worth {found.capacity_prices[at]:.5f} to each.",
                "The best variational equilibrium, in which capacity is worth the same to all, and "
                "the best of all are searched for without the environment, in NumPy. In the latter "
                "some followers may go without, as others leave them nothing.",
                "The gain is the largest that a follower would have from a best response to what "
                "the others take.",
            ),
        ),
        Table(
            "Followers, as designed and in the best equilibrium of all",
            ("Follower", "a", "Price", "Takes", "Price there", "Takes there"),
            tuple(of_followers),
        ),
    )


def _records(found: Priced) -> Iterator[Record]:
    followers = range(1, found.quantities.shape[1] + 1)
    yield from statements.records_of(
        found.designed.outcomes,
        found.designed.mechanisms,
        coefficients=[*(f"price_{number}" for number in followers), "slope"],
    )
    each = zip(found.losses.tolist(), found.gains.max(axis=-1).tolist(), strict=True)
    for seed, (loss, gain) in enumerate(each):
        yield Record("learned", "loss", loss, seed=seed)
        yield Record("learned", "largest_gain", gain, seed=seed)
    yield Record("best variational equilibrium", "loss", found.variational.loss)
    yield Record("best of all equilibria", "loss", found.best.loss)
