"""The multi-lane coordination game of Mguni (2018), section 5, with agents of bounded rationality.

Each of N agents starts at a random place of its own lane, known to itself alone, and moves ahead
once; moves are dear, ending up away from the others is dearer. Agents are alike, so one policy
is that of all.

The paper pays agents by the initial position, which can change no incentive. What has the
effect it reports is a transfer on the terminal position, the default here.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal, get_args

import jax
import jax.numpy as jnp
import optimistix

from jaxmech import checks, spaces, struct
from jaxmech.agents.responses.fixed_points import FixedPoint, fixed_point
from jaxmech.agents.responses.game import is_rational
from jaxmech.agents.responses.logit import logit_response
from jaxmech.agents.responses.transfers import Polynomial, Transfer
from jaxmech.checks import InvalidValueError
from jaxmech.environments.multilane.params import MultilaneParams, params_of

PaidPosition = Literal["terminal", "initial"]

_BISECTION: Any = optimistix.Bisection
"""To type checkers it lacks an argument, which it has a constant for."""


@struct.dataclass
class Moments:
    """What one agent does, as far as anybody's expected utility depends on it; float [] each.

    Attributes:
      mean, variance: of the terminal position.
      move: mean length moved.
      transfer: mean transfer to the agent.
    """

    mean: jax.Array
    variance: jax.Array
    move: jax.Array
    transfer: jax.Array


@dataclass(frozen=True)
class Multilane:
    """N agents who end at ``x_T = x_0 + u`` and get ``-mismatch_cost sum_j (x_T - x_{j,T})^2 -
    move_cost u`` and a transfer.

    Policies are float [positions, actions], the probability of each move at each initial
    position. The loss is quadratic, so the others matter by the mean and variance of where they
    end, and by the mean alone for what to do. Replies rise with it: there is an equilibrium
    whatever the mechanism, and iterated replies reach one from anywhere. Where a transfer makes up
    for ending apart there can be several.

    Attributes:
      num_agents: at least 2.
      blind: whether agents choose as if there were no others (coordination-blind), by the cost
        of moves and the transfer. They bear the cost of ending apart all the same.
      transfer: what the designer pays for a position.
      paid_position: which one it pays for.
      num_positions: size of the grid of initial positions, see ``params_of``. Let it have no
        factor in common with ``num_actions - 1``: from positions that lie alike within the
        cells of moves, rational agents round their moves all one way.
      num_actions: size of the grid of moves, 0 to half the length, at least 2. The
        uniform prior on it has the weights of the trapezoidal rule.

    Raises:
      InvalidValueError: a size too small, another word for ``paid_position``, or no transfer.
    """

    num_agents: int = 5
    blind: bool = False
    transfer: Transfer = field(default_factory=Polynomial)
    paid_position: PaidPosition = "terminal"
    num_positions: int = 101
    num_actions: int = 201

    def __post_init__(self) -> None:
        checks.integer("num_agents", self.num_agents, low=2)
        checks.one_of("blind", self.blind, (False, True))
        checks.one_of("paid_position", self.paid_position, get_args(PaidPosition))
        # A string or a class would fail only when a mechanism is chosen.
        if not isinstance(getattr(self.transfer, "num_coefficients", None), int):
            raise InvalidValueError("transfer", self.transfer, "transfers, such as Polynomial(2)")
        checks.integer("num_positions", self.num_positions)
        checks.integer("num_actions", self.num_actions, low=2)

    @property
    def name(self) -> str:
        return "multilane"

    @property
    def default_params(self) -> MultilaneParams:
        """Those of ``params_of`` where nothing is given."""
        return params_of(self)

    def responses_jump(self, params: MultilaneParams) -> bool:
        """Whether agents choose the best of finitely many actions."""
        return is_rational(params.temperature)

    def mechanism_space(self, params: MultilaneParams) -> spaces.Box:
        """Coefficients of the transfer, each at most ``params.bound`` in size."""
        return spaces.Box(-params.bound, params.bound, (self.transfer.num_coefficients,))

    def actions(self, params: MultilaneParams) -> jax.Array:
        """Lengths that an agent can move, float [actions]."""
        return jnp.linspace(0, 1, self.num_actions, dtype=params.length.dtype) * params.length / 2

    def terminal_positions(self, params: MultilaneParams) -> jax.Array:
        """Where each move leads from each initial position, float [positions, actions]."""
        return params.positions[:, None] + self.actions(params)[None, :]

    def initial_policies(self, params: MultilaneParams) -> jax.Array:
        """Moves drawn uniformly, float [positions, actions]: the prior of bounded rationality."""
        prior = self._action_prior(params)
        return jnp.broadcast_to(prior[None, :], (self.num_positions, self.num_actions))

    def respond(
        self, policies: jax.Array, mechanism: jax.Array, params: MultilaneParams
    ) -> jax.Array:
        """The best reply to all others' ``policies``, smoothed, float [positions, actions]."""
        return self._reply(self.moments(policies, mechanism, params).mean, mechanism, params)

    def mean_reply(
        self, mean: jax.Array, mechanism: jax.Array, params: MultilaneParams
    ) -> jax.Array:
        """Mean terminal position of agents who expect the others at ``mean``, float [].

        It rises with ``mean``, with slope ``2 mismatch_cost (N - 1) / temperature`` times the mean
        variance of moves at an initial position. Where it crosses the diagonal there is an
        equilibrium.
        """
        reply = self._reply(mean, mechanism, params)
        return self.moments(reply, mechanism, params).mean

    def equilibrium(self, mechanism: jax.Array, params: MultilaneParams) -> FixedPoint:
        """Policies that are replies to themselves, by bisection on their mean terminal position.

        Replies rise with the mean, so iterating them slows down where the slope comes near
        1, and bisection does not. Derivatives are by the implicit function theorem. Where there are
        several equilibria it is one at which the slope is at most 1. At temperature 0 replies on a
        grid jump, though only up, so that there are equilibria all the same; derivatives are 0.

        Returns:
          ``point`` float [positions, actions]; the residual is of the mean terminal position.
        """
        if self.blind:
            # Nothing depends on the others.
            reply = self._reply(params.length / 2, mechanism, params)
            return FixedPoint(reply, jnp.zeros((), reply.dtype), jnp.ones((), jnp.int32))
        dtype = jnp.result_type(params.length, mechanism)
        tolerance = 64 * float(jnp.finfo(dtype).eps)
        found = fixed_point(
            self._mean_reply,
            jnp.asarray(params.length / 2, dtype),
            (mechanism, params),
            solver=_BISECTION(rtol=tolerance, atol=tolerance, flip=True),
            options={"lower": jnp.zeros((), dtype), "upper": jnp.asarray(params.length, dtype)},
            max_steps=jnp.finfo(dtype).nmant + 12,
        )
        policies = self._reply(found.point, mechanism, params)
        return FixedPoint(policies, found.residual, found.steps)

    def objective(
        self, policies: jax.Array, mechanism: jax.Array, params: MultilaneParams
    ) -> jax.Array:
        """Expected sum of the agents' utilities without transfers, float []."""
        return self.num_agents * self._welfare_of_one(
            self.moments(policies, mechanism, params), params
        )

    def deviation(self, policies: jax.Array, params: MultilaneParams) -> jax.Array:
        """Standard deviation of the sum of utilities without transfers in one episode, float [].

        With ``a`` the distance from the mean terminal position, the sum is that of ``-2
        mismatch_cost (N - 1) a^2 - move_cost u`` over agents and of ``2 mismatch_cost a a'`` over
        ordered pairs; all of these are uncorrelated.
        """
        count, cost = self.num_agents, params.mismatch_cost
        joint = params.position_weights[:, None] * policies
        terminal = self.terminal_positions(params)
        squares = (terminal - jnp.sum(joint * terminal)) ** 2
        moves = params.move_cost * self.actions(params)[None, :]
        own = -2 * cost * (count - 1) * squares - moves
        of_own = jnp.sum(joint * (own - jnp.sum(joint * own)) ** 2)
        of_pairs = 8 * cost**2 * (count - 1) * jnp.sum(joint * squares) ** 2
        # At a point where nothing varies the square root has no slope.
        variance = count * (of_own + of_pairs)
        positive = variance > 0
        return jnp.where(positive, jnp.sqrt(jnp.where(positive, variance, 1)), 0)

    def utilities(
        self, policies: jax.Array, mechanism: jax.Array, params: MultilaneParams
    ) -> jax.Array:
        """Expected utilities with transfers, before initial positions are known, float [agents].

        The cost of bounded rationality is no part of them.
        """
        moments = self.moments(policies, mechanism, params)
        each = self._welfare_of_one(moments, params) + moments.transfer
        return jnp.broadcast_to(each, (self.num_agents,))

    def interim_utilities(
        self, policies: jax.Array, mechanism: jax.Array, params: MultilaneParams
    ) -> jax.Array:
        """Expected utility of each move from each initial position, float [positions, actions].

        All others play ``policies``; transfers are included.
        """
        moments = self.moments(policies, mechanism, params)
        others = self.num_agents - 1
        apart = (self.terminal_positions(params) - moments.mean) ** 2 + moments.variance
        return self._own_part(mechanism, params) - params.mismatch_cost * others * apart

    def type_probabilities(self, params: MultilaneParams) -> jax.Array:
        """How likely each initial position is, float [positions]."""
        return params.position_weights

    def action_values(
        self, policies: jax.Array, mechanism: jax.Array, params: MultilaneParams
    ) -> jax.Array:
        """What moves are worth to who chooses, float [positions, actions]: blind to others or not.

        They are ``interim_utilities`` unless agents are blind.
        """
        if self.blind:
            return self._own_part(mechanism, params)
        return self.interim_utilities(policies, mechanism, params)

    def play(
        self, key: jax.Array, policies: jax.Array, mechanism: jax.Array, params: MultilaneParams
    ) -> jax.Array:
        """Sum of utilities without transfers in one episode, float []."""
        del mechanism
        position_key, action_key = jax.random.split(key)
        place = jax.random.categorical(
            position_key, jnp.log(params.position_weights), shape=(self.num_agents,)
        )
        action = jax.random.categorical(action_key, jnp.log(policies[place]), axis=-1)
        move = self.actions(params)[action]
        terminal = params.positions[place] + move
        # The sum over pairs is 2 N times that of squared distances to the mean.
        spread = jnp.sum((terminal - jnp.mean(terminal)) ** 2)
        pairs = 2 * self.num_agents * spread
        return -params.mismatch_cost * pairs - params.move_cost * jnp.sum(move)

    def moments(
        self, policies: jax.Array, mechanism: jax.Array, params: MultilaneParams
    ) -> Moments:
        """Of one agent that follows ``policies``."""
        joint = params.position_weights[:, None] * policies
        terminal = self.terminal_positions(params)
        mean = jnp.sum(joint * terminal)
        return Moments(
            mean=mean,
            variance=jnp.sum(joint * (terminal - mean) ** 2),
            move=jnp.sum(joint * self.actions(params)[None, :]),
            transfer=jnp.sum(joint * self._transfers(mechanism, params)),
        )

    def _mean_reply(self, mean: jax.Array, given: tuple[jax.Array, MultilaneParams]) -> jax.Array:
        # A method and no lambda, which solvers would compile anew for every call outside of jit.
        return self.mean_reply(mean, *given)

    def _reply(self, mean: jax.Array, mechanism: jax.Array, params: MultilaneParams) -> jax.Array:
        """The reply to others whose mean terminal position is ``mean``."""
        utilities = self._own_part(mechanism, params)
        if not self.blind:
            others = self.num_agents - 1
            apart = (self.terminal_positions(params) - mean) ** 2
            utilities -= params.mismatch_cost * others * apart
        return logit_response(utilities, params.temperature, self._action_prior(params))

    def _own_part(self, mechanism: jax.Array, params: MultilaneParams) -> jax.Array:
        """Of utilities, what does not depend on the others, float [positions, actions]."""
        transfers = self._transfers(mechanism, params)
        return transfers - params.move_cost * self.actions(params)[None, :]

    def _transfers(self, mechanism: jax.Array, params: MultilaneParams) -> jax.Array:
        """float [positions, actions]."""
        terminal = self.terminal_positions(params)
        if self.paid_position == "terminal":
            return self.transfer(mechanism, terminal)
        paid = self.transfer(mechanism, params.positions)
        return jnp.broadcast_to(paid[:, None], terminal.shape)

    def _welfare_of_one(self, moments: Moments, params: MultilaneParams) -> jax.Array:
        # The expected squared distance of two alike and independent is twice the variance.
        apart = 2 * (self.num_agents - 1) * moments.variance
        return -params.mismatch_cost * apart - params.move_cost * moments.move

    def _action_prior(self, params: MultilaneParams) -> jax.Array:
        weights = jnp.ones(self.num_actions, params.length.dtype).at[jnp.array([0, -1])].set(0.5)
        return weights / jnp.sum(weights)
