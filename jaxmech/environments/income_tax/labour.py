"""How people of each skill choose what to earn, given what they keep of it.

Utility is consumption less ``l^(1 + 1/e) / (1 + 1/e)``, with labour ``l`` and elasticity ``e``:
quasi-linear and iso-elastic, so that a demogrant changes nobody's choice. Somebody of skill ``n``
who keeps a share ``1 - tau`` of every unit earns ``n^(1 + e) (1 - tau)^e``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import jax
import jax.numpy as jnp
import numpy as np

from jaxmech import checks
from jaxmech.agents.responses.logit import logit_response
from jaxmech.environments.income_tax.params import IncomeTaxParams
from jaxmech.environments.income_tax.schedules import tax_of


class LabourResponse(Protocol):
    """How labour is chosen; a frozen, hashable configuration."""

    def untaxed(self, params: IncomeTaxParams) -> jax.Array:
        """Policies of people who know of no tax, float [types, ...]."""
        ...

    def respond(
        self, rates: jax.Array, thresholds: tuple[float, ...], params: IncomeTaxParams
    ) -> jax.Array:
        """Policies under a tax, float [types, ...]."""
        ...

    def earnings(self, policies: jax.Array, params: IncomeTaxParams) -> tuple[jax.Array, jax.Array]:
        """What is earned and how likely, both float [types, choices]."""
        ...


@dataclass(frozen=True)
class ExactLabour:
    """Rational people: the best earnings under a piecewise linear tax, exactly.

    In each bracket the best is the closed form at its rate, moved into the bracket; the best of
    those is chosen, whether or not rates rise. A policy is the earnings of each type, float
    [types]. Gradients are those of the chosen bracket: exact where no type is just about to jump
    from one bracket to another, which only rates that fall make it do.
    """

    def untaxed(self, params: IncomeTaxParams) -> jax.Array:
        return params.skills ** (1 + params.elasticity)

    def respond(
        self, rates: jax.Array, thresholds: tuple[float, ...], params: IncomeTaxParams
    ) -> jax.Array:
        low = jnp.asarray((0.0, *thresholds), rates.dtype)
        high = jnp.asarray((*thresholds, np.inf), rates.dtype)
        kept = (1 - rates) ** params.elasticity
        wanted = self.untaxed(params)[:, None] * kept[None]
        earnings = jnp.clip(wanted, low[None], high[None])
        utilities, _ = net_utilities(earnings, rates, thresholds, params)
        chosen = jax.nn.one_hot(jnp.argmax(utilities, axis=-1), rates.size, dtype=earnings.dtype)
        return jnp.sum(chosen * earnings, axis=-1)

    def earnings(self, policies: jax.Array, params: IncomeTaxParams) -> tuple[jax.Array, jax.Array]:
        del params
        return policies[:, None], jnp.ones_like(policies)[:, None]


@dataclass(frozen=True)
class GridLabour:
    """People who choose among equally spaced amounts of labour, by logit or the best of them.

    Amounts go from 0 to ``highest`` times what somebody of that skill would work untaxed. At a
    temperature above 0 an amount has a probability proportional to ``exp(utility / temperature)``;
    at 0 the best is chosen, and there is no gradient with respect to the tax. The closed forms of
    optimal taxes are for people who choose best: the limit of temperature 0 and of many nodes. A
    policy is the probability of each amount, float [types, nodes].

    Attributes:
      num_nodes: amounts of labour, from 2.
      highest: above 0; more than 1 where marginal rates can be negative.

    Raises:
      ValueError: a number out of range.
    """

    num_nodes: int = 201
    highest: float = 1.0

    def __post_init__(self) -> None:
        checks.integer("num_nodes", self.num_nodes, low=2)
        checks.number("highest", self.highest, above=0)

    def untaxed(self, params: IncomeTaxParams) -> jax.Array:
        return self.respond(jnp.zeros(1, params.skills.dtype), (), params)

    def respond(
        self, rates: jax.Array, thresholds: tuple[float, ...], params: IncomeTaxParams
    ) -> jax.Array:
        earnings = self._nodes(params)
        utilities, _ = net_utilities(earnings, rates, thresholds, params)
        return logit_response(utilities, params.temperature)

    def earnings(self, policies: jax.Array, params: IncomeTaxParams) -> tuple[jax.Array, jax.Array]:
        return self._nodes(params), policies

    def _nodes(self, params: IncomeTaxParams) -> jax.Array:
        """Earnings at each amount of labour, float [types, nodes]."""
        most = self.highest * params.skills ** (1 + params.elasticity)
        return most[:, None] * jnp.linspace(0, 1, self.num_nodes, dtype=most.dtype)[None]


def net_utilities(
    earnings: jax.Array, rates: jax.Array, thresholds: tuple[float, ...], params: IncomeTaxParams
) -> tuple[jax.Array, jax.Array]:
    """Utilities before the demogrant, and taxes paid, both float [types, choices]."""
    taxes = tax_of(earnings, rates, thresholds)
    power = 1 + 1 / params.elasticity
    effort_cost = (earnings / params.skills[:, None]) ** power / power
    return earnings - taxes - effort_cost, taxes
