"""What agents have who stay away from a mechanism."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
from jax.typing import DTypeLike

from jaxmech import checks


def outside_options(value: Any, axis: str, size: int, dtype: DTypeLike) -> jax.Array:
    """What staying away is worth, one amount for all or one each, of ``dtype``.

    Args:
      value: a number, or float [size] as an array or a list; traced or not.
      axis: what there is one for each of, such as ``"types"``.
      size: how many there are.

    Returns:
      float [] or [size].

    Raises:
      InvalidValueError: another shape, or an amount that is complex or, unless it is traced, not
        finite. Of the field ``outside_option``.
    """
    field = "outside_option"
    if not isinstance(value, jax.core.Tracer):
        value = checks.reals(field, value, f"a number or real numbers [{axis}]")
        checks.numbers(field, value)
    checks.shape(field, value, f"a number or [{axis}]", (), (size,))
    return jnp.asarray(value, dtype)
