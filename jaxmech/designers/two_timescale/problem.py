"""A game as a designer climbs it: by the places of the mechanism in its space."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from optax import projections

from jaxmech import checks, spaces, struct
from jaxmech.agents.responses.fixed_points import FixedPoint
from jaxmech.agents.responses.game import Game, MechanismSpace, Policies, equilibrium
from jaxmech.checks import InvalidValueError
from jaxmech.environments.incentives.environment import absolute, middle

_METHODS = ("mechanism_space", "initial_policies", "respond", "objective")
"""Of a game, without which nothing can be designed."""


def _is_traced(value: Any) -> bool:
    return isinstance(value, jax.core.Tracer)


@struct.dataclass
class Problem:
    """A game and its parameters.

    Places are float [coefficients]: from -1 to 1 between the bounds of each coefficient, or the
    mechanism itself where it is shares of a whole.

    Attributes:
      game: static.
      params: of the game.
    """

    game: Game = struct.field(pytree_node=False)
    params: Any

    @property
    def space(self) -> MechanismSpace:
        """Of mechanisms."""
        return self.game.mechanism_space(self.params)

    @property
    def of_shares(self) -> bool:
        """Whether mechanisms are shares of a whole."""
        return isinstance(self.space, spaces.Simplex)

    @property
    def dimensions(self) -> int:
        """Of the space: one fewer than coefficients where these are shares of a whole."""
        (size,) = self.space.shape
        return size - 1 if self.of_shares else size

    @property
    def room(self) -> float:
        """The length of a step that can go anywhere from the middle of the space, in places.

        Between bounds 1, the distance to each of them. Of n shares 1 / n, which each of them is in
        the middle: a step of this length in the space takes less than that from any share, as the
        nearest mechanism without some share is sqrt(n / (n - 1)) times as far away.
        """
        (size,) = self.space.shape
        return 1 / size if self.of_shares else 1.0

    def check(self, *, episodes: bool = False) -> None:
        """Refuses a game that no designer can climb, or parameters of another one.

        Shapes and dtypes are looked at, and bounds and numbers as far as they are not traced;
        nothing is computed or compiled.

        Args:
          episodes: whether episodes are to be drawn.

        Raises:
          InvalidValueError: a method that is missing; mechanisms that are no array [coefficients]
            between finite bounds or of shares; responses of another structure, shape or dtype than
            the initial policies; an objective, or that of an episode, that is no float [];
            parameters of another game, or a number of them, such as a temperature, out of the
            bounds that it declares by ``jaxmech.struct.number``.
        """
        checks.declared(self.params, "params.game")
        for name in (*_METHODS, *(["play"] if episodes else [])):
            if not callable(getattr(self.game, name, None)):
                raise InvalidValueError(
                    "game",
                    self.game,
                    "games with the methods of jaxmech.agents.Game",
                    got=f"one without {name!r}",
                )
        try:
            self._check_space()
            self._check_shapes(episodes)
        # What reading fields or entries that are not there raises; other errors tell of themselves.
        except (AttributeError, KeyError, TypeError) as error:
            wanted = self._kind_of_params()
            if wanted is None or isinstance(self.params, wanted):
                raise
            raise InvalidValueError(
                "params.game",
                self.params,
                f"parameters of the game {self.game.name!r}, here {wanted.__name__}",
                got=f"{type(self.params).__name__}, which it cannot read",
            ) from error

    def _check_space(self) -> None:
        with jax.ensure_compile_time_eval():
            space: Any = self.space
            if not isinstance(space, MechanismSpace):
                allowed = "Box and Simplex of jaxmech.spaces"
                raise InvalidValueError("mechanism_space", space, allowed)
            if len(space.shape) != 1 or 0 in space.shape:
                raise InvalidValueError(
                    "mechanism_space",
                    space,
                    "those of arrays [coefficients], at least 1",
                    got=f"shape {space.shape}",
                )
            if isinstance(space, spaces.Box):
                ends = [end for end in (space.low, space.high) if not _is_traced(end)]
                for end in ends:
                    checks.numbers("mechanism_space", np.asarray(end))
                # A coefficient may be fixed, by bounds that are equal.
                if len(ends) == 2 and np.any(np.greater(*ends)):
                    allowed = "bounds of which no upper one is below the lower"
                    raise InvalidValueError("mechanism_space", space, allowed)

    def _check_shapes(self, episodes: bool) -> None:
        space = self.space
        places = jax.ShapeDtypeStruct(space.shape, space.dtype)
        policies = jax.eval_shape(lambda: self.game.initial_policies(self.params))
        if not jax.tree.leaves(policies):
            raise InvalidValueError("initial_policies", policies, "trees with one array or more")
        response = jax.eval_shape(self.respond, policies, places)
        asked, got = (str(jax.tree.structure(tree)) for tree in (policies, response))
        if asked == got:
            asked, got = _described(policies), _described(response)
        if asked != got:
            raise InvalidValueError(
                "respond",
                response,
                f"trees of arrays like those of initial_policies: {asked}",
                got=got,
            )
        _check_float("objective", jax.eval_shape(self.objective, policies, places))
        if episodes:
            _check_float("play", jax.eval_shape(self._episode, policies, places))

    def _episode(self, policies: Policies, places: jax.Array) -> jax.Array:
        return self.game.play(jax.random.key(0), policies, self.mechanism(places), self.params)

    def _kind_of_params(self) -> type | None:
        """Of which the game's parameters are; None where it has no default to tell by."""
        try:
            with jax.ensure_compile_time_eval():
                return type(self.game.default_params)
        except (AttributeError, NotImplementedError, InvalidValueError):
            return None

    def mechanism(self, places: jax.Array) -> jax.Array:
        """float [coefficients]."""
        space = self.space
        return places if isinstance(space, spaces.Simplex) else absolute(space, places)

    def start(self, key: jax.Array, spread: Any) -> jax.Array:
        """Places drawn uniformly from the space shrunk around its middle to a share ``spread``."""
        space = self.space
        if isinstance(space, spaces.Simplex):
            return (1 - spread) * middle(space) + spread * space.sample(key)
        return spread * jax.random.uniform(key, space.shape, space.dtype, -1, 1)

    def nearest(self, places: jax.Array, margin: Any = 0.0) -> jax.Array:
        """The nearest places of the space shrunk around its middle to a share ``1 - margin``."""
        if not self.of_shares:
            return jnp.clip(places, margin - 1, 1 - margin)
        least, left = margin * self.room, 1 - margin
        projected: jax.Array = projections.projection_simplex((places - least) / left)
        # Projected are only shares that are none: it would round small ones to nothing.
        outside = (jnp.min(places) < least) | (jnp.abs(jnp.sum(places) - 1) > 1e-4)
        return jnp.where(outside, left * projected + least, places / jnp.sum(places))

    def along(self, gradient: jax.Array) -> jax.Array:
        """The part of a gradient by places, float [coefficients], that lies in the space."""
        return gradient - jnp.mean(gradient) if self.of_shares else gradient

    def direction(self, key: jax.Array) -> jax.Array:
        """Uniform on the unit sphere of the space, float [coefficients]."""
        space = self.space
        draw = self.along(jax.random.normal(key, space.shape, space.dtype))
        return draw / jnp.linalg.norm(draw)

    def respond(self, policies: Policies, places: jax.Array) -> Policies:
        """The agents' response to each other and to the mechanism."""
        return self.game.respond(policies, self.mechanism(places), self.params)

    def equilibrium(self, places: jax.Array) -> FixedPoint:
        """Of agents under the mechanism."""
        return equilibrium(self.game, self.mechanism(places), self.params)

    def objective(self, policies: Policies, places: jax.Array) -> jax.Array:
        """Expected, float []."""
        return self.game.objective(policies, self.mechanism(places), self.params)

    def values(
        self, policies: Policies, places: jax.Array, episodes: int | None, key: jax.Array
    ) -> jax.Array:
        """The objective of each of several mechanisms, float [played].

        Args:
          policies: every array [played, ...].
          places: float [played, coefficients].
          episodes: drawn for each, the same for all as far as the game's draws are; None for the
            expected objective.
        """
        if episodes is None:
            return jax.vmap(self.objective)(policies, places)
        keys = jax.random.split(key, episodes)

        def mean(policies: Policies, places: jax.Array) -> jax.Array:
            mechanism = self.mechanism(places)
            play = jax.vmap(self.game.play, in_axes=(0, None, None, None))
            return play(keys, policies, mechanism, self.params).mean()

        return jax.vmap(mean)(policies, places)


def _described(tree: Any) -> str:
    """Where each array of a tree stands, its dtype and its shape."""
    leaves, _ = jax.tree_util.tree_flatten_with_path(tree)
    return ", ".join(
        f"{jax.tree_util.keystr(path)} {leaf.dtype}{list(leaf.shape)}".strip()
        for path, leaf in leaves
    )


def _check_float(field: str, value: Any) -> None:
    is_array = isinstance(value, jax.ShapeDtypeStruct)
    if not is_array or value.shape != () or not jnp.issubdtype(value.dtype, jnp.floating):
        raise InvalidValueError(
            field, value, "a float [] (sums and means are)", got=_described(value) or "no array"
        )
