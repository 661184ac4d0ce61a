"""What a mechanism is designed for: agents who respond to it and to each other."""

from __future__ import annotations

from functools import partial
from typing import Any, Protocol

import jax

from jaxmech import checks, spaces
from jaxmech.agents.responses.fixed_points import FixedPoint, Solver, fixed_point, newton

MechanismSpace = spaces.Box | spaces.Simplex
"""What a designer chooses from: numbers between bounds, or shares of a whole."""

Policies = Any
"""What agents do, a PyTree of arrays."""


class Game(Protocol):
    """Agents under a mechanism, and what they do is worth to who designs it.

    A game is a hashable configuration; every number of it stands in ``params``, a PyTree. A
    mechanism is an array, float [coefficients], what agents do, their policies, a PyTree of arrays.
    All is pure and differentiable, of one game; batches go through ``jax.vmap``.

    A number of ``params`` whose bounds its dataclass declares, by ``jaxmech.struct.number``, is
    looked at by ``equilibrium`` and by designers before anything is traced.
    """

    @property
    def name(self) -> str:
        """What it is called."""
        ...

    @property
    def default_params(self) -> Any:
        """Its parameters where nobody gives others."""
        ...

    def mechanism_space(self, params: Any) -> MechanismSpace:
        """What the designer chooses from."""
        ...

    def initial_policies(self, params: Any) -> Policies:
        """What agents do who have not been told of any mechanism."""
        ...

    def respond(self, policies: Policies, mechanism: jax.Array, params: Any) -> Policies:
        """What is best for each agent, smoothed, while the others do as ``policies`` say.

        All respond at once. A fixed point is an equilibrium.
        """
        ...

    def objective(self, policies: Policies, mechanism: jax.Array, params: Any) -> jax.Array:
        """What the designer maximises, in expectation, float []."""
        ...

    def utilities(self, policies: Policies, mechanism: jax.Array, params: Any) -> jax.Array:
        """What each agent expects, transfers included, float [agents]."""
        ...

    def play(
        self, key: jax.Array, policies: Policies, mechanism: jax.Array, params: Any
    ) -> jax.Array:
        """The objective of one episode that is drawn, float []; ``objective`` is its mean."""
        ...


class GameWithEquilibrium(Game, Protocol):
    """A game that knows a way of its own to an equilibrium, which ``equilibrium`` then takes."""

    def equilibrium(self, mechanism: jax.Array, params: Any) -> FixedPoint:
        """Its policies under ``mechanism``, differentiable by the implicit function theorem."""
        ...


class GameOfChoices(Game, Protocol):
    """A game that knows whether best responses jump from one of finitely many actions to another.

    Where they do, their derivatives are 0, and no gradient that is computed through them leads
    anywhere: a designer with such a gradient refuses the game.
    """

    def responses_jump(self, params: Any) -> bool:
        """Whether they do; false where that depends on what is traced."""
        ...


class GameWithActionValues(Game, Protocol):
    """A game of finitely many actions that knows what each of them is worth, for who learns it.

    Policies are then arrays, float [..., actions], with the probabilities of the last axis.
    """

    def action_values(self, policies: Policies, mechanism: jax.Array, params: Any) -> Policies:
        """What each action is worth to who chooses it while all do as ``policies`` say.

        A PyTree of the structure and shapes of ``policies``, transfers included.
        """
        ...


def is_rational(temperature: Any) -> bool:
    """Whether a temperature is known, and known to be 0."""
    number = checks.known(temperature)
    return checks.is_number(number) and number == 0


def equilibrium(
    game: Game, mechanism: jax.Array, params: Any, *, solver: Solver | None = None
) -> FixedPoint:
    """Policies that respond to themselves under ``mechanism``, differentiable in it and ``params``.

    They are ``point`` of what is returned. Without a solver it is one program, which compiles once
    for equal games and shapes, called from a compiled program or not; the numbers of ``params`` are
    traced there. With one, call it in a compiled program: outside it compiles anew at every call.

    Args:
      game: hashable.
      params: of the game, a PyTree whose leaves are arrays and numbers. Without a solver they are
        handed to a compiled program, which takes no other leaves, such as text or functions: these
        belong in the game, or in static fields of a ``jaxmech.struct`` dataclass.
      solver: that of ``fixed_point``, from the initial policies. Where it is None, the game's own
        way is taken, and where it has none, Newton's method.

    Raises:
      InvalidValueError: a number of ``params`` out of the bounds that ``jaxmech.struct.number``
        declares, such as a temperature below 0 or NaN, unless it is traced.
      TypeError: without a solver, leaves of ``params`` that are neither arrays nor numbers.
    """
    checks.declared(params)
    if solver is None:
        return _own_equilibrium(game, mechanism, params)
    return _from_initial_policies(game, mechanism, params, solver)


@partial(jax.jit, static_argnums=0, inline=True)
def _own_equilibrium(game: Game, mechanism: jax.Array, params: Any) -> FixedPoint:
    if hasattr(game, "equilibrium"):
        own: FixedPoint = game.equilibrium(mechanism, params)
        return own
    return _from_initial_policies(game, mechanism, params, None)


def _from_initial_policies(
    game: Game, mechanism: jax.Array, params: Any, solver: Solver | None
) -> FixedPoint:
    start = game.initial_policies(params)
    return fixed_point(
        lambda policies, given: game.respond(policies, *given),
        start,
        (mechanism, params),
        solver=newton(start) if solver is None else solver,
    )
