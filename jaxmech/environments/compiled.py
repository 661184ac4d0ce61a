"""Methods of environments as one program each, also where nobody compiles them."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, ParamSpec, TypeVar, cast

import jax

Given = ParamSpec("Given")
Returned = TypeVar("Returned")
Step = TypeVar("Step", bound=Callable[..., Any])
Reset = TypeVar("Reset", bound=Callable[..., Any])


def compiled(method: Callable[Given, Returned]) -> Callable[Given, Returned]:
    """A method that compiles once for equal environments, as the methods of gymnax do.

    Called op by op a step takes a hundred times longer. Inside a compiled program it makes no
    difference: the method's operations become the program's own. Numbers of the parameters are
    traced, and so are not checked, whoever calls it; ``params_of`` checks them.
    """
    return cast("Callable[Given, Returned]", jax.jit(method, static_argnums=0, inline=True))


def checked_reset(check: Callable[[Any, Any], None]) -> Callable[[Reset], Reset]:
    """A reset that asks ``check(environment, params)`` first, of parameters that are given, which
    can look into those that are not traced."""

    def of(reset: Reset) -> Reset:
        @wraps(reset)
        def checked_reset(env: Any, key: jax.Array, params: Any = None) -> Any:
            if params is not None:
                check(env, params)
            return reset(env, key, params)

        return cast("Reset", checked_reset)

    return of


def checked(check: Callable[[Any, Any], None]) -> Callable[[Step], Step]:
    """A step that asks ``check(environment, action)`` first, which can look into actions that are
    not traced."""

    def of(step: Step) -> Step:
        @wraps(step)
        def checked_step(
            env: Any, key: jax.Array, state: Any, action: Any, params: Any = None
        ) -> Any:
            check(env, action)
            return step(env, key, state, action, params)

        return cast("Step", checked_step)

    return of
