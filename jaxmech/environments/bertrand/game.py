"""A Bertrand duopoly of goods that are substitutes, each taxed by the unit (Singh and Vives 1984).

Consumers gain ``alpha (q_1 + q_2) - (q_1^2 + q_2^2) / 2 - gamma q_1 q_2``, so that at prices ``p``
they buy ``(alpha (1 - gamma) - p_i + gamma p_j) / (1 - gamma^2)`` of each good, or of one alone
``alpha - p`` where nothing of the other is bought. Firms choose prices. Taxes are paid back to
consumers and cancel in welfare; what makes rational firms sell at cost is a subsidy.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import jax
import jax.numpy as jnp

from jaxmech import checks
from jaxmech.agents.responses.fixed_points import (
    FixedPoint,
    fixed_point,
    largest_difference,
    newton,
)
from jaxmech.agents.responses.game import is_rational
from jaxmech.agents.responses.logit import logit_response
from jaxmech.environments.bertrand.params import BertrandParams, params_of
from jaxmech.spaces import Box


@dataclass(frozen=True)
class Bertrand:
    """The game between who taxes two goods and the firms that sell them.

    The mechanism is the tax per unit of each firm, float [2]. Policies are prices, float [2], where
    firms choose best, and else probabilities of prices, float [2, nodes].

    Attributes:
      num_nodes: None for firms that choose the best of all prices, exactly. A number for those
        that choose by logit, at the temperature of the parameters, among that many equally spaced
        prices from 0 to the highest.

    Raises:
      ValueError: fewer than two nodes.
    """

    num_nodes: int | None = None

    def __post_init__(self) -> None:
        if self.num_nodes is not None:
            checks.integer("num_nodes", self.num_nodes, low=2)

    @property
    def name(self) -> str:
        return "bertrand"

    @property
    def default_params(self) -> BertrandParams:
        """Those of ``params_of`` where nothing is given."""
        return params_of()

    def responses_jump(self, params: BertrandParams) -> bool:
        """Whether agents choose the best of finitely many actions."""
        return self.num_nodes is not None and is_rational(params.temperature)

    def mechanism_space(self, params: BertrandParams) -> Box:
        """A tax for each firm, float [2]."""
        return Box(params.tax_low, params.tax_high, (2,))

    def initial_policies(self, params: BertrandParams) -> jax.Array:
        """Both at cost, or all prices alike."""
        if self.num_nodes is None:
            return params.costs
        return jnp.full((2, self.num_nodes), 1 / self.num_nodes, params.costs.dtype)

    def respond(
        self, policies: jax.Array, mechanism: jax.Array, params: BertrandParams
    ) -> jax.Array:
        """Each firm's response to what the other does, policies again.

        A firm that chooses best and cannot sell anything at a profit asks the least price at which
        nothing of its good is bought. One that would take all buyers from the other asks the
        highest price at which it does, or a monopolist's where that is lower.
        """
        if self.num_nodes is not None:
            return logit_response(self._profits(policies, mechanism, params), params.temperature)
        alpha, gamma = params.intercept, params.substitutability
        beside = self._best_beside(policies, mechanism, params)
        # Both where the other sells nothing, which it does not from a price of alpha on either.
        monopolists = (alpha + params.costs + _taxes(mechanism)) / 2
        others = jnp.minimum(policies[::-1], alpha)
        highest_alone = (others - alpha * (1 - gamma)) / jnp.where(gamma > 0, gamma, 1)
        alone = jnp.minimum(highest_alone, monopolists)
        return jnp.where((gamma > 0) & (beside < highest_alone), alone, beside)

    def action_values(
        self, policies: jax.Array, mechanism: jax.Array, params: BertrandParams
    ) -> jax.Array:
        """Expected profit of each price, float [2, nodes].

        Raises:
          ValueError: firms choose the best of all prices.
        """
        checks.integer("num_nodes", self.num_nodes, low=2)
        return self._profits(policies, mechanism, params)

    def equilibrium(self, mechanism: jax.Array, params: BertrandParams) -> FixedPoint:
        """Its policies by Newton's method, differentiable by the implicit function theorem.

        Where one firm sells nothing, prices at which the other keeps it out may be several: it is
        those at which that one would not ask more, were the other's good bought as well.

        Raises:
          ValueError: the mechanism is no pair of taxes, [2].
        """
        _taxes(mechanism)  # Refused before anything compiles.
        start = self.initial_policies(params)
        found = fixed_point(self._settling, start, (mechanism, params), solver=newton(start))
        again = self.respond(found.point, mechanism, params)
        return replace(found, residual=largest_difference(again, found.point))

    def objective(
        self, policies: jax.Array, mechanism: jax.Array, params: BertrandParams
    ) -> jax.Array:
        """Expected welfare, float []: what consumers gain, less what goods cost."""
        _taxes(mechanism)
        if self.num_nodes is None:
            return _welfare(policies[0], policies[1], params)
        nodes = self._nodes(params)
        welfare = _welfare(nodes[:, None], nodes[None], params)
        return policies[0] @ welfare @ policies[1]

    def utilities(
        self, policies: jax.Array, mechanism: jax.Array, params: BertrandParams
    ) -> jax.Array:
        """Expected profits after tax, float [2]."""
        if self.num_nodes is None:
            sold = jnp.stack(_sales(policies[0], policies[1], params))
            return (policies - params.costs - _taxes(mechanism)) * sold
        return jnp.sum(policies * self._profits(policies, mechanism, params), axis=-1)

    def play(
        self, key: jax.Array, policies: jax.Array, mechanism: jax.Array, params: BertrandParams
    ) -> jax.Array:
        """Welfare of one draw of prices, float []."""
        if self.num_nodes is None:
            return self.objective(policies, mechanism, params)
        drawn = self._nodes(params)[jax.random.categorical(key, jnp.log(policies))]
        return _welfare(drawn[0], drawn[1], params)

    def _settling(self, policies: jax.Array, given: tuple[jax.Array, BertrandParams]) -> jax.Array:
        """The response by which equilibria are found."""
        # A method and no lambda, which solvers would compile anew for every call outside of jit.
        if self.num_nodes is not None:
            return self.respond(policies, *given)
        return self._best_beside(policies, *given)

    def _best_beside(
        self, prices: jax.Array, mechanism: jax.Array, params: BertrandParams
    ) -> jax.Array:
        """The best price of each firm, float [2], as if some of the other's good were bought."""
        alpha, gamma = params.intercept, params.substitutability
        least_without_sales = alpha * (1 - gamma) + gamma * jnp.minimum(prices[::-1], alpha)
        best = (least_without_sales + params.costs + _taxes(mechanism)) / 2
        return jnp.minimum(best, least_without_sales)

    def _profits(
        self, policies: jax.Array, mechanism: jax.Array, params: BertrandParams
    ) -> jax.Array:
        """Of each price of each firm while the other does as it does, float [2, nodes]."""
        nodes = self._nodes(params)
        # By the price of the firm itself and then the other's; the two goods are alike to buyers.
        sold, _ = _sales(nodes[:, None], nodes[None], params)
        expected = policies[::-1] @ sold.T
        margins = nodes[None] - (params.costs + _taxes(mechanism))[:, None]
        return margins * expected

    def _nodes(self, params: BertrandParams) -> jax.Array:
        """Prices to choose from, float [nodes]."""
        assert self.num_nodes is not None
        shares = jnp.linspace(0, 1, self.num_nodes, dtype=params.costs.dtype)
        return params.highest_price * shares


def _sales(
    first: jax.Array, second: jax.Array, params: BertrandParams
) -> tuple[jax.Array, jax.Array]:
    """What is bought of each good at these prices, elementwise, float [...] both."""
    alpha, gamma = params.intercept, params.substitutability
    of_both = [
        (alpha * (1 - gamma) - own + gamma * other) / (1 - gamma**2)
        for own, other in ((first, second), (second, first))
    ]
    alone = [jnp.maximum(alpha - price, 0) for price in (first, second)]
    return (
        jnp.where(of_both[1] < 0, alone[0], jnp.maximum(of_both[0], 0)),
        jnp.where(of_both[0] < 0, alone[1], jnp.maximum(of_both[1], 0)),
    )


def _welfare(first: jax.Array, second: jax.Array, params: BertrandParams) -> jax.Array:
    """At these prices, elementwise, float [...]."""
    one, other = _sales(first, second, params)
    gain = params.intercept * (one + other) - (one**2 + other**2) / 2
    costs = params.costs[0] * one + params.costs[1] * other
    return gain - params.substitutability * one * other - costs


def _taxes(mechanism: jax.Array) -> jax.Array:
    checks.shape("mechanism", mechanism, "a tax for each of two firms", (2,))
    return mechanism
