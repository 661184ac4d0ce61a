"""What buyers were seen to choose from, and what they chose, checked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from jaxmech import checks
from jaxmech.agents.sellers.logit_likelihood import Floats, Truths
from jaxmech.checks import InvalidValueError


@dataclass(frozen=True)
class ObservedChoices:
    """Occasions on which buyers chose among the alternatives at hand.

    Attributes:
      names: of the covariates.
      covariates: float64 [occasions, alternatives, covariates], 0 of alternatives not at hand.
      counts: float64 [occasions, alternatives], how many buyers chose each.
      at_hand: bool [occasions, alternatives].
    """

    names: tuple[str, ...]
    covariates: Floats
    counts: Floats
    at_hand: Truths

    @property
    def mean_covariates(self) -> Floats:
        """Over the buyers to whom an alternative was at hand, [alternatives, covariates]."""
        weights = self.at_hand * self.counts.sum(axis=1, keepdims=True)
        buyers = np.maximum(weights.sum(axis=0), np.finfo(float).tiny)
        return np.asarray(np.einsum("oa,oak->ak", weights / buyers, self.covariates))


def observed_choices(
    covariates: ArrayLike,
    choices: ArrayLike,
    available: ArrayLike | None,
    names: Sequence[str] | None,
) -> ObservedChoices:
    """Those of the arguments, which are as for ``fit_conditional_logit``.

    Raises:
      ValueError: wrong shapes or types, fewer than two alternatives, no choices, numbers that are
        not finite, the choice of an alternative that is not at hand.
    """
    values = _array("covariates", covariates)
    if values.ndim != 3 or 0 in values.shape or values.shape[1] < 2:
        rule = "[occasions, alternatives, covariates], at least 1, 2 and 1 of them"
        raise InvalidValueError("covariates", values, rule, got=f"shape {values.shape}")
    labels = _names(names, values.shape[2])
    at_hand = _mask(available, values.shape[:2])
    values = np.where(at_hand[..., None], values, 0).astype(np.float64)
    bad = np.argwhere(~np.isfinite(values))
    if len(bad):
        occasion, alternative, which = bad[0]
        raise InvalidValueError(
            f"covariates: occasion {occasion}, alternative {alternative}, {labels[which]!r}",
            values[occasion, alternative, which],
            "finite numbers",
        )
    return ObservedChoices(labels, values, _counts(choices, at_hand), at_hand)


def _array(field: str, values: ArrayLike) -> NDArray[Any]:
    try:
        array = np.asarray(values)
    except ValueError:
        array = np.empty(0, object)
    if array.dtype.kind not in "buif":
        raise InvalidValueError(field, values, "an array of numbers", verb="needed is")
    return array


def _mask(available: ArrayLike | None, shape: tuple[int, ...]) -> Truths:
    if available is None:
        return np.ones(shape, bool)
    mask = _array("available", available)
    if mask.dtype.kind != "b" or mask.shape != shape:
        rule = f"truth values [occasions, alternatives], here {shape}"
        raise InvalidValueError("available", mask, rule, got=f"{mask.dtype} of shape {mask.shape}")
    if not mask.any(axis=1).all():
        occasion = int(np.argmin(mask.any(axis=1)))
        raise InvalidValueError(
            f"available: occasion {occasion}", mask[occasion], "one alternative", verb="needed is"
        )
    return mask


def _counts(choices: ArrayLike, at_hand: Truths) -> Floats:
    """How many chose each alternative, float64 [occasions, alternatives]."""
    num_occasions, num_alternatives = at_hand.shape
    chosen = _array("choices", choices)
    if chosen.shape not in ((num_occasions,), at_hand.shape):
        rule = f"[occasions] or [occasions, alternatives], here {num_occasions} or {at_hand.shape}"
        raise InvalidValueError("choices", chosen, rule, got=f"shape {chosen.shape}")
    if chosen.ndim == 1:
        allowed = f"integers from 0 to {num_alternatives - 1}"
        if chosen.dtype.kind not in "ui":
            raise InvalidValueError("choices", chosen.dtype, allowed, got=f"{chosen.dtype} values")
        outside = (chosen < 0) | (chosen >= num_alternatives)
        if outside.any():
            occasion = int(np.argmax(outside))
            raise InvalidValueError(f"choices: occasion {occasion}", chosen[occasion], allowed)
        counts = np.eye(num_alternatives)[chosen]
    else:
        checks.numbers("choices", chosen, low=0)
        counts = chosen.astype(np.float64)
        if not counts.any():
            raise InvalidValueError("choices", 0, "one choice", got="none", verb="needed is")
    away = np.argwhere((counts > 0) & ~at_hand)
    if len(away):
        occasion, alternative = away[0]
        allowed = f"those at hand, {np.flatnonzero(at_hand[occasion]).tolist()}"
        raise InvalidValueError(f"choices: occasion {occasion}", alternative, allowed)
    return counts


def _names(names: Sequence[str] | None, num_covariates: int) -> tuple[str, ...]:
    if names is None:
        return ("price", *(f"covariate {number}" for number in range(2, num_covariates + 1)))
    if len(set(names)) != num_covariates or len(names) != num_covariates:
        rule = f"{num_covariates} different ones, one of each covariate"
        raise InvalidValueError("names", list(names), rule)
    return tuple(names)
