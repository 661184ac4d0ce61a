"""Two games of NashOpt's examples, solved here and by it, with one check of best responses for all.

Linear Cournot competition of ten firms, and a leader who prices a capacity that eight followers
share. There followers' prices of capacity may differ in NashOpt's equilibria, the generalised ones,
and are equal in the one that ``jaxmech`` finds, the variational one. A leader who may pick among
the generalised ones does better, and is solved for as well.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import jax
import jax.numpy as jnp
import numpy as np
from compiling import compile_timed
from leaders import best_mechanism, in_equilibrium
from numpy.typing import NDArray

from jaxmech.agents import equilibrium
from jaxmech.environments.cournot import Cournot
from jaxmech.environments.cournot import params_of as cournot_params
from jaxmech.environments.stackelberg_pricing import PricedQuantities, StackelbergPricing
from jaxmech.environments.stackelberg_pricing import params_of as pricing_params
from jaxmech.oracles.stackelberg_pricing import PricedCapacity

FIRMS = 10
COURNOT = 74.0 + 1 / 11 - 5 * np.arange(FIRMS)
"""Its equilibrium, in closed form: ``600 - 10 (1 + i / 2) - S`` with the sum ``S`` 5675 / 11."""

PRICED = PricedCapacity()
"""The oracle of the pricing game, whose defaults are NashOpt's example."""

BEST_VARIATIONAL, BEST_GENERALISED = 0.520965, 0.437355
"""The leader's least cost over all variational and over all generalised equilibria, as the oracle
finds them by other means."""

OURS = "jaxmech"
PICKED = "jaxmech, the best generalised one"
EXAMPLE = "NashOpt, as in its example"
LONGER = "NashOpt, its default penalty, 2,000 evaluations"


@dataclass(frozen=True)
class Answer:
    """What one solver says.

    Attributes:
      decisions: float [players].
      cost: of the leader; 0 where there is none.
      gain: the most that a player gains by another decision of its own.
      seconds: of the search, without compiling.
      compile_seconds: tracing, lowering and compiling.
    """

    decisions: NDArray[np.float64]
    cost: float
    gain: float
    seconds: float
    compile_seconds: float


def cournot_gain(quantities: NDArray[np.float64]) -> float:
    """The most that a firm earns more by another quantity of its own."""
    left = 600 - 10 * (1 + np.arange(FIRMS) / 2) - (np.sum(quantities) - quantities)

    def profits(own: NDArray[np.float64]) -> NDArray[np.float64]:
        return (left - own) * own

    return float(np.max(profits(np.clip(left / 2, 7, 100)) - profits(quantities)))


def pricing_gain(mechanism: NDArray[np.float64], quantities: NDArray[np.float64]) -> float:
    """The most that a follower saves by taking another part of what the others leave."""
    return float(np.max(PRICED.gains(mechanism[:-1], float(mechanism[-1]), quantities)))


def our_cournot() -> Answer:
    """The equilibrium of ``jaxmech``'s market without emissions."""
    game = Cournot()
    params = cournot_params(
        [10 * (1 + i / 2) for i in range(FIRMS)],
        intercept=600,
        curvatures=0,
        emissions=0,
        damage=0,
        lowest=7,
        highest=100,
    )
    run, compile_seconds = compile_timed(
        lambda tax: equilibrium(game, tax, params).point, jnp.zeros(1)
    )
    start = time.perf_counter()
    quantities = np.asarray(jax.block_until_ready(run(jnp.zeros(1))))
    seconds = time.perf_counter() - start
    return Answer(quantities, 0.0, cournot_gain(quantities), seconds, compile_seconds)


def our_pricing(starts: int = 4) -> Answer:
    """The best mechanism of several starts, the first of which is that of NashOpt's example."""
    params = pricing_params(PRICED.curvatures)
    value = in_equilibrium(StackelbergPricing(), params)

    def played(mechanism: jax.Array) -> tuple[jax.Array, jax.Array]:
        quantities = equilibrium(StackelbergPricing(), mechanism, params).point.quantities
        return mechanism, quantities

    return _led(value, played, starts)


def picked_pricing(starts: int = 8) -> Answer:
    """The best of all generalised equilibria that were found from several starts.

    Where all of the capacity is taken, followers who are charged less and whose capacity is worth
    more by as much take the same. So quantities are those of the variational equilibrium at some
    prices, and each price is then lowered, if the leader likes that better.
    """
    game, params = StackelbergPricing(), pricing_params(PRICED.curvatures)

    def played(mechanism: jax.Array) -> tuple[jax.Array, jax.Array]:
        point = equilibrium(game, mechanism, params).point
        highest = mechanism[:-1] + point.capacity_price
        # Departures are quadratic in a price, and revenue is linear.
        ideal = params.usual_price + (
            params.revenue_weight / (2 * params.departure_cost) * point.quantities
        )
        lowered = jnp.clip(jnp.minimum(highest, ideal), params.lowest_price, 0)
        prices = jnp.where(point.capacity_price > 0, lowered, mechanism[:-1])
        return jnp.append(prices, mechanism[-1]), point.quantities

    def value(mechanism: jax.Array) -> jax.Array:
        charged, quantities = played(mechanism)
        policies = PricedQuantities(quantities, jnp.zeros(()))
        return game.objective(policies, charged, params)

    return _led(value, played, starts)


def _led(
    value: Callable[[jax.Array], jax.Array],
    played: Callable[[jax.Array], tuple[jax.Array, jax.Array]],
    starts: int,
) -> Answer:
    """Of the pricing game.

    Args:
      value: to the leader, of a mechanism that is searched.
      played: what followers are charged, float [followers + 1], and take, float [followers].
    """
    space = StackelbergPricing().mechanism_space(pricing_params(PRICED.curvatures))
    low, high = np.asarray(space.low), np.asarray(space.high)
    drawn = np.random.default_rng(0).uniform(low, high, (starts - 1, low.size))
    led = best_mechanism(value, space, np.concatenate([[(low + high) / 2], drawn]))
    charged, quantities = map(np.asarray, jax.jit(played)(jnp.asarray(led.mechanism)))
    gain = pricing_gain(charged, quantities)
    return Answer(quantities, -led.value, gain, led.seconds, led.compile_seconds)


def their_cournot() -> Answer:
    """NashOpt's equilibrium."""
    import nashopt_games

    found = nashopt_games.linear_cournot(FIRMS)
    return Answer(
        found.decisions,
        0.0,
        cournot_gain(found.decisions),
        found.search_seconds,
        found.compile_seconds,
    )


def their_pricing(rho: float, max_evaluations: int) -> Answer:
    """NashOpt's design."""
    import nashopt_games

    found = nashopt_games.stackelberg_pricing(
        PRICED.curvatures, rho=rho, max_evaluations=max_evaluations
    )
    return Answer(
        found.decisions,
        found.objective,
        pricing_gain(found.parameters, found.decisions),
        found.search_seconds,
        found.compile_seconds,
    )


def solve_in_turns(solvers: dict[str, Callable[[], Answer]], repetitions: int) -> dict[str, Answer]:
    """Each one's answer, with the median of its times; solvers take turns."""
    answers: dict[str, list[Answer]] = {name: [] for name in solvers}
    for _ in range(repetitions):
        for name, solve in solvers.items():
            answers[name].append(solve())
    return {name: _with_medians(of_one) for name, of_one in answers.items()}


def _with_medians(answers: Sequence[Answer]) -> Answer:
    return replace(
        answers[-1],
        seconds=statistics.median(answer.seconds for answer in answers),
        compile_seconds=statistics.median(answer.compile_seconds for answer in answers),
    )


def measure_games(repetitions: int, peer: bool) -> tuple[dict[str, Answer], dict[str, Answer]]:
    """Answers to the Cournot game and to the pricing game, by solver.

    Args:
      peer: whether NashOpt is there.
    """
    cournot: dict[str, Callable[[], Answer]] = {OURS: our_cournot}
    pricing: dict[str, Callable[[], Answer]] = {OURS: our_pricing, PICKED: picked_pricing}
    if peer:
        cournot[EXAMPLE] = their_cournot
        pricing[EXAMPLE] = lambda: their_pricing(1e8, 200)
        pricing[LONGER] = lambda: their_pricing(1e5, 2000)
    return solve_in_turns(cournot, repetitions), solve_in_turns(pricing, repetitions)
