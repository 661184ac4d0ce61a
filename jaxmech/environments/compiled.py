"""Methods of environments as one program each, also where nobody compiles them."""

from __future__ import annotations

from collections.abc import Callable
from typing import ParamSpec, TypeVar, cast

import jax

Given = ParamSpec("Given")
Returned = TypeVar("Returned")


def compiled(method: Callable[Given, Returned]) -> Callable[Given, Returned]:
    """A method that compiles once for equal environments, as the methods of gymnax do.

    Called op by op a step takes a hundred times longer. Inside a compiled program it makes no
    difference: the method's operations become the program's own. Numbers of the parameters are
    traced, and so are not checked, whoever calls it; ``params_of`` checks them.
    """
    return cast("Callable[Given, Returned]", jax.jit(method, static_argnums=0, inline=True))
