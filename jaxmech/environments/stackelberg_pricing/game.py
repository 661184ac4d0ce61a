"""A leader who prices what followers take of a shared capacity (Stackelberg pricing).

Follower ``i`` takes ``x_i >= 0`` and pays for it at a price that rises with what all take, ``S``:
its cost is ``a_i x_i^2 + (p_i + q S^2) x_i``, and ``p_i`` may be below 0, a wish to take some. All
together can take 1 at most. Of the equilibria of such games this is the variational one, in which
a unit of capacity is worth the same to every follower, as if it were sold in a market. The example
is from NashOpt (Bemporad), whose own solution has a price of capacity for each follower.
"""

from __future__ import annotations

from dataclasses import dataclass

import jax
import jax.numpy as jnp

from jaxmech import checks, struct
from jaxmech.agents.responses.falling import falling_bisection
from jaxmech.agents.responses.fixed_points import FixedPoint, fixed_point, largest_difference
from jaxmech.environments.stackelberg_pricing.params import (
    StackelbergPricingParams,
    params_of,
)
from jaxmech.spaces import Box

CAPACITY = 1.0
"""Of all followers together."""

PRICE_STEP = 0.5
"""Part of the way to the price that would clear all excess, which it moves in a response. From 1 on
responses to prices without a slope never come to rest."""


@struct.dataclass
class PricedQuantities:
    """What followers do.

    Attributes:
      quantities: float [followers], ``x``.
      capacity_price: float [], what a unit of capacity is worth to each; 0 where some is left.
    """

    quantities: jax.Array
    capacity_price: jax.Array


@dataclass(frozen=True)
class StackelbergPricing:
    """The game between a leader who sets prices and followers who choose best.

    The mechanism is the followers' prices ``p`` and then the slope ``q``, float [followers + 1].
    """

    @property
    def name(self) -> str:
        return "stackelberg_pricing"

    @property
    def default_params(self) -> StackelbergPricingParams:
        """Those of ``params_of`` where nothing is given."""
        return params_of()

    def mechanism_space(self, params: StackelbergPricingParams) -> Box:
        """Prices, then the slope, float [followers + 1]."""
        low = jnp.full_like(params.curvatures, params.lowest_price)
        zero = jnp.zeros_like(params.highest_slope)[None]
        high = jnp.concatenate([jnp.zeros_like(low), params.highest_slope[None]])
        return Box(jnp.concatenate([low, zero]), high, high.shape)

    def initial_policies(self, params: StackelbergPricingParams) -> PricedQuantities:
        """Equal shares of the capacity, which is free."""
        size = params.curvatures.size
        shares = jnp.full_like(params.curvatures, CAPACITY / size)
        return PricedQuantities(shares, jnp.zeros_like(params.target))

    def respond(
        self, policies: PricedQuantities, mechanism: jax.Array, params: StackelbergPricingParams
    ) -> PricedQuantities:
        """What each follower takes while the others take theirs and capacity costs what it does.

        The price of capacity rises by what is taken in excess, in proportion to the slope of what
        all wish for, and falls not below 0: it stays where all is taken, or some is left and it is
        0. It moves half of the way that would clear the excess by itself, since followers respond
        to it one step late and would otherwise swing ever further.

        From equal shares, repeated responses come to rest in the equilibrium for the default
        parameters and all of their mechanisms. Where slopes can be twice as steep, or there are 16
        followers, all respond to the sum at once and may overshoot for good: take equilibria there
        (``responses_per_round=None``, or ``responses_per_update=None`` of ``TwoTimescale``), or a
        response rate of .5 at most, and less for more followers.
        """
        prices, slope = _prices(mechanism, params)
        total = jnp.sum(policies.quantities)
        others = total - policies.quantities
        # The condition of first order is 3 q x^2 + (2 a + 4 q others) x = wish.
        wish = jnp.maximum(-(prices + slope * others**2 + policies.capacity_price), 0)
        half = params.curvatures + 2 * slope * others
        quantities = wish / (half + jnp.sqrt(half**2 + 3 * slope * wish))
        rise = PRICE_STEP * (total - CAPACITY) / jnp.sum(1 / (2 * params.curvatures))
        return PricedQuantities(quantities, jnp.maximum(policies.capacity_price + rise, 0))

    def equilibrium(self, mechanism: jax.Array, params: StackelbergPricingParams) -> FixedPoint:
        """The variational equilibrium, differentiable by the implicit function theorem.

        What all would take falls with what all take, and with the price of capacity. So there is
        one: by bisection on a number that says how much is taken up to the capacity, and beyond it
        what capacity costs.
        """
        prices, _ = _prices(mechanism, params)
        given = (mechanism, params)
        found = fixed_point(
            _place_after_excess,
            jnp.ones_like(params.target),
            given,
            solver=falling_bisection(params.target),
            # Where capacity costs as much as anybody wishes, nobody takes any.
            options={"lower": 0.0, "upper": CAPACITY + jnp.maximum(jnp.max(-prices), 0)},
        )
        policies = _taken_at(found.point, given)
        again = self.respond(policies, mechanism, params)
        return FixedPoint(policies, largest_difference(again, policies), found.steps)

    def objective(
        self, policies: PricedQuantities, mechanism: jax.Array, params: StackelbergPricingParams
    ) -> jax.Array:
        """The leader's cost times -1, float []: missing the target and departures, less revenue."""
        prices, slope = _prices(mechanism, params)
        total = jnp.sum(policies.quantities)
        paid = jnp.sum((prices + slope * total**2) * policies.quantities)
        missed = (total - params.target) ** 2
        departures = params.departure_cost * jnp.sum((prices - params.usual_price) ** 2)
        return params.revenue_weight * paid - missed - departures

    def utilities(
        self, policies: PricedQuantities, mechanism: jax.Array, params: StackelbergPricingParams
    ) -> jax.Array:
        """Costs times -1, float [followers]; capacity is given, not sold."""
        prices, slope = _prices(mechanism, params)
        quantities = policies.quantities
        price = prices + slope * jnp.sum(quantities) ** 2
        return -(params.curvatures * quantities + price) * quantities

    def play(
        self,
        key: jax.Array,
        policies: PricedQuantities,
        mechanism: jax.Array,
        params: StackelbergPricingParams,
    ) -> jax.Array:
        """The objective: nothing is drawn, float []."""
        del key
        return self.objective(policies, mechanism, params)


def _taken_at(
    place: jax.Array, given: tuple[jax.Array, StackelbergPricingParams]
) -> PricedQuantities:
    """What followers wish for where this much is taken, or capacity costs what is beyond it."""
    mechanism, params = given
    prices, slope = _prices(mechanism, params)
    total = jnp.minimum(place, CAPACITY)
    capacity_price = jnp.maximum(place - CAPACITY, 0)
    wish = jnp.maximum(-(prices + slope * total**2 + capacity_price), 0)
    return PricedQuantities(wish / (2 * (params.curvatures + slope * total)), capacity_price)


# A function of the module and no lambda, which solvers would compile anew for every call outside of
# jit.
def _place_after_excess(
    place: jax.Array, given: tuple[jax.Array, StackelbergPricingParams]
) -> jax.Array:
    """The place plus what is wished for beyond what it says is taken, float []."""
    return place + jnp.sum(_taken_at(place, given).quantities) - jnp.minimum(place, CAPACITY)


def _prices(mechanism: jax.Array, params: StackelbergPricingParams) -> tuple[jax.Array, jax.Array]:
    """Each follower's, float [followers], and the slope, float [], from 0."""
    size = params.curvatures.size + 1
    checks.shape("mechanism", mechanism, "a price for each follower, and the slope", (size,))
    return mechanism[:-1], jnp.maximum(mechanism[-1], 0)
