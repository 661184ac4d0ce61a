"""Taxes designed for consumers, and what they are worth beside the best ones that were found."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import NDArray

from jaxmech import struct
from jaxmech.environments import IncentiveDesign, IncentiveDesignParams
from jaxmech.environments.consumer_tax import ConsumerTax
from jaxmech.experiments.incentives import statements
from jaxmech.experiments.incentives.climbing import climbed
from jaxmech.experiments.incentives.consumer_tax.configuration import ConsumerTaxStudy
from jaxmech.experiments.incentives.designing import (
    Designed,
    Outcomes,
    design,
    kept_outcomes,
    two_timescale,
)
from jaxmech.experiments.incentives.followers import FollowerCheck, follower_check
from jaxmech.experiments.workspace import Workspace
from jaxmech.reports.findings import Certificate, Estimate, Findings, Oracle, Record, Table

GAP_TOLERANCE = 0.02
"""Up to which the taxes that were designed count as the best ones found."""

BELLMAN_TOLERANCE = 1e-8
"""Up to which consumers' values count as optimal; values are of the order of 10 to 1,000."""

SLOPE_TOLERANCE = 1e-2
"""Up to which the best taxes found count as having no better neighbours; the objective is of the
order of 50, its slopes at the start of up to 40."""

BEST_KNOWN = {0.1: 54.745, 0.3: 56.016}
"""What the best taxes known are worth at each temperature: reference values that an independent
computation gave in double precision, on a grid of 201 points of assets, by climbing from
several starts. No proof that there is nothing better; the study climbs anew."""

BEST_KNOWN_ASSETS = 201
"""Points of the grid that those values are of."""

PEER_STEPS = 3e9
"""Steps of the environment, about, of one run of Thoma et al. (2024)."""


@struct.dataclass
class Checked:
    """Of consumers in equilibrium, every array [mechanisms, types].

    Attributes:
      policies: how well they act.
      utilities: expected, taxes included and entropy not.
      idle: what it is worth to do nothing: neither to work nor to spend.
    """

    policies: FollowerCheck
    utilities: jax.Array
    idle: jax.Array


@dataclass(frozen=True)
class Taxed:
    """What was found at one temperature.

    Attributes:
      designed: rates on each good and then on income, of each seed.
      best: rates, float [coefficients], that the quasi-Newton method found.
      gradients: that it took.
      slope: at the best rates, see ``jaxmech.experiments.incentives.climbing.climbed``.
      beside: of all rates alike and of the best ones, in this order.
      checked: of consumers under all these taxes.
    """

    designed: Designed
    best: NDArray[np.float64]
    gradients: int
    slope: float
    beside: Outcomes
    checked: Checked

    @property
    def at_start(self) -> float:
        """What rates that are all alike are worth."""
        return float(np.asarray(self.beside.objective)[0])

    @property
    def highest(self) -> float:
        """What the best rates found are worth."""
        return float(np.asarray(self.beside.objective)[1])

    @property
    def reached(self) -> float:
        """What the best of the rates that were designed are worth."""
        return float(np.asarray(self.designed.outcomes.objective)[self.designed.best])

    @property
    def rates(self) -> NDArray[np.float64]:
        """The best of those that were designed, float [coefficients]."""
        rates: NDArray[np.float64] = self.designed.mechanisms[self.designed.best]
        return rates


def compute(study: ConsumerTaxStudy, workspace: Workspace) -> Findings:
    """Designs taxes at each temperature, and searches for the best ones."""
    return _findings(study, {each: _taxed(study, workspace, each) for each in study.temperatures})


def checked(env: IncentiveDesign, params: IncentiveDesignParams, mechanisms: jax.Array) -> Checked:
    """What consumers get and could get under each tax, float [mechanisms, coefficients].

    Returns:
      Every array [mechanisms, types].
    """
    game, numbers = env.game, params.game
    assert isinstance(game, ConsumerTax)
    plain = replace(numbers, temperature=jnp.zeros_like(numbers.temperature))
    totals = game.choices.totals
    nothing = jnp.asarray((game.choices.hours == 0) & (totals == 0), numbers.preferences.dtype)

    def of(mechanism: jax.Array) -> Checked:
        policies = game.equilibrium(mechanism, numbers).point

        def of_type(
            preferences: jax.Array, actions: jax.Array, baskets: jax.Array
        ) -> FollowerCheck:
            process = game.process(preferences, mechanism, numbers)
            # Rewards of the process count the entropy of how totals are divided.
            nats = game.choices.divides @ jax.scipy.special.entr(baskets)
            return follower_check(
                process,
                actions,
                numbers.temperature,
                plain=game.process(preferences, mechanism, plain),
                earned=process.rewards - numbers.temperature * nats[totals][None],
            )

        idle = replace(policies, actions=jnp.broadcast_to(nothing, policies.actions.shape))
        return Checked(
            jax.vmap(of_type)(numbers.preferences, policies.actions, policies.baskets),
            game.utilities(policies, mechanism, numbers),
            game.utilities(idle, mechanism, numbers),
        )

    return jax.lax.map(of, mechanisms)


def _taxed(study: ConsumerTaxStudy, workspace: Workspace, temperature: float) -> Taxed:
    name = f"temperature_{temperature:g}"
    env, params = study.build(temperature, study.assets)
    (size,) = env.action_space(params).shape
    start = np.full(size, study.start_rate)
    found = workspace.kept_on_host(f"{name}_best", climbed, env, params, start)
    designed = design(
        workspace,
        name,
        two_timescale(*study.build(temperature, study.design_assets), study.two_timescale),
        env,
        params,
        updates=study.updates,
        seeds=study.seeds,
        label=f"temperature {temperature:g}",
        references={"best found": found["objective"]},
    )
    two = np.stack([start, found["mechanism"]])
    beside = kept_outcomes(workspace, f"{name}_beside", env, params, two)
    mechanisms = jnp.asarray(np.concatenate([two, designed.mechanisms]))
    consumers: Checked = workspace.kept(f"{name}_checked", checked, env, params, mechanisms)
    return Taxed(
        designed,
        found["mechanism"],
        found["gradients"],
        found["slope"],
        beside,
        jax.tree.map(np.asarray, consumers),
    )


def _findings(study: ConsumerTaxStudy, found: dict[float, Taxed]) -> Findings:
    by_name = {f"temperature {temperature:g}": one for temperature, one in found.items()}
    reached = ", ".join(
        f"{one.reached:.3f} at {name} (rates of {study.start_rate:g}: {one.at_start:.3f}; best "
        f"found: {one.highest:.3f})"
        for name, one in by_name.items()
    )
    estimates: dict[str, Estimate] = {}
    oracles: dict[str, Oracle] = {}
    for name, one in by_name.items():
        estimates[f"{name}/learned"] = statements.learned(one.designed.outcomes)
        estimates[f"{name}/best seed"] = Estimate(one.reached)
        estimates[f"{name}/rates of {study.start_rate:g}"] = Estimate(one.at_start)
        oracles[f"{name}/best found"] = Oracle(one.highest, exact=False)
    known = {
        f"temperature {temperature:g}": BEST_KNOWN[temperature]
        for temperature in found
        if temperature in BEST_KNOWN and study.assets == BEST_KNOWN_ASSETS
    }
    oracles |= {f"{name}/best known": Oracle(best, exact=False) for name, best in known.items()}
    return Findings(
        headline=f"Taxes that were designed without a step of the environment: {reached}.",
        estimates=estimates,
        oracles=oracles,
        certificates=_certificates(by_name, known),
        learning_curves=tuple(one.designed.curves for one in found.values()),
        tables=_tables(study, found),
        records=tuple(_records(by_name)),
    )


def _certificates(found: dict[str, Taxed], known: dict[str, float]) -> dict[str, Certificate]:
    several = found.values()
    slope = float(np.max([one.slope for one in several]))
    near = {
        f"{name}, best found": statements.no_worse(
            "What the taxes that were designed are worth", one.reached, one.highest, GAP_TOLERANCE
        )
        for name, one in found.items()
    }
    near |= {
        f"{name}, best known": statements.no_worse(
            "What the taxes that were designed are worth", found[name].reached, best, GAP_TOLERANCE
        )
        for name, best in known.items()
    }
    return near | {
        "equilibrium": statements.at_rest(
            *(part.residual for one in several for part in (one.designed.outcomes, one.beside))
        ),
        **statements.followers_act_well(
            [one.checked.policies for one in several],
            agent="consumer",
            residual_tolerance=BELLMAN_TOLERANCE,
        ),
        "individual rationality": _takes_part(several),
        "stationarity": Certificate(
            slope <= SLOPE_TOLERANCE,
            f"At the best taxes found, slopes that do not lead out of bounds are {slope:.1e} at "
            "most.",
            slope,
            SLOPE_TOLERANCE,
        ),
    }


def _takes_part(found: Iterable[Taxed]) -> Certificate:
    """Taxes have no outside option; who would have none of them neither works nor spends."""
    slack = float(
        np.min([np.min(np.subtract(one.checked.utilities, one.checked.idle)) for one in found])
    )
    return Certificate(
        slack >= 0,
        f"Every consumer expects at least {slack:.3g} more, taxes included and entropy not, than "
        "who neither works nor spends."
        if slack >= 0
        else f"Some consumer expects {-slack:.3g} less, taxes included and entropy not, than who "
        "neither works nor spends.",
        slack,
        0.0,
    )


def _tables(study: ConsumerTaxStudy, found: dict[float, Taxed]) -> tuple[Table, Table]:
    worth, rates = [], []
    of_seed = f"{study.updates:,}"
    for temperature, one in found.items():
        worth.append(
            (
                f"{temperature:g}",
                f"{one.at_start:.3f}",
                f"{one.reached:.4f}",
                f"{one.highest:.4f}",
                f"{one.highest - one.reached:.4f}",
            )
        )
        for name, mechanism, gradients in (
            ("designed", one.rates, of_seed),
            ("best found", one.best, f"{one.gradients:,}"),
        ):
            numbers = tuple(f"{rate:.4f}" for rate in mechanism)
            rates.append((f"{temperature:g}", name, *numbers, gradients))
    goods = tuple(f"Good {number}" for number in range(1, len(rates[0]) - 3))
    return (
        Table(
            "What taxes are worth",
            ("Temperature", f"Rates of {study.start_rate:g}", "Designed", "Best found", "Gap"),
            tuple(worth),
            (
                f"Expected, in equilibrium on a grid of {study.assets} assets, of consumption and "
                f"revenue. Designed are the taxes of the best seed, of {study.seeds}, on a grid of "
                f"{study.design_assets} assets, by slopes through consumers' responses.",
                "The best found are those where L-BFGS-B ends, on the finer grid, from rates of "
                f"{study.start_rate:g}.",
            ),
        ),
        Table(
            "Rates, and gradients that they took",
            ("Temperature", "Taxes", *goods, "Income", "Gradients"),
            tuple(rates),
            (
                "For each gradient of the best found, consumers' problem is solved once; the "
                "designer's consumers respond once for each of its own, of which every seed takes "
                "as many.",
                "None takes a step of the environment. A run of Thoma et al. (2024), whose "
                f"consumers learn and so are others, takes about {PEER_STEPS:,.0f}.",
            ),
        ),
    )


def _records(found: dict[str, Taxed]) -> Iterator[Record]:
    for cell, one in found.items():
        coefficients = [*(f"rate_on_good_{place + 1}" for place in range(one.best.size - 1))]
        coefficients.append("rate_on_income")
        yield from statements.records_of(
            one.designed.outcomes, one.designed.mechanisms, cell=cell, coefficients=coefficients
        )
        beside = zip(("equal rates", "best found"), one.beside.objective.tolist(), strict=True)
        for scheme, objective in beside:
            yield Record(scheme, "objective", objective, cell=cell)
        for name, rate in zip(coefficients, one.best.tolist(), strict=True):
            yield Record("best found", name, rate, cell=cell)
        yield Record("best found", "gradients", one.gradients, cell=cell)
        yield Record("best found", "slope", one.slope, cell=cell)
        policies = one.checked.policies
        for metric, values in (
            ("bellman_residual", policies.residual),
            ("smoothed_gain", policies.smoothed_gain),
            ("gain", policies.gain),
        ):
            yield Record("all", metric, float(np.max(np.asarray(values))), cell=cell)
