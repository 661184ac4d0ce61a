"""The log-likelihood of a conditional logit, its derivatives and its maximum, in float64.

Choices are told by ``counts``, float64 [occasions, alternatives]: how many buyers chose each;
``at_hand``, bool of the same shape, says which they could choose. Utilities are linear, ``design @
parameters`` of a ``design`` float64 [occasions, alternatives, parameters].
"""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy.special import log_softmax, softmax

Floats: TypeAlias = NDArray[np.float64]
Truths: TypeAlias = NDArray[np.bool_]

_GAIN = 1e-12
"""Of log-likelihood: where a step promises less, the maximum is reached."""

_MOST_STEPS = 200


def log_likelihood(utilities: Floats, counts: Floats, at_hand: Truths) -> float:
    """Of all the choices; utilities are float64 [occasions, alternatives]."""
    log_probabilities = log_softmax(np.where(at_hand, utilities, -np.inf), axis=1)
    return float(np.sum(counts * np.where(at_hand, log_probabilities, 0)))


def expected_counts(utilities: Floats, counts: Floats, at_hand: Truths) -> Floats:
    """How many of an occasion's buyers would choose each, float64 [occasions, alternatives]."""
    probabilities = softmax(np.where(at_hand, utilities, -np.inf), axis=1)
    return np.asarray(counts.sum(axis=1, keepdims=True) * probabilities)


def gradient(design: Floats, counts: Floats, expected: Floats) -> Floats:
    """Of the log-likelihood, float64 [parameters]."""
    return np.asarray(np.einsum("oa,oap->p", counts - expected, design))


def information(design: Floats, expected: Floats) -> Floats:
    """The negative Hessian of the log-likelihood, float64 [parameters, parameters].

    That is the covariance of the design within each occasion, summed over buyers.
    """
    buyers = np.maximum(expected.sum(axis=1, keepdims=True), np.finfo(float).tiny)
    means = np.einsum("oa,oap->op", expected / buyers, design)
    deviations = np.sqrt(expected)[..., None] * (design - means[:, None])
    return np.tensordot(deviations, deviations, ((0, 1), (0, 1)))


def maximum(design: Floats, counts: Floats, at_hand: Truths) -> Floats:
    """The likeliest parameters, float64 [parameters], by Newton's method.

    The log-likelihood is concave, and a step is halved until it gains: so it climbs to the
    maximum. Where there is none it stops on the way to infinity.
    """
    parameters = np.zeros(design.shape[-1])
    reached = log_likelihood(design @ parameters, counts, at_hand)
    for _ in range(_MOST_STEPS):
        expected = expected_counts(design @ parameters, counts, at_hand)
        slope = gradient(design, counts, expected)
        step = np.linalg.lstsq(information(design, expected), slope)[0]
        gain = slope @ step
        if not gain > _GAIN:
            break
        for share in 0.5 ** np.arange(60):
            value = log_likelihood(design @ (parameters + share * step), counts, at_hand)
            # But for rounding, which near the maximum is larger than the gain.
            if value >= reached + 1e-4 * share * gain - 1e-14 * abs(reached):
                break
        parameters, reached = parameters + share * step, value
    return parameters
