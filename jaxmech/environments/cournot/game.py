"""A Cournot market under a tax on emissions.

Firms choose quantities, the price falls with their sum, and what they emit does damage that none of
them pays for unless it is taxed. Taxes are paid back to consumers, so they cancel in welfare. With
market power the best tax is not the marginal damage (Pigou's) but less, and may be a subsidy.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import jax
import jax.numpy as jnp

from jaxmech import checks
from jaxmech.agents.responses.falling import falling_bisection
from jaxmech.agents.responses.fixed_points import (
    FixedPoint,
    fixed_point,
    largest_difference,
    newton,
)
from jaxmech.agents.responses.game import is_rational
from jaxmech.agents.responses.logit import logit_response
from jaxmech.environments.cournot.params import CournotParams, params_of
from jaxmech.spaces import Box


@dataclass(frozen=True)
class Cournot:
    """The game between who taxes emissions and the firms.

    The mechanism is the tax per unit of emissions, float [1]. Policies are quantities, float
    [firms], where firms choose best, and else probabilities of quantities, float [firms, nodes].

    Attributes:
      num_nodes: None for firms that choose the best of all quantities, exactly. A number for those
        that choose by logit, at the temperature of the parameters, among that many equally spaced
        quantities from the lowest to the highest.

    Raises:
      ValueError: fewer than two nodes.
    """

    num_nodes: int | None = None

    def __post_init__(self) -> None:
        if self.num_nodes is not None:
            checks.integer("num_nodes", self.num_nodes, low=2)

    @property
    def name(self) -> str:
        return "cournot"

    @property
    def default_params(self) -> CournotParams:
        """Those of ``params_of`` where nothing is given."""
        return params_of()

    def responses_jump(self, params: CournotParams) -> bool:
        """Whether agents choose the best of finitely many actions."""
        return self.num_nodes is not None and is_rational(params.temperature)

    def mechanism_space(self, params: CournotParams) -> Box:
        """The tax, float [1]."""
        return Box(params.tax_low, params.tax_high, (1,))

    def initial_policies(self, params: CournotParams) -> jax.Array:
        """The middle of what each firm can choose, or all of it alike."""
        if self.num_nodes is None:
            return (params.lowest + params.highest) / 2
        return jnp.full((*params.costs.shape, self.num_nodes), 1 / self.num_nodes)

    def respond(
        self, policies: jax.Array, mechanism: jax.Array, params: CournotParams
    ) -> jax.Array:
        """Each firm's response to the expected quantities of the others, policies again."""
        means, _ = self._moments(policies, params)
        return self._respond_to(means, mechanism, params)

    def action_values(
        self, policies: jax.Array, mechanism: jax.Array, params: CournotParams
    ) -> jax.Array:
        """Expected profit of each quantity, float [firms, nodes].

        Raises:
          ValueError: firms choose the best of all quantities.
        """
        checks.integer("num_nodes", self.num_nodes, low=2)
        means, _ = self._moments(policies, params)
        return self._profits(means, mechanism, params)

    def equilibrium(self, mechanism: jax.Array, params: CournotParams) -> FixedPoint:
        """Its policies, differentiable by the implicit function theorem.

        Where firms choose best, the equilibrium is the only one, found by bisection on the sum of
        quantities: a firm's share of a sum falls as the sum rises. By logit it is found by Newton's
        method on the expected quantities, of which others see no more.

        Raises:
          ValueError: the mechanism is no tax, [1].
        """
        _tax(mechanism)  # Refused before anything compiles.
        if self.num_nodes is None:
            policies, steps = self._exact_equilibrium(mechanism, params)
        else:
            policies, steps = self._logit_equilibrium(mechanism, params)
        residual = largest_difference(self.respond(policies, mechanism, params), policies)
        return FixedPoint(policies, residual, steps)

    def objective(
        self, policies: jax.Array, mechanism: jax.Array, params: CournotParams
    ) -> jax.Array:
        """Expected welfare, float []: what is bought is worth, less costs and damage."""
        _tax(mechanism)
        means, squares = self._moments(policies, params)
        variances = squares - means**2
        total, emitted = jnp.sum(means), jnp.sum(params.emissions * means)
        square_total = total**2 + jnp.sum(variances)
        square_emitted = emitted**2 + jnp.sum(params.emissions**2 * variances)
        worth = params.intercept * total - params.slope * square_total / 2
        costs = jnp.sum(params.costs * means + params.curvatures * squares / 2)
        return worth - costs - params.damage * square_emitted / 2

    def utilities(
        self, policies: jax.Array, mechanism: jax.Array, params: CournotParams
    ) -> jax.Array:
        """Expected profits after tax, float [firms]."""
        means, squares = self._moments(policies, params)
        margins = self._margins(means, mechanism, params)
        return means * margins - (params.slope + params.curvatures / 2) * squares

    def play(
        self, key: jax.Array, policies: jax.Array, mechanism: jax.Array, params: CournotParams
    ) -> jax.Array:
        """Welfare of one draw of quantities, float []."""
        if self.num_nodes is None:
            return self.objective(policies, mechanism, params)
        drawn = jax.random.categorical(key, jnp.log(policies))
        certain = jax.nn.one_hot(drawn, self.num_nodes, dtype=policies.dtype)
        return self.objective(certain, mechanism, params)

    def cap_price(self, cap: jax.Array, params: CournotParams) -> FixedPoint:
        """The tax that keeps emissions to a cap, float [], 0 where they are no more untaxed.

        It is what a permit is worth where permits for ``cap`` units of emissions are traded: the
        multiplier, equal for all firms, of the cap as a constraint that they share. Emissions of
        firms that choose best fall with the tax, so it is found by bisection up to ``tax_high``;
        the residual says by how much the cap is missed. Differentiable in ``cap`` and ``params``.

        Raises:
          ValueError: firms choose by logit.
        """
        if self.num_nodes is not None:
            raise checks.InvalidValueError("num_nodes", self.num_nodes, "None, for a cap")

        found = fixed_point(
            self._price_after_excess,
            jnp.zeros_like(params.tax_high),
            (cap, params),
            solver=falling_bisection(params.tax_high),
            options={"lower": -cap, "upper": params.tax_high},
        )
        return replace(found, point=jnp.maximum(found.point, 0))

    def _exact_equilibrium(
        self, mechanism: jax.Array, params: CournotParams
    ) -> tuple[jax.Array, jax.Array]:
        most = jnp.sum(params.highest)
        found = fixed_point(
            _share_made,
            jnp.ones_like(most) / 2,
            (mechanism, params),
            solver=falling_bisection(most),
            options={"lower": 0.0, "upper": 1.0},
        )
        return _made_within(found.point * most, mechanism, params), found.steps

    # Methods and functions of the module and no lambdas, which solvers would compile anew for every
    # call outside of jit.

    def _price_after_excess(
        self, price: jax.Array, given: tuple[jax.Array, CournotParams]
    ) -> jax.Array:
        """The price of emissions plus those in excess of a cap, float []."""
        cap, params = given
        quantities, _ = self._exact_equilibrium(jnp.maximum(price, 0)[None], params)
        excess = jnp.sum(params.emissions * quantities) - cap
        # Below a price of 0 emissions stay what they are, and what is left of the cap takes its
        # place: so there is one root, and no price is below 0.
        return price + excess - jnp.minimum(price, 0)

    def _expected_responses(
        self, means: jax.Array, given: tuple[jax.Array, CournotParams]
    ) -> jax.Array:
        """Expected quantities of firms that respond to such, float [firms]."""
        _, params = given
        return self._moments(self._respond_to(means, *given), params)[0]

    def _logit_equilibrium(
        self, mechanism: jax.Array, params: CournotParams
    ) -> tuple[jax.Array, jax.Array]:
        start, _ = self._moments(self.initial_policies(params), params)
        given = (mechanism, params)
        found = fixed_point(self._expected_responses, start, given, solver=newton(start))
        return self._respond_to(found.point, mechanism, params), found.steps

    def _respond_to(
        self, means: jax.Array, mechanism: jax.Array, params: CournotParams
    ) -> jax.Array:
        """Policies that respond to expected quantities, float [firms]."""
        if self.num_nodes is None:
            margins = self._margins(means, mechanism, params)
            wanted = margins / (2 * params.slope + params.curvatures)
            return jnp.clip(wanted, params.lowest, params.highest)
        return logit_response(self._profits(means, mechanism, params), params.temperature)

    def _profits(self, means: jax.Array, mechanism: jax.Array, params: CournotParams) -> jax.Array:
        """Of each quantity while others make ``means``, float [firms, nodes]."""
        margins = self._margins(means, mechanism, params)
        rises = params.slope + params.curvatures / 2
        nodes = self._nodes(params)
        return margins[:, None] * nodes - rises[:, None] * nodes**2

    def _margins(self, means: jax.Array, mechanism: jax.Array, params: CournotParams) -> jax.Array:
        """What the first unit of each firm earns while the others make theirs, float [firms]."""
        others = jnp.sum(means) - means
        taxes = _tax(mechanism) * params.emissions
        return params.intercept - params.slope * others - params.costs - taxes

    def _moments(self, policies: jax.Array, params: CournotParams) -> tuple[jax.Array, jax.Array]:
        """Means of quantities and of their squares, both float [firms]."""
        if self.num_nodes is None:
            return policies, policies**2
        nodes = self._nodes(params)
        return jnp.sum(policies * nodes, axis=-1), jnp.sum(policies * nodes**2, axis=-1)

    def _nodes(self, params: CournotParams) -> jax.Array:
        """Quantities to choose from, float [firms, nodes]."""
        assert self.num_nodes is not None
        shares = jnp.linspace(0, 1, self.num_nodes, dtype=params.costs.dtype)[None]
        low, high = params.lowest[:, None], params.highest[:, None]
        return low + (high - low) * shares


def _made_within(total: jax.Array, mechanism: jax.Array, params: CournotParams) -> jax.Array:
    """What each firm makes where all make ``total``, by its condition of first order."""
    margins = params.intercept - params.costs - _tax(mechanism) * params.emissions
    wanted = (margins - params.slope * total) / (params.slope + params.curvatures)
    return jnp.clip(wanted, params.lowest, params.highest)


def _share_made(share: jax.Array, given: tuple[jax.Array, CournotParams]) -> jax.Array:
    """Of the most that can be made, for the precision of the search, float []."""
    _, params = given
    most = jnp.sum(params.highest)
    return jnp.sum(_made_within(share * most, *given)) / most


def _tax(mechanism: jax.Array) -> jax.Array:
    checks.shape("mechanism", mechanism, "the tax", (1,))
    return mechanism[0]
