"""Thousands of emission taxes designed at once, and the same markets for a peer to solve.

Each design is a Cournot market of three firms with costs and damage of its own. The best tax is
where the slope of welfare in equilibrium is 0: Newton's method on the implicit gradient, with the
derivative of that through the equilibrium once more.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import optimistix
from compiling import compile_timed
from numpy.typing import NDArray
from turns import median_ratio, seconds_of_a_call

from jaxmech.agents import equilibrium
from jaxmech.environments.cournot import Cournot, params_of
from jaxmech.oracles.cournot import LinearCournot

INTERCEPT, CURVATURE, EMISSIONS = 10.0, 0.5, (1.0, 0.6, 0.2)

NEWTON = optimistix.Newton(rtol=1e-12, atol=1e-12)

BAR, MANY = 50.0, 1000
"""Designs a second of ours should be as many times those of NashOpt, without compiling, where so
many or more are designed at once."""

CLOSE = 1e-5
"""How far taxes and quantities may be from the closed form, and NashOpt's from ours."""

LEAST = 0.05
"""Seconds of a repetition of ours; short calls are repeated within it."""


@dataclass(frozen=True)
class Markets:
    """What tells the markets apart.

    Attributes:
      costs: float [designs, firms], of the first unit.
      damage: float [designs].
    """

    costs: NDArray[np.float64]
    damage: NDArray[np.float64]

    @classmethod
    def drawn(cls, number: int, seed: int = 0) -> Markets:
        """Markets in which the cheapest firm emits most, and all produce at the best tax."""
        random = np.random.default_rng(seed)
        costs = np.array([1.0, 2.0, 3.0]) + random.uniform(-0.5, 0.5, (number, 3))
        return cls(costs, random.uniform(0.5, 2.5, number))

    def known(self, design: int) -> LinearCournot:
        """Its closed form."""
        return LinearCournot(
            tuple(self.costs[design]),
            INTERCEPT,
            curvatures=CURVATURE,
            emissions=EMISSIONS,
            damage=float(self.damage[design]),
        )


@dataclass(frozen=True)
class Designs:
    """Taxes and what firms make under them.

    Attributes:
      taxes: float [designs].
      quantities: float [designs, firms].
    """

    taxes: NDArray[np.float64]
    quantities: NDArray[np.float64]


def best_tax(costs: jax.Array, damage: jax.Array) -> tuple[jax.Array, jax.Array]:
    """The best tax of one market, float [], and quantities in equilibrium, float [firms].

    Args:
      costs: float [firms].
      damage: float [].
    """
    game = Cournot()
    params = replace(
        params_of(intercept=INTERCEPT, curvatures=CURVATURE, emissions=EMISSIONS),
        costs=costs,
        damage=damage,
    )

    def welfare(tax: jax.Array) -> jax.Array:
        quantities = equilibrium(game, tax[None], params).point
        return game.objective(quantities, tax[None], params)

    slope = jax.grad(welfare)
    found = optimistix.root_find(
        lambda tax, _: slope(tax), NEWTON, jnp.zeros_like(damage), max_steps=20, throw=False
    )
    return found.value, equilibrium(game, found.value[None], params).point


def best_taxes(costs: jax.Array, damage: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Of many markets at once, float [designs] and float [designs, firms]."""
    return jax.vmap(best_tax)(costs, damage)


def known_designs(markets: Markets) -> Designs:
    """In closed form."""
    of_all = [markets.known(design) for design in range(len(markets.damage))]
    taxes = [one.best_tax() for one in of_all]
    quantities = [one.quantities(tax) for one, tax in zip(of_all, taxes, strict=True)]
    return Designs(np.asarray(taxes), np.asarray(quantities))


@dataclass(frozen=True)
class Rates:
    """Designs a second, of each repetition, and how far designs are apart.

    Attributes:
      ours: by the number of designs at once.
      compile_seconds: of ours, by the same.
      theirs: NashOpt's, one after another; empty where it is missing.
      theirs_compiled: the same without tracing, lowering and compiling.
      markets: how many ours are compared with the closed form in.
      our_error: the largest distance of taxes and quantities from the closed form in all of them.
      tax_distance, quantity_distance: the largest between theirs and ours, in one market of each
        repetition; NaN where it is missing.
    """

    ours: dict[int, list[float]]
    compile_seconds: dict[int, float]
    theirs: list[float]
    theirs_compiled: list[float]
    markets: int
    our_error: float
    tax_distance: float
    quantity_distance: float

    @property
    def many(self) -> int | None:
        """The least number at once from which on ``BAR`` is asked for; None where all are fewer."""
        return min((number for number in self.ours if number >= MANY), default=None)

    @property
    def times_theirs(self) -> float | None:
        """How many times NashOpt's designs a second, without compiling, ours are at ``many`` at
        once; None where NashOpt is missing or there are not so many."""
        if not self.theirs_compiled or self.many is None:
            return None
        return median_ratio(self.ours[self.many], self.theirs_compiled)

    @property
    def their_compile_seconds(self) -> list[float]:
        """NashOpt's, of each market."""
        pairs = zip(self.theirs, self.theirs_compiled, strict=True)
        return [1 / in_total - 1 / compiled for in_total, compiled in pairs]


def measure_markets(numbers: tuple[int, ...], repetitions: int, peer: bool) -> Rates:
    """Ours in batches and NashOpt on one market after another; they take turns.

    Args:
      numbers: of designs at once, in rising order.
      peer: whether NashOpt is there, which gets a market of the first so many in each repetition.
    """
    markets = Markets.drawn(max(*numbers, repetitions))
    known = known_designs(markets)
    costs, damage = jnp.asarray(markets.costs), jnp.asarray(markets.damage)
    compiled, compile_seconds = {}, {}
    for number in numbers:
        given = costs[:number], damage[:number]
        run, compile_seconds[number] = compile_timed(best_taxes, *given)
        compiled[number] = partial(run, *given)
    taxes, quantities = map(np.asarray, jax.jit(best_taxes)(costs, damage))
    rates: dict[int, list[float]] = {number: [] for number in numbers}
    theirs: list[float] = []
    theirs_compiled: list[float] = []
    distances: list[tuple[float, float]] = []
    for run in compiled.values():
        seconds_of_a_call(run)  # Warms up.
    for repetition in range(repetitions):
        for number, run in compiled.items():
            rates[number].append(number / seconds_of_a_call(run, LEAST))
        if peer:
            import nashopt_games

            found = nashopt_games.design_tax(
                markets.costs[repetition], float(markets.damage[repetition])
            )
            theirs.append(1 / found.seconds)
            theirs_compiled.append(1 / found.search_seconds)
            distances.append(
                (
                    float(np.abs(found.parameters[0] - taxes[repetition])),
                    float(np.max(np.abs(found.decisions - quantities[repetition]))),
                )
            )
    tax_distance, quantity_distance = np.max(distances, axis=0) if peer else (math.nan, math.nan)
    return Rates(
        ours=rates,
        compile_seconds=compile_seconds,
        theirs=theirs,
        theirs_compiled=theirs_compiled,
        markets=len(taxes),
        our_error=float(
            max(np.max(np.abs(taxes - known.taxes)), np.max(np.abs(quantities - known.quantities)))
        ),
        tax_distance=float(tax_distance),
        quantity_distance=float(quantity_distance),
    )
