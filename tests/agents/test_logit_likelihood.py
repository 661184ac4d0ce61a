"""The likelihood of a conditional logit: its derivatives, and its maximum where there is one."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy import optimize
from simulated_choices import parameters_of, simulated, stacked

from jaxmech.agents import fit_conditional_logit
from jaxmech.agents.sellers import logit_likelihood
from jaxmech.checks import InvalidValueError


@pytest.mark.parametrize("seed", range(3))
def test_derivatives_are_finite_differences(seed):
    covariates, choices, available = simulated(seed, 40)
    design, counts = stacked(covariates), np.eye(3)[choices] * 2.5
    parameters = np.random.default_rng(seed).normal(size=4)

    def value(at):
        return logit_likelihood.log_likelihood(design @ at, counts, available)

    def slope(at):
        expected = logit_likelihood.expected_counts(design @ at, counts, available)
        return logit_likelihood.gradient(design, counts, expected)

    np.testing.assert_allclose(
        slope(parameters), optimize.approx_fprime(parameters, value, 1e-7), rtol=1e-4, atol=1e-4
    )
    steps = 1e-5 * np.eye(4)
    hessian = [(slope(parameters + step) - slope(parameters - step)) / 2e-5 for step in steps]
    expected = logit_likelihood.expected_counts(design @ parameters, counts, available)
    np.testing.assert_allclose(
        logit_likelihood.information(design, expected), -np.array(hessian), rtol=1e-6, atol=1e-6
    )


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    num_occasions=st.integers(20, 60),
    scale=st.floats(1e-8, 1e8),
    offset=st.floats(-1e3, 1e3),
)
def test_a_fit_is_a_maximum(seed, num_occasions, scale, offset):
    covariates, choices, available = simulated(seed, num_occasions)
    covariates = scale * (covariates + offset)
    try:
        fit = fit_conditional_logit(covariates, choices, available=available)
    except InvalidValueError:
        assume(False)  # Too few choices to tell, or separated ones.
    assert fit.converged
    # Expected and observed totals agree, and no other parameters are likelier.
    design, counts = stacked(covariates), np.eye(3)[choices]
    rng = np.random.default_rng(seed)
    for size in (1e-2, 1.0, 10.0):
        nearby = parameters_of(fit) + size * fit.standard_errors * rng.normal(size=4)
        there = logit_likelihood.log_likelihood(design @ nearby, counts, available)
        assert there < fit.log_likelihood + 1e-9 * abs(fit.log_likelihood)


@settings(max_examples=150, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), num_occasions=st.integers(2, 12))
def test_there_is_a_maximum_unless_choices_are_separated(seed, num_occasions):
    # A. Albert and J. Anderson (1984): there is none if some direction never lowers the utility of
    # what was chosen beside another alternative, and raises one; a linear program looks for it.
    rng = np.random.default_rng(seed)
    covariates = rng.integers(-3, 4, (num_occasions, 3, 2)).astype(float)
    counts = rng.integers(0, 3, (num_occasions, 3)) * (rng.random((num_occasions, 3)) < 0.5)
    differences = (covariates[:, :, None] - covariates[:, None])[counts > 0].reshape(-1, 2)
    assume(np.linalg.matrix_rank(differences) == 2)
    found = optimize.linprog(
        -differences.sum(axis=0), A_ub=-differences, b_ub=np.zeros(len(differences)), bounds=(-1, 1)
    )
    if found.fun > -1e-6:
        assert fit_conditional_logit(covariates, counts, constants=False).converged
    else:
        with pytest.raises(InvalidValueError, match="tell apart without exception"):
            fit_conditional_logit(covariates, counts, constants=False)


def test_steps_that_lead_too_far_are_halved():
    # Full steps of Newton's method run to where no choice is in doubt, and get stuck there.
    covariates = np.stack([[[-1.0, 0], [-6, 2], [1, 2]], np.zeros((3, 2))], axis=1)
    counts = np.array([[1.0, 48], [0, 6], [1, 1]])
    fit = fit_conditional_logit(covariates, counts, constants=False)
    # The first and the last occasion are met exactly, and then the second is all but certain.
    np.testing.assert_allclose(fit.coefficients, np.log(48) * np.array([1, -0.5]), rtol=1e-6)


def test_rare_choices_are_fitted():
    covariates = np.zeros((2, 2, 1))
    covariates[:, 1, 0] = 1, 2
    fit = fit_conditional_logit(covariates, np.array([[1e9, 2e3], [1e9, 1e3]]))
    np.testing.assert_allclose(fit.coefficients, -np.log(2), rtol=1e-5)
    assert fit.converged
