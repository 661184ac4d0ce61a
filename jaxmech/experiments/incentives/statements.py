"""What studies of incentives say of designed mechanisms: certificates, estimates and records.

Arrays are NumPy's, of mechanisms that were judged by ``jaxmech.experiments.incentives.designing``.
Nothing here imports jax.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from jaxmech.intervals import mean_of
from jaxmech.reports.findings import Certificate, Estimate, Record

RESIDUAL_TOLERANCE = 1e-8
"""Up to which agents count as responding to themselves."""

GAIN_TOLERANCE = 1e-8
"""Up to which agents count as gaining nothing."""


class Judged(Protocol):
    """Of mechanisms in equilibrium, see ``jaxmech.experiments.incentives.designing.Outcomes``."""

    @property
    def objective(self) -> ArrayLike: ...
    @property
    def utilities(self) -> ArrayLike: ...
    @property
    def residual(self) -> ArrayLike: ...


class CheckedFollowers(Protocol):
    """See ``jaxmech.experiments.incentives.followers.FollowerCheck``; arrays of any shape."""

    @property
    def residual(self) -> ArrayLike: ...
    @property
    def smoothed_gain(self) -> ArrayLike: ...
    @property
    def gain(self) -> ArrayLike: ...
    @property
    def allowance(self) -> ArrayLike: ...


def at_rest(*residuals: ArrayLike, tolerance: float = RESIDUAL_TOLERANCE) -> Certificate:
    """Whether agents respond to themselves, under all mechanisms.

    Args:
      residuals: float [...] each, by how much one more response changes their policies.
    """
    largest = float(np.max(_all(residuals)))
    holds = largest <= tolerance
    statement = (
        "Agents respond to themselves, with every mechanism in the table."
        if holds
        else f"With some mechanism in the table one more response changes what agents do by "
        f"{largest:.1e}: what it is said to be worth is not that of an equilibrium."
    )
    return Certificate(holds, statement, largest, tolerance)


def on_principal_branch(*arrived: ArrayLike) -> Certificate:
    """Whether all equilibria are those of the principal branch, which is followed to select them.

    Args:
      arrived: bool [...] each, whether the branch was followed to its end.
    """
    lost = int(np.sum(_all(arrived) == 0))
    statement = (
        "Every equilibrium is that of the principal branch, followed from agents who choose at "
        "random down to the temperature."
        if lost == 0
        else f"Of {lost} equilibria it is not known that they are on the principal branch, which "
        "was lost on the way to them."
    )
    return Certificate(lost == 0, statement, float(lost), 0.0)


def takes_part(
    *utilities: ArrayLike,
    outside_option: ArrayLike = 0.0,
    agent: str = "agent",
    tolerance: float = 0.0,
) -> Certificate:
    """Whether no agent would rather stay away, under any of the mechanisms.

    Args:
      utilities: float [..., agents] each, expected, transfers included.
      outside_option: what staying away is worth, a number or float [agents].
      agent: what agents are called.
      tolerance: what they may lack, for rounding.
    """
    lowest = float(np.min(_all([np.subtract(one, outside_option) for one in utilities])))
    holds = lowest >= -tolerance
    statement = (
        f"No {agent} expects less than from staying away, transfers included."
        if holds
        else f"Some {agent} expects {-lowest:.3g} less than from staying away, transfers included: "
        "it would rather do so, unless it is paid as much."
    )
    return Certificate(holds, statement, lowest, -tolerance)


def exploitability(
    *gains: ArrayLike, tolerance: float = GAIN_TOLERANCE, agent: str = "agent"
) -> Certificate:
    """Whether no agent gains by doing what is best for it, while the others go on.

    Args:
      gains: float [..., agents] each, of a best response; boundedly rational agents have some.
      tolerance: what such agents may leave, in the units of their utilities.
      agent: what agents are called.
    """
    largest = float(np.max(_all(gains)))
    holds = largest <= tolerance
    bound = "no more than" if holds else "as much as"
    statement = (
        f"By a best response to the others some {agent} would gain {bound} {largest:.3g}; "
        f"allowed are {tolerance:.3g}."
    )
    return Certificate(holds, statement, largest, tolerance)


def followers_act_well(
    checked: Sequence[CheckedFollowers], *, agent: str, residual_tolerance: float
) -> dict[str, Certificate]:
    """Whether smoothed agents solve their decision processes, and what a best policy would add.

    Args:
      agent: what agents are called.
      residual_tolerance: up to which values count as solved, in units of reward.
    """
    residual, smoothed = (
        float(np.max(_all([getattr(one, name) for one in checked])))
        for name in ("residual", "smoothed_gain")
    )
    gain, allowance = _most_above([one.gain for one in checked], checked)
    return {
        "Bellman equation": Certificate(
            residual <= residual_tolerance,
            f"One more sweep of value iteration changes no value of a {agent} by more than "
            f"{residual:.1e}, with entropy and without it.",
            residual,
            residual_tolerance,
        ),
        "exploitability, entropy counted": Certificate(
            smoothed <= GAIN_TOLERANCE,
            f"By another policy a {agent} gains no more than {smoothed:.1e}, from any state on, "
            "where entropy counts as its temperature says.",
            smoothed,
            GAIN_TOLERANCE,
        ),
        "exploitability": Certificate(
            gain <= allowance + GAIN_TOLERANCE,
            f"By a best policy, where entropy does not count, a {agent} would gain up to "
            f"{gain:.3g} from some state on; its entropy can be worth {allowance:.3g}.",
            gain,
            allowance + GAIN_TOLERANCE,
        ),
    }


def true_to_type(
    *gains: ArrayLike, checked: Sequence[CheckedFollowers], agent: str, type_word: str
) -> Certificate:
    """Whether smoothed agents gain by acting as another type no more than their entropy is worth.

    Args:
      gains: float [...] each, the most that an agent of each type would gain, entropy not counted.
      checked: of the same agents; arrays of the shapes of ``gains``.
      agent: what agents are called.
      type_word: what a type is called.
    """
    gain, allowance = _most_above(gains, checked)
    said = (
        f"would lose {-gain:.3g} at least"
        if gain < 0
        else f"would gain {gain:.3g} at most; its entropy can be worth {allowance:.3g}"
    )
    return Certificate(
        gain <= allowance + GAIN_TOLERANCE,
        f"By acting as one of another {type_word}, where entropy does not count, a {agent} {said}.",
        gain,
        allowance + GAIN_TOLERANCE,
    )


def _most_above(
    gains: Sequence[ArrayLike], checked: Sequence[CheckedFollowers]
) -> tuple[float, float]:
    """The gain that is most above its allowance, or least below, and that allowance."""
    each, allowed = _all(gains), _all([one.allowance for one in checked])
    # A gain that is no number is the largest.
    worst = int(np.argmax(each - allowed))
    return float(each[worst]), float(allowed[worst])


def truthful(*regrets: ArrayLike, type_word: str = "type") -> Certificate:
    """Whether nobody would name another type to a mechanism that then acts by these policies.

    Args:
      regrets: float [...] each, the most that an agent gains by acting as another type.
      type_word: what a type is called.
    """
    largest = float(np.max(_all(regrets)))
    holds = largest <= GAIN_TOLERANCE
    statement = (
        f"No agent gains by acting as from another {type_word}."
        if holds
        else f"By acting as from another {type_word} some agent would gain {largest:.3g}."
    )
    return Certificate(holds, statement, largest, GAIN_TOLERANCE)


def reaches(what: str, value: float, known: float, tolerance: float) -> Certificate:
    """Whether a value that was found is the known one.

    Args:
      what: the subject of the statement, such as ``"The tax that was designed"``.
    """
    distance = abs(value - known)
    return Certificate(
        bool(distance <= tolerance),
        f"{what} is {value:.7g}, and known is {known:.7g}: a difference of {distance:.1e}.",
        distance,
        tolerance,
    )


def no_worse(
    what: str, value: float, best: float, tolerance: float, *, rounding: float = 1e-9
) -> Certificate:
    """Whether a value is at least the best one known, which may itself be beaten.

    Args:
      what: the subject of the statement, such as ``"Welfare under the payments"``.
      rounding: by which the best one known may be off; a value beats it by more than that.
    """
    lacking = best - value
    compared = f"{lacking:.1e} less" if lacking > 0 else "no less"
    if lacking < -rounding:
        compared = f"{-lacking:.1e} more, so that it is beaten"
    return Certificate(
        bool(lacking <= tolerance),
        f"{what} is {value:.7g}, and the best known is {best:.7g}: {compared}.",
        lacking,
        tolerance,
    )


def learned(judged: Judged) -> Estimate:
    """The objective over seeds, and of each."""
    return over_seeds(judged.objective)


def over_seeds(values: ArrayLike) -> Estimate:
    """The mean of what each seed came to, float [seeds], and each of them."""
    of_seeds = np.asarray(values, np.float64)
    mean = mean_of(of_seeds)
    return Estimate(mean.mean, mean.half_width, tuple(of_seeds.tolist()), over="seeds")


def records_of(
    judged: Judged,
    mechanisms: ArrayLike | None = None,
    *,
    scheme: str = "learned",
    cell: str = "",
    of_seeds: bool = True,
    coefficients: Sequence[str] | None = None,
) -> Iterator[Record]:
    """Tidy rows of mechanisms: objective, lowest utility, residual, coefficients.

    Args:
      judged: what the mechanisms are worth, one or several.
      mechanisms: float [mechanisms, coefficients]; none of their numbers where None.
      scheme, cell: of the records.
      of_seeds: whether they were designed by one seed each; their mean objective has a row then.
      coefficients: what the numbers of a mechanism are called; ``coefficient_1`` and so on unless
        given.
    """
    if of_seeds:
        mean = learned(judged)
        yield Record(scheme, "objective", mean.mean, mean.half_width, cell=cell)
    several: NDArray[np.float64] = np.atleast_1d(np.asarray(judged.objective, np.float64))
    each = {
        "objective": several,
        "lowest_utility": np.asarray(judged.utilities).min(axis=-1).reshape(several.shape),
        "residual": np.asarray(judged.residual).reshape(several.shape),
    }
    if mechanisms is not None:
        numbers = np.asarray(mechanisms, np.float64).reshape(several.size, -1)
        names = coefficients or [f"coefficient_{place + 1}" for place in range(numbers.shape[1])]
        each |= dict(zip(names, numbers.T, strict=True))
    for metric, values in each.items():
        for number, value in enumerate(values.tolist()):
            yield Record(scheme, metric, value, cell=cell, seed=number if of_seeds else None)


def _all(arrays: Sequence[ArrayLike]) -> NDArray[np.float64]:
    """All their numbers, float [numbers]."""
    return np.concatenate([np.ravel(np.asarray(one, np.float64)) for one in arrays])
