"""Taxes on income and on each good, as a game of who sets them and a consumer who responds.

Thoma, Pasztor, Krause, Ramponi and Hu, "Contextual Bilevel Reinforcement Learning for Incentive
Alignment" (2024), the economy of their tax design. In each period a consumer decides how long to
work and what to spend on each good. What it earns, less the tax on income, is added to its assets,
what it spends is taken from them, and chance does the rest. It is smoothed: it gains by the
entropy of what it does, hours and basket together. Its tastes, known to it alone, are those of one
of several types. Who sets the taxes cares for what is consumed and for their revenue, not for
assets.

Assets are a grid. The normal noise is cut off at the ends of the grid's range, and what falls
between two neighbours goes to the nearer of them.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import jax
import jax.numpy as jnp
import numpy as np

from jaxmech import checks, struct
from jaxmech.agents.responses.decision_processes import (
    DecisionProcess,
    policy_values,
    soft_policy,
    soft_policy_iteration,
    soft_policy_values,
)
from jaxmech.agents.responses.fixed_points import FixedPoint, largest_difference
from jaxmech.agents.responses.game import is_rational
from jaxmech.agents.responses.logit import logit_response, smoothed_maximum
from jaxmech.environments.consumer_tax.choices import Choices
from jaxmech.environments.consumer_tax.params import ConsumerTaxParams, params_of
from jaxmech.spaces import Box


@struct.dataclass
class ConsumerPolicies:
    """What a consumer of each type does.

    Attributes:
      actions: float [types, assets, actions], probabilities of hours and totals.
      baskets: float [types, baskets], probabilities of the baskets that divide a total, which sum
        to 1 for each; how it is divided depends on nothing else.
    """

    actions: jax.Array
    baskets: jax.Array


@dataclass(frozen=True)
class ConsumerTax:
    """The game. A mechanism is float [goods + 1]: the rate on each good, and that on income.

    A rate on a good is a share of its price before the tax.

    Attributes:
      choices: what a consumer may do.
      num_assets: points of the grid of assets.
      max_steps: a sampled episode ends there; at a discount of .9 nothing is lost by it.

    Raises:
      ValueError: fewer than two points, or a step.
    """

    choices: Choices = field(default_factory=Choices)
    num_assets: int = 201
    max_steps: int = 200

    def __post_init__(self) -> None:
        checks.integer("num_assets", self.num_assets, low=2)
        checks.integer("max_steps", self.max_steps)

    @property
    def name(self) -> str:
        return "consumer_tax"

    @property
    def default_params(self) -> ConsumerTaxParams:
        """Those of ``params_of`` where nothing is given."""
        return params_of(self.choices)

    def responses_jump(self, params: ConsumerTaxParams) -> bool:
        """Whether agents choose the best of finitely many actions."""
        return is_rational(params.temperature)

    def mechanism_space(self, params: ConsumerTaxParams) -> Box:
        """Rates, from 0 to the highest."""
        return Box(0.0, params.highest_rate, (self.choices.num_goods + 1,))

    def initial_policies(self, params: ConsumerTaxParams) -> ConsumerPolicies:
        """Hours, totals and their divisions at random, all of them alike."""
        dtype, choices = params.preferences.dtype, self.choices
        types, actions = len(params.preferences), choices.num_actions
        alike = choices.divides / choices.divides.sum(axis=1, keepdims=True)
        return ConsumerPolicies(
            jnp.full((types, self.num_assets, actions), 1 / actions, dtype),
            jnp.asarray(np.tile(alike.sum(axis=0), (types, 1)), dtype),
        )

    def respond(
        self, policies: ConsumerPolicies, mechanism: jax.Array, params: ConsumerTaxParams
    ) -> ConsumerPolicies:
        """One step of soft policy iteration.

        Each action is the best smoothed response to those that the consumer will take from the
        next period on. Totals are divided as is best: that has no consequences later.
        """

        def of_type(preferences: jax.Array, policy: jax.Array) -> jax.Array:
            process = self.process(preferences, mechanism, params)
            values = soft_policy_values(process, policy, params.temperature)
            return soft_policy(process, values, params.temperature)

        actions = jax.vmap(of_type)(params.preferences, policies.actions)
        return ConsumerPolicies(actions, self._divisions(mechanism, params))

    def equilibrium(self, mechanism: jax.Array, params: ConsumerTaxParams) -> FixedPoint:
        """The optimal smoothed policies, exact and differentiable."""

        def of_type(preferences: jax.Array) -> tuple[jax.Array, jax.Array]:
            process = self.process(preferences, mechanism, params)
            found = soft_policy_iteration(process, params.temperature)
            return soft_policy(process, found.values, params.temperature), found.solves

        actions, solves = jax.vmap(of_type)(params.preferences)
        point = ConsumerPolicies(actions, self._divisions(mechanism, params))
        residual = largest_difference(self.respond(point, mechanism, params), point)
        return FixedPoint(point, residual, jnp.max(solves))

    def objective(
        self, policies: ConsumerPolicies, mechanism: jax.Array, params: ConsumerTaxParams
    ) -> jax.Array:
        """Consumption and revenue, the expected discounted sum over the types, float []."""
        worth = self._worth(mechanism, params)
        dividing = self._dividing(policies)

        def of_type(preferences: jax.Array, policy: jax.Array, dividing: jax.Array) -> jax.Array:
            of_actions = (worth @ dividing.T).reshape(-1)
            process = self.process(preferences, mechanism, params)
            return self._from_start(process, policy, of_actions, params)

        of_types = jax.vmap(of_type)(params.preferences, policies.actions, dividing)
        return jnp.dot(params.type_probabilities, of_types)

    def utilities(
        self, policies: ConsumerPolicies, mechanism: jax.Array, params: ConsumerTaxParams
    ) -> jax.Array:
        """Of a consumer of each type, taxes included and entropy not, float [types]."""
        dividing = self._dividing(policies)

        def of_type(preferences: jax.Array, policy: jax.Array, dividing: jax.Array) -> jax.Array:
            process = self.process(preferences, mechanism, params)
            taste = dividing @ self._tastes(preferences, mechanism, params)
            earned = self._rewards(taste, params)
            return self._from_start(process, policy, earned, params)

        return jax.vmap(of_type)(params.preferences, policies.actions, dividing)

    def play(
        self,
        key: jax.Array,
        policies: ConsumerPolicies,
        mechanism: jax.Array,
        params: ConsumerTaxParams,
    ) -> jax.Array:
        """Discounted consumption and revenue of one sampled consumer, float []."""
        key_type, key_start, key_periods = jax.random.split(key, 3)
        which = jax.random.categorical(key_type, jnp.log(params.type_probabilities))
        policy, dividing = policies.actions[which], self._dividing(policies)[which]
        worth = self._worth(mechanism, params)
        assets, moved = self._assets(params), self._moves(mechanism, params)
        hours, totals = jnp.asarray(self.choices.hours), jnp.asarray(self.choices.totals)
        start = self._shares_of_start(params)

        def period(
            state: tuple[jax.Array, jax.Array], key: jax.Array
        ) -> tuple[tuple[jax.Array, jax.Array], jax.Array]:
            place, discounted = state
            key_action, key_basket, key_noise = jax.random.split(key, 3)
            action = jax.random.categorical(key_action, jnp.log(policy[place]))
            basket = jax.random.categorical(key_basket, jnp.log(dividing[totals[action]]))
            shares = self._shares_around(assets[place] + moved[action], params)
            earned = discounted * worth[hours[action], basket]
            place = jax.random.categorical(key_noise, jnp.log(shares))
            return (place, discounted * params.discount), earned

        place = jax.random.categorical(key_start, jnp.log(start))
        keys = jax.random.split(key_periods, self.max_steps)
        return jnp.sum(jax.lax.scan(period, (place, jnp.ones((), assets.dtype)), keys)[1])

    def process(
        self, preferences: jax.Array, mechanism: jax.Array, params: ConsumerTaxParams
    ) -> DecisionProcess:
        """The problem of a consumer with these preferences, float [goods].

        States are assets, actions are hours and totals. The reward of an action counts what the
        best smoothed division of its total is worth, entropy included.
        """
        tastes = self._tastes(preferences, mechanism, params)
        divides = self.choices.divides
        alone = jnp.broadcast_to(tastes, divides.shape)
        smoothed = smoothed_maximum(alone, params.temperature, jnp.asarray(divides, tastes.dtype))
        # The smoothed maximum counts departures from equal shares: with their entropy as well.
        taste = smoothed + params.temperature * np.log(divides.sum(axis=1))
        assets, moved = self._assets(params), self._moves(mechanism, params)
        return DecisionProcess(
            transition=self._shares_around(assets[:, None] + moved[None], params),
            rewards=self._rewards(taste, params),
            discount=params.discount,
        )

    def _rewards(self, taste: jax.Array, params: ConsumerTaxParams) -> jax.Array:
        """Of a consumer, float [assets, actions], to whom totals are worth ``taste``, [totals]."""
        assets = self._assets(params)
        comfort = jnp.log1p(jnp.maximum(assets, 0) / params.comfort) + jnp.minimum(assets, 0)
        effort = params.effort * (params.hours_step * self.choices.hours) ** 2
        return comfort[:, None] + (taste[self.choices.totals] - effort)[None]

    def _tastes(
        self, preferences: jax.Array, mechanism: jax.Array, params: ConsumerTaxParams
    ) -> jax.Array:
        """What each basket is worth to a consumer, float [baskets]."""
        per_step = params.spending_step / (1 + mechanism[:-1])
        # Steps apart from what each buys: powers of 0 have no slope.
        powers = self.choices.baskets ** preferences[None] * (per_step**preferences)[None]
        return jnp.prod(powers, axis=1)

    def _divisions(self, mechanism: jax.Array, params: ConsumerTaxParams) -> jax.Array:
        """How totals are best divided, smoothed, float [types, baskets]."""
        divides = jnp.asarray(self.choices.divides, params.preferences.dtype)

        def of_type(preferences: jax.Array) -> jax.Array:
            tastes = self._tastes(preferences, mechanism, params)
            alone = jnp.broadcast_to(tastes, divides.shape)
            return jnp.sum(logit_response(alone, params.temperature, divides), axis=0)

        return jax.vmap(of_type)(params.preferences)

    def _dividing(self, policies: ConsumerPolicies) -> jax.Array:
        """Probabilities of baskets for each total, float [types, totals, baskets]."""
        return jnp.where(self.choices.divides[None], policies.baskets[:, None], 0)

    def _worth(self, mechanism: jax.Array, params: ConsumerTaxParams) -> jax.Array:
        """What a period is worth to who sets the taxes, float [hours, baskets]."""
        bought = params.spending_step * self.choices.baskets / (1 + mechanism[:-1])[None]
        worked = params.hours_step * np.arange(self.choices.most_hours + 1)
        revenue = mechanism[-1] * worked[:, None] + (bought @ mechanism[:-1])[None]
        consumption = params.consumption_weight * jnp.mean(bought, axis=1)
        return consumption[None] + params.revenue_weight * jnp.log1p(revenue)

    def _moves(self, mechanism: jax.Array, params: ConsumerTaxParams) -> jax.Array:
        """By how much each action changes assets, float [actions]."""
        earned = (1 - mechanism[-1]) * params.hours_step * self.choices.hours
        return earned - params.spending_step * self.choices.totals

    def _assets(self, params: ConsumerTaxParams) -> jax.Array:
        """The grid, float [assets]."""
        return params.largest_assets * jnp.linspace(-1, 1, self.num_assets)

    def _shares_of_start(self, params: ConsumerTaxParams) -> jax.Array:
        """Of assets at the start, float [assets]: proportional to the density on the grid."""
        exponents = -((self._assets(params) / params.initial_deviation) ** 2) / 2
        return jax.nn.softmax(exponents)

    def _shares_around(self, centres: jax.Array, params: ConsumerTaxParams) -> jax.Array:
        """Probabilities of each point of the grid after noise, float [..., assets].

        Args:
          centres: float [...], before it; what is out of range is at its ends.
        """
        assets = self._assets(params)
        inner = (assets[1:] + assets[:-1]) / 2
        ends = jnp.concatenate([assets[:1], inner, assets[-1:]])
        centres = jnp.clip(centres, assets[0], assets[-1])
        ends = ends.reshape(*(1 for _ in centres.shape), -1)
        below = jax.scipy.special.erf((ends - centres[..., None]) / (np.sqrt(2) * params.noise))
        # Rounding may give a share where there is next to none a sign.
        shares = jnp.maximum(jnp.diff(below), 0)
        return shares / (below[..., -1:] - below[..., :1])

    def _from_start(
        self,
        process: DecisionProcess,
        policy: jax.Array,
        amounts: jax.Array,
        params: ConsumerTaxParams,
    ) -> jax.Array:
        """The discounted expected sum of amounts, float [actions] or [assets, actions]."""
        every = jnp.broadcast_to(amounts, policy.shape)
        return self._shares_of_start(params) @ policy_values(process, policy, every)
