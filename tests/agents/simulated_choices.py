"""Choices of simulated buyers, for the tests of the conditional logit."""

from __future__ import annotations

import numpy as np

COEFFICIENTS = np.array([-4.0, 0.7])
CONSTANTS = np.array([0.0, 0.5, -0.8])


def simulated(seed, num_occasions, coefficients=COEFFICIENTS, constants=CONSTANTS):
    """Covariates, choices and which alternatives were at hand, at all times two or more."""
    rng = np.random.default_rng(seed)
    shape = (num_occasions, len(constants))
    covariates = np.stack([rng.uniform(0.2, 1, shape), rng.random(shape) < 0.3], axis=-1)
    available = rng.permuted(np.arange(len(constants))[None].repeat(num_occasions, 0), axis=1) > 0
    available |= rng.random((num_occasions, 1)) < 0.6
    utilities = covariates @ coefficients + constants + rng.gumbel(size=shape)
    return covariates, np.where(available, utilities, -np.inf).argmax(axis=1), available


def stacked(covariates):
    """Covariates and the dummies of all alternatives but the first."""
    occasions, alternatives, _ = covariates.shape
    dummies = np.eye(alternatives)[None, :, 1:].repeat(occasions, 0)
    return np.concatenate([covariates, dummies], axis=-1)


def parameters_of(fit):
    return np.concatenate([fit.coefficients, fit.constants[1:]])
