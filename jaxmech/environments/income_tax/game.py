"""An income tax whose revenue is paid out to all alike, and how people work under it."""

from __future__ import annotations

from dataclasses import dataclass

import jax
import jax.numpy as jnp

from jaxmech import checks
from jaxmech.agents.responses.fixed_points import FixedPoint
from jaxmech.agents.responses.game import is_rational
from jaxmech.checks import InvalidValueError
from jaxmech.environments.income_tax.criteria import Criterion, weighted_utility
from jaxmech.environments.income_tax.labour import (
    ExactLabour,
    GridLabour,
    LabourResponse,
    net_utilities,
)
from jaxmech.environments.income_tax.params import IncomeTaxParams, params_of
from jaxmech.environments.income_tax.populations import lognormal_skills
from jaxmech.environments.income_tax.schedules import LinearTax, TaxSchedule
from jaxmech.spaces import Box

_LINEAR, _EXACT = LinearTax(), ExactLabour()


@dataclass(frozen=True)
class IncomeTax:
    """The game between who sets a tax and those who work.

    Everybody gets the same demogrant, which is the revenue per head. The mechanism is the
    schedule's coefficients, float [coefficients]. What the others do changes nobody's choice, so
    a response to any policies is the equilibrium.

    Attributes:
      schedule: the family of taxes to choose from.
      labour: how people choose what to earn; its policies are those of the game.
      criterion: what a tax is judged by, a function such as those of
        ``jaxmech.environments.income_tax.criteria``.

    Raises:
      ValueError: a field that has no hash, or a criterion that is no function.
    """

    schedule: TaxSchedule = _LINEAR
    labour: LabourResponse = _EXACT
    criterion: Criterion = weighted_utility

    def __post_init__(self) -> None:
        checks.hashable_fields(self)
        if not callable(self.criterion):
            raise InvalidValueError("criterion", self.criterion, "a function is needed", verb="")

    @property
    def name(self) -> str:
        return "income_tax"

    @property
    def default_params(self) -> IncomeTaxParams:
        """Lognormal skills of deviation .5, weighted by their inverse, and an elasticity of .25."""
        skills, shares = lognormal_skills(0.5)
        return params_of(skills, shares=shares, welfare_weights=1 / skills)

    def responses_jump(self, params: IncomeTaxParams) -> bool:
        """Whether agents choose the best of finitely many actions."""
        return isinstance(self.labour, GridLabour) and is_rational(params.temperature)

    def mechanism_space(self, params: IncomeTaxParams) -> Box:
        """Coefficients of the schedule, float [coefficients]."""
        del params
        return self.schedule.space

    def initial_policies(self, params: IncomeTaxParams) -> jax.Array:
        """What people choose who know of no tax, float [types, ...]."""
        return self.labour.untaxed(params)

    def respond(
        self, policies: jax.Array, mechanism: jax.Array, params: IncomeTaxParams
    ) -> jax.Array:
        """What people choose under the tax, float [types, ...]; whatever ``policies`` are."""
        del policies
        return self.labour.respond(self._rates(mechanism), self.schedule.thresholds, params)

    def equilibrium(self, mechanism: jax.Array, params: IncomeTaxParams) -> FixedPoint:
        """What people choose, without a search: it does not depend on the others."""
        policies = self.respond(self.initial_policies(params), mechanism, params)
        return FixedPoint(policies, jnp.zeros((), policies.dtype), jnp.ones((), jnp.int32))

    def objective(
        self, policies: jax.Array, mechanism: jax.Array, params: IncomeTaxParams
    ) -> jax.Array:
        """The criterion, exact, float []."""
        earnings, probabilities = self.labour.earnings(policies, params)
        utilities, taxes = self._outcome(earnings, probabilities, mechanism, params)
        revenue = _per_head(taxes, probabilities, params)
        return self.criterion(utilities, probabilities, revenue, params)

    def utilities(
        self, policies: jax.Array, mechanism: jax.Array, params: IncomeTaxParams
    ) -> jax.Array:
        """Of each type, expected, demogrant included, float [types]."""
        earnings, probabilities = self.labour.earnings(policies, params)
        utilities, _ = self._outcome(earnings, probabilities, mechanism, params)
        return jnp.sum(probabilities * utilities, axis=-1)

    def revenue(
        self, policies: jax.Array, mechanism: jax.Array, params: IncomeTaxParams
    ) -> jax.Array:
        """Per head, expected, float []: the demogrant."""
        earnings, probabilities = self.labour.earnings(policies, params)
        _, taxes = self._outcome(earnings, probabilities, mechanism, params)
        return _per_head(taxes, probabilities, params)

    def play(
        self, key: jax.Array, policies: jax.Array, mechanism: jax.Array, params: IncomeTaxParams
    ) -> jax.Array:
        """The criterion of one person of each type, drawn from a large population, float [].

        The demogrant is that of the population. The mean is ``objective``, but for a criterion
        that is not a mean over people: the least utility of those drawn has a lower one.
        """
        earnings, probabilities = self.labour.earnings(policies, params)
        utilities, taxes = self._outcome(earnings, probabilities, mechanism, params)
        drawn = jax.random.categorical(key, jnp.log(probabilities))[:, None]
        utilities = jnp.take_along_axis(utilities, drawn, axis=-1)
        taxes = jnp.take_along_axis(taxes, drawn, axis=-1)
        revenue = jnp.sum(params.shares * taxes[:, 0])
        return self.criterion(utilities, jnp.ones_like(utilities), revenue, params)

    def _outcome(
        self,
        earnings: jax.Array,
        probabilities: jax.Array,
        mechanism: jax.Array,
        params: IncomeTaxParams,
    ) -> tuple[jax.Array, jax.Array]:
        """Utilities, demogrant included, and taxes, both float [types, choices]."""
        rates = self._rates(mechanism)
        net, taxes = net_utilities(earnings, rates, self.schedule.thresholds, params)
        return net + _per_head(taxes, probabilities, params), taxes

    def _rates(self, mechanism: jax.Array) -> jax.Array:
        size = self.schedule.space.shape
        checks.shape("mechanism", mechanism, "coefficients of the schedule", size)
        return self.schedule.rates(mechanism)


def _per_head(taxes: jax.Array, probabilities: jax.Array, params: IncomeTaxParams) -> jax.Array:
    """Taxes of a population, float []; both [types, choices]."""
    return jnp.sum(params.shares * jnp.sum(probabilities * taxes, axis=-1))
