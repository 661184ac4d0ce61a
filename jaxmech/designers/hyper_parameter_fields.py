"""Fields of the jax-free dataclasses that hold a learner's hyper-parameters, and their check.

A field carries its range; what is fixed when compiling says so in the words of
``jaxmech.struct``, so that a learner that inherits the dataclass has it right.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import Field, field
from typing import Any

from jaxmech import checks
from jaxmech.checks import InvalidValueError

STATIC = {"pytree_node": False}
"""Metadata of a field that is fixed when compiling."""


def size(default: int | tuple[int, ...] | None) -> Any:
    """An integer of at least 1, or several, fixed when compiling."""
    return field(default=default, metadata={**STATIC, "low": 1})


def number(default: float | None, **bounds: Any) -> Any:
    """A number that may be a traced array, with the bounds of ``jaxmech.checks.number``."""
    return field(default=default, metadata=bounds)


def check(hyper_parameters: Any, fields: Iterable[Field[Any]]) -> None:
    """Looks at each of ``fields`` that ``size`` or ``number`` made; None passes where it is the
    default.

    Raises:
      InvalidValueError: a value out of its range.
    """
    for one in fields:
        value, bounds = getattr(hyper_parameters, one.name), dict(one.metadata)
        is_static = not bounds.pop("pytree_node", True)
        if value is None and one.default is None:
            continue
        if not is_static:
            checks.leaf(one.name, value, **bounds)
        elif bounds:
            several = isinstance(one.default, tuple)
            if several and not isinstance(value, Sequence):
                raise InvalidValueError(one.name, value, "integers from 1, one or more in a tuple")
            for entry in value if several else (value,):
                checks.integer(one.name, entry, **bounds)
