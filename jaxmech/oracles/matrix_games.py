"""Normal forms whose players may be paid: the best welfare, and the best that errors leave.

Players choose by logit at a temperature. A player who is paid ``w_a`` for its action ``a``, at most
``bound`` in size, can be made to choose with any probabilities ``p_a`` for which
``temperature log p_a - u_a`` differs by no more than ``2 bound`` between two actions, where ``u_a``
is what ``a`` earns while the others do as they do. So the best quantal response equilibrium under
bounded payments is a program over probabilities alone. Payments that depend on the others' actions
as well do no better. Everything is NumPy, float64.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import optimize, special

from jaxmech import checks

Floats = NDArray[np.float64]

RANDOM_STARTS = 4
"""Of the search, besides one near each joint action and one in the middle."""


@dataclass(frozen=True)
class PaidPlayers:
    """The best that was found.

    Attributes:
      welfare: expected payoffs without payments, weighted and summed.
      policies: of each player float [actions], probabilities.
      payments: of each player float [actions], under which those are a quantal response
        equilibrium; there may be others under the same payments.
    """

    welfare: float
    policies: tuple[Floats, ...]
    payments: tuple[Floats, ...]


def best_welfare(payoffs: ArrayLike, weights: ArrayLike | None = None) -> float:
    """The highest sum of payoffs, weighted, over joint actions; drawing among them is no better.

    Args:
      payoffs: float [players, actions of the first, ..., actions of the last].
      weights: float [players], all 1 unless given.
    """
    return float(np.max(_weighted(np.asarray(payoffs, np.float64), weights)))


def best_quantal_response(
    payoffs: ArrayLike,
    *,
    temperature: float,
    bound: float,
    weights: ArrayLike | None = None,
) -> PaidPlayers:
    """The highest welfare of a quantal response equilibrium under payments for actions.

    Sequential quadratic programming from several starts: the best found.

    Args:
      payoffs: float [players, actions of the first, ..., actions of the last].
      temperature: of the players, above 0.
      bound: on the size of each payment, from 0.
      weights: float [players], of each payoff in welfare, all 1 unless given.

    Raises:
      ValueError: a number out of range, or axes of payoffs that are not those.
    """
    table = np.asarray(payoffs, np.float64)
    sizes = table.shape[1:]
    checks.shape("payoffs", table, "[players, actions of each]", (len(sizes), *sizes))
    checks.number("temperature", temperature, above=0)
    checks.number("bound", bound, low=0)
    welfare = _weighted(table, weights)
    ends = np.cumsum(sizes)[:-1]
    # Probabilities that payments can lead to are no smaller than this; nor need any be.
    most = (2 * bound + float(np.ptp(table))) / temperature

    def policies_of(logits: Floats) -> list[Floats]:
        return [special.softmax(part) for part in np.split(logits, ends)]

    def expected(logits: Floats) -> float:
        return float(_expected(welfare, policies_of(logits), None))

    def wanted(logits: Floats) -> list[Floats]:
        """Payments of each player for each action, but for a constant, float [actions]."""
        policies = policies_of(logits)
        return [
            temperature * special.log_softmax(part) - _expected(table[player], policies, player)
            for player, part in enumerate(np.split(logits, ends))
        ]

    def room(logits: Floats) -> Floats:
        """What each difference between two payments of a player is below the largest."""
        apart = [np.subtract.outer(one, one) for one in wanted(logits)]
        return 2 * bound - np.concatenate([np.ravel(one) for one in apart])

    found: list[tuple[float, Floats]] = []
    for start in _starts(sizes, most):
        result = optimize.minimize(
            lambda logits: -expected(logits),
            start,
            method="SLSQP",
            bounds=[(-most, most)] * int(np.sum(sizes)),
            constraints=[{"type": "ineq", "fun": room}],
            options={"ftol": 1e-14, "maxiter": 200},
        )
        if np.min(room(result.x)) >= -1e-8:
            found.append((expected(result.x), result.x))
    value, logits = max(found, key=lambda one: one[0])
    payments = [one - (np.max(one) + np.min(one)) / 2 for one in wanted(logits)]
    return PaidPlayers(value, tuple(policies_of(logits)), tuple(payments))


def _starts(sizes: tuple[int, ...], most: float) -> list[Floats]:
    generator = np.random.default_rng(0)
    count = int(np.sum(sizes))
    middle = [np.zeros(count)]
    high = min(most, 2.0)
    near = [
        np.concatenate([high * np.eye(size)[one] for size, one in zip(sizes, joint, strict=True)])
        for joint in product(*(range(size) for size in sizes))
    ]
    drawn = list(generator.normal(size=(RANDOM_STARTS, count)))
    return [*middle, *near, *drawn]


def _weighted(payoffs: Floats, weights: ArrayLike | None) -> Floats:
    shares = np.ones(len(payoffs)) if weights is None else np.asarray(weights, np.float64)
    return np.asarray(np.tensordot(shares, payoffs, axes=1), np.float64)


def _expected(values: Floats, policies: list[Floats], kept: int | None) -> Any:
    """The mean over what all players do, or of all but one of them: then float [its actions]."""
    for player in reversed(range(len(policies))):
        if player != kept:
            values = np.tensordot(values, policies[player], axes=(player, 0))
    return values
