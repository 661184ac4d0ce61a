"""Choices that no conditional logit is fitted to, and what is said of them."""

from __future__ import annotations

import numpy as np
import pytest
from simulated_choices import simulated

from jaxmech.agents import fit_conditional_logit
from jaxmech.checks import InvalidValueError


def good():
    covariates, choices, available = simulated(9, 60)
    return {"covariates": covariates, "choices": choices, "available": available}


def changed(name, at, value):
    arguments = good()
    array = np.array(arguments[name])
    array[at] = value
    return {**arguments, name: array}


def with_covariates(change):
    arguments = good()
    return {**arguments, "covariates": change(arguments["covariates"])}


def first_at_hand():
    occasion, alternative = np.argwhere(good()["available"])[40]
    return int(occasion), int(alternative)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            changed("covariates", (*first_at_hand(), 0), np.nan),
            "covariates: occasion {}, alternative {}, 'price': got nan; allowed are finite",
        ),
        (changed("covariates", (*first_at_hand(), 1), np.inf), "'covariate 2': got inf"),
        (changed("choices", 7, 3), "choices: occasion 7: got 3; allowed are integers from 0 to 2"),
        (changed("choices", 7, -1), "choices: occasion 7: got -1; allowed are integers"),
        ({**good(), "choices": np.zeros(60)}, "choices: got float64 values; allowed are integers"),
        ({**good(), "choices": np.zeros(59, int)}, r"choices: got shape \(59,\)"),
        ({**good(), "choices": np.zeros((60, 3))}, "choices: got none; needed is one choice"),
        ({**good(), "choices": -np.ones((60, 3))}, "choices: got .* finite numbers from 0"),
        ({**good(), "choices": ["first"] * 60}, "choices: got .* an array of numbers"),
        (
            {**good(), "choices": good()["choices"] % 2, "available": None},
            "nobody who chose alternative 2; leave",
        ),
        ({**good(), "available": np.ones((60, 3))}, "available: got float64 of shape"),
        ({**good(), "available": np.ones((60, 2), bool)}, "available: got bool of shape"),
        (changed("available", 5, False), "available: occasion 5: got .*; needed is one"),
        (with_covariates(lambda x: x[0]), r"covariates: got shape \(3, 2\); allowed are \[occasi"),
        (with_covariates(lambda x: x[:, :1]), r"covariates: got shape \(60, 1, 2\).* 1, 2 and 1"),
        (with_covariates(lambda x: [[1, 2], [3]]), "covariates: got .* an array of numbers"),
        ({**good(), "names": ["price"]}, r"names: got \['price'\]; allowed are 2 different ones"),
        ({**good(), "names": ["price", "price"]}, "names: got .* 2 different ones"),
        (
            with_covariates(lambda x: x * [0, 1] + [0.7, 0]),
            "covariates: 'price': got none to choose by; needed are differences among",
        ),
        (
            with_covariates(lambda x: np.stack([[0.3, 0.5, 0.7] + 0 * x[..., 0], x[..., 1]], -1)),
            "'price': got none to choose by; needed are .* alternatives that change over occ",
        ),
        (
            with_covariates(lambda x: x[:, :1, :].repeat(3, 1)),
            "covariates: 'price': got none to choose by",
        ),
        (
            with_covariates(lambda x: np.concatenate([x, x[..., :1] * 3 + 1], -1)),
            "covariates: got 'price' and 'covariate 3' in line.*; leave one out",
        ),
        (
            {**with_covariates(lambda x: x * [1, 0]), "constants": False},
            "'covariate 2': got none to choose by; needed are differences among alternatives$",
        ),
    ],
)
def test_a_mistake_is_named(arguments, message):
    with pytest.raises(InvalidValueError, match=message.format(*first_at_hand())):
        fit_conditional_logit(**arguments)


def test_probabilities_of_other_covariates_than_were_fitted_are_refused():
    fit = fit_conditional_logit(**good())
    assert fit.probabilities(good()["covariates"]).shape == (60, 3)
    for covariates in (np.zeros((3, 1)), np.zeros((2, 2)), np.zeros(2), 0.5):
        with pytest.raises(InvalidValueError, match=r"covariates: got shape .*\[..., 3, 2\]"):
            fit.probabilities(covariates)


def test_the_choice_of_what_is_not_at_hand_is_refused():
    arguments = good()
    occasion, alternative = np.argwhere(~arguments["available"])[3]
    arguments["choices"] = arguments["choices"].copy()
    arguments["choices"][occasion] = alternative
    match = f"choices: occasion {occasion}: got {alternative}; allowed are those at hand"
    with pytest.raises(InvalidValueError, match=match):
        fit_conditional_logit(**arguments)


def test_constants_of_what_is_never_compared_are_refused():
    covariates, _, _ = simulated(10, 80, constants=np.zeros(4))
    available = np.arange(80)[:, None] % 2 == np.array([0, 0, 1, 1])
    choices = np.where(np.arange(80) % 2 == 0, np.arange(80) // 2 % 2, 2 + np.arange(80) // 2 % 2)
    match = "available: got alternatives that are never at hand together"
    with pytest.raises(InvalidValueError, match=match):
        fit_conditional_logit(covariates, choices, available=available)
    fit = fit_conditional_logit(covariates, choices, available=available, constants=False)
    assert fit.converged


def test_choices_without_exception_have_no_maximum():
    covariates = good()["covariates"]
    cheapest = covariates[..., 0].argmin(axis=1)
    match = "choices: got ones that 'price' tell apart without exception; no finite"
    with pytest.raises(InvalidValueError, match=match):
        fit_conditional_logit(covariates[..., :1], cheapest, constants=False)
    with pytest.raises(InvalidValueError, match="'price' .*tell apart without exception"):
        fit_conditional_logit(covariates, cheapest)
    cheapest[0] = covariates[0, :, 0].argmax()  # One exception is enough.
    assert fit_conditional_logit(covariates, cheapest, constants=False).converged
