"""Which alternative buyers choose: McFadden's conditional logit, fitted by maximum likelihood.

A buyer's utility of alternative j is ``V_j = x_j b + c_j`` and an independent Gumbel term, so that
j is chosen with probability ``exp(V_j) / sum_i exp(V_i)`` over the alternatives i at hand
(D. McFadden, "Conditional logit analysis of qualitative choice behavior", 1974). The constants
c_j are 0 for the first alternative. Of two alternatives, one of them not to buy, this is the
binomial logit.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import jax.numpy as jnp
import numpy as np
from numpy.typing import ArrayLike
from scipy.special import logsumexp, softmax

from jaxmech.agents.sellers import logit_likelihood as likelihood
from jaxmech.agents.sellers.buyers import Logistic
from jaxmech.agents.sellers.logit_likelihood import Floats
from jaxmech.agents.sellers.observed_choices import ObservedChoices, observed_choices
from jaxmech.checks import InvalidValueError
from jaxmech.naming import lookup

_NO_INFORMATION = 1e-10
"""Of a choice about a parameter in units of its covariate's spread; it begins near 1."""

_SAME = 1e-7
"""Difference between two covariates, as a share of the largest, that may be of rounding."""


@dataclass(frozen=True)
class ConditionalLogit:
    """A fitted conditional logit. Parameters are the coefficients, then the constants if any.

    Attributes:
      names: of the covariates.
      coefficients: b, float64 [covariates].
      constants: c, float64 [alternatives], the first 0; all 0 if none were fitted.
      covariance: of the estimates, float64 [parameters, parameters], the inverse of the Hessian of
        the negative log-likelihood. Choices count as independent, also those of one buyer.
      gradient: of the log-likelihood at the estimates, float64 [parameters].
      log_likelihood: of all the choices.
      log_likelihood_of_constants: the highest without covariates.
      mean_covariates: of each alternative while it was at hand, float64 [alternatives, covariates].
    """

    names: tuple[str, ...]
    coefficients: Floats
    constants: Floats
    covariance: Floats
    gradient: Floats
    log_likelihood: float
    log_likelihood_of_constants: float
    mean_covariates: Floats

    @property
    def standard_errors(self) -> Floats:
        """Of coefficients and fitted constants, float64 [parameters]."""
        return np.sqrt(np.diag(self.covariance))

    @property
    def pseudo_r_squared(self) -> float:
        """McFadden's: the share of the log-likelihood of constants alone that covariates save."""
        return 1 - self.log_likelihood / self.log_likelihood_of_constants

    @property
    def converged(self) -> bool:
        """Whether the gradient vanished: the maximum is within .001 standard errors."""
        return bool(self.gradient @ self.covariance @ self.gradient < 1e-6)

    def probabilities(self, covariates: ArrayLike) -> Floats:
        """Of each alternative's choice where all are at hand, float64 [..., alternatives].

        Args:
          covariates: float [..., alternatives, covariates].

        Raises:
          ValueError: other axes.
        """
        values = np.asarray(covariates, np.float64)
        axes = self.mean_covariates.shape
        if values.shape[-2:] != axes:
            allowed = f"[..., alternatives, covariates], here [..., {axes[0]}, {axes[1]}]"
            raise InvalidValueError("covariates", values, allowed, got=f"shape {values.shape}")
        utilities = values @ self.coefficients + self.constants
        return np.asarray(softmax(utilities, axis=-1))

    def demand(self, price: str | None = None) -> Logistic:
        """The demand for each alternative while the others are as they are on average.

        With p its price, its other covariates at their means and ``V_i`` the utilities of the
        others at their means, alternative j is chosen with probability ``sigmoid((location_j - p) /
        scale)``: ``scale`` is ``-1 / coefficient of the price``, and at ``location_j`` its utility
        is ``log sum_i exp(V_i)``.

        Args:
          price: the name of the covariate that is the price; the first unless given.

        Returns:
          ``location``, float [alternatives], and ``scale``, float [].

        Raises:
          ValueError: no such covariate, or its coefficient is not below 0.
        """
        places = {name: place for place, name in enumerate(self.names)}
        place = 0 if price is None else lookup("price", price, places)
        of_price = self.coefficients[place]
        if not of_price < 0:
            raise InvalidValueError(
                f"coefficient of {self.names[place]!r}",
                of_price,
                "below 0; of a price that does not put buyers off there is no demand",
                verb="needed is one",
            )
        utilities = self.mean_covariates @ self.coefficients + self.constants
        at_no_price = utilities - of_price * self.mean_covariates[:, place]
        others = np.array([logsumexp(np.delete(utilities, j)) for j in range(len(utilities))])
        return Logistic(
            jnp.asarray((at_no_price - others) / -of_price, float),
            jnp.asarray(-1 / of_price, float),
        )


def fit_conditional_logit(
    covariates: ArrayLike,
    choices: ArrayLike,
    *,
    available: ArrayLike | None = None,
    names: Sequence[str] | None = None,
    constants: bool = True,
) -> ConditionalLogit:
    """The conditional logit that makes the choices likeliest, in float64 by Newton's method.

    Args:
      covariates: float [occasions, alternatives, covariates], such as prices; of an alternative
        that is not at hand they may be anything.
      choices: int [occasions], the alternative chosen; or float [occasions, alternatives], how
        many buyers chose each.
      available: bool [occasions, alternatives], which are at hand; all unless given.
      names: of the covariates; ``price``, ``covariate 2``, ... unless given.
      constants: whether alternatives but the first have one.

    Raises:
      ValueError: wrong shapes or types, fewer than two alternatives, numbers that are not finite,
        the choice of an alternative that is not at hand; covariates among which there is nothing
        to choose, beside constants only what is the same on all occasions, or that are in line;
        an alternative with a constant that nobody chose or could compare; choices that covariates
        tell apart without exception, so that the likelihood has no maximum.
    """
    observed = observed_choices(covariates, choices, available, names)
    values, counts, at_hand = observed.covariates, observed.counts, observed.at_hand
    if constants:
        _check_each_is_chosen(counts)
    num_covariates, num_alternatives = values.shape[2], values.shape[1]
    num_constants = num_alternatives - 1 if constants else 0
    dummies = np.broadcast_to(
        np.eye(num_alternatives, num_constants, -1), (*at_hand.shape, num_constants)
    )
    means = observed.mean_covariates
    # The maximum is sought with covariates about their means, and all in units of their spread:
    # numbers near 1 whatever the units. ``back`` takes parameters of those to the ones wanted.
    deviations = np.where(at_hand[..., None], values - means, 0) if constants else values
    back = np.eye(num_covariates + num_constants)
    back[num_covariates:, :num_covariates] = (means[0] - means[1:])[:num_constants]
    design = np.concatenate([deviations, dummies], axis=-1)
    spread = _spread(design, observed, num_constants)
    design, back = design / spread, back / spread
    estimates = likelihood.maximum(design, counts, at_hand)
    expected = likelihood.expected_counts(design @ estimates, counts, at_hand)
    information = likelihood.information(design, expected)
    _check_maximum(information / counts.sum(), observed.names)

    parameters = back @ estimates
    without = likelihood.maximum(dummies, counts, at_hand)
    return ConditionalLogit(
        observed.names,
        coefficients=parameters[:num_covariates],
        constants=np.eye(num_alternatives, num_constants, -1) @ parameters[num_covariates:],
        covariance=back @ np.linalg.inv(information) @ back.T,
        gradient=likelihood.gradient(np.concatenate([values, dummies], axis=-1), counts, expected),
        log_likelihood=likelihood.log_likelihood(design @ estimates, counts, at_hand),
        log_likelihood_of_constants=likelihood.log_likelihood(dummies @ without, counts, at_hand),
        mean_covariates=means,
    )


def _check_each_is_chosen(counts: Floats) -> None:
    never = np.flatnonzero(~counts.any(axis=0))
    if len(never):
        raise InvalidValueError(
            "choices",
            never[0],
            "leave it out, or fit without constants",
            got=f"nobody who chose alternative {never[0]}",
            verb="",
        )


def _spread(design: Floats, observed: ObservedChoices, num_constants: int) -> Floats:
    """Standard deviation of each column among what buyers choose from, float64 [parameters].

    Raises:
      ValueError: columns from which no parameters can be told.
    """
    counts, at_hand = observed.counts, observed.at_hand
    chance = likelihood.expected_counts(np.zeros(counts.shape), counts, at_hand)
    moments = likelihood.information(design, chance) / counts.sum()
    first = len(observed.names)
    of_constants = moments[first:, first:]
    if num_constants and not _least(of_constants)[0] > _NO_INFORMATION:
        raise InvalidValueError(
            "available",
            at_hand,
            "fit without constants, or only those that buyers compare",
            got="alternatives that are never at hand together, nor by way of others",
            verb="",
        )
    explained = moments[:first, first:] @ np.linalg.pinv(of_constants) @ moments[first:, :first]
    beside = moments[:first, :first] - explained
    spread = np.sqrt(np.maximum(np.diag(beside), 0))
    largest = np.abs(observed.covariates).max(axis=(0, 1))
    for name, deviation, magnitude in zip(observed.names, spread, largest, strict=True):
        if deviation <= _SAME * magnitude:
            over = " that change over occasions" if num_constants else ""
            raise InvalidValueError(
                f"covariates: {name!r}",
                deviation,
                f"differences among alternatives{over}",
                got="none to choose by",
                verb="needed are",
            )
    least, direction = _least(beside / np.outer(spread, spread))
    if not least > _NO_INFORMATION:
        raise InvalidValueError(
            "covariates",
            least,
            "leave one out",
            got=f"{_involved(direction, observed.names)} in line",
            verb="",
        )
    return np.sqrt(np.diag(moments))


def _check_maximum(information: Floats, names: Sequence[str]) -> None:
    """ValueError where the likelihood rises for ever in some direction."""
    least, direction = _least(information)
    if not least > _NO_INFORMATION:
        raise InvalidValueError(
            "choices",
            least,
            "no finite coefficients are likeliest; leave covariates or alternatives out",
            got=f"ones that {_involved(direction, names)} tell apart without exception",
            verb="",
        )


def _least(matrix: Floats) -> tuple[float, Floats]:
    """The lowest eigenvalue of a symmetric matrix, and its direction."""
    values, vectors = np.linalg.eigh(matrix)
    return float(values[0]), vectors[:, 0]


def _involved(direction: Floats, names: Sequence[str]) -> str:
    """The covariates that have part in a direction, or that only constants have."""
    shares = np.abs(direction) / np.abs(direction).max()
    involved = [repr(name) for name, share in zip(names, shares, strict=False) if share > 0.01]
    return " and ".join(involved) or "constants"
