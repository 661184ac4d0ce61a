"""What the rules accept.

Shapes are checked always, numbers only where they are known: under ``jit`` or ``vmap`` they
are not, and a rule given a negative or NaN bid there returns nonsense in silence.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike

from jaxmech import checks
from jaxmech.checks import InvalidValueError

Numbers = ArrayLike | Sequence[float]
Bools = ArrayLike | Sequence[bool]

_FINITE = "0 and above, finite"


def bids_and_charges(
    bids: Numbers, reserve: Numbers, entry_fee: Numbers, *, finite_reserve: bool = False
) -> tuple[jax.Array, jax.Array, jax.Array]:
    """The three as arrays of one float type, checked.

    Raises:
      ValueError: a number or a shape is not allowed.
    """
    bids, reserve, entry_fee = as_floats(
        {"bids": bids, "reserve": reserve, "entry_fee": entry_fee},
        may_be_infinite=() if finite_reserve else ("reserve",),
    )
    checks.axes("bids", bids, "bidders")
    checks.shape("reserve", reserve, "a number or [bidders]", (), bids.shape)
    checks.shape("entry_fee", entry_fee, "a number", ())
    return bids, reserve, entry_fee


def who_takes_part(takes_part: Bools | None, bids: jax.Array, reserve: jax.Array) -> jax.Array:
    """Of those whose bid is at or above their reserve all, or those named; bool [bidders].

    Raises:
      ValueError: ``takes_part`` is not of bools or of another shape.
    """
    reached = bids >= reserve
    if takes_part is None:
        return reached
    willing = takes_part if isinstance(takes_part, jax.Array) else np.asarray(takes_part)
    if willing.dtype != bool:
        raise InvalidValueError("takes_part", takes_part, "bools")
    willing = jnp.asarray(willing)
    checks.shape("takes_part", willing, "[bidders]", bids.shape)
    return reached & willing


def position_auction(
    of_bidders: Mapping[str, Numbers],
    click_rates: Numbers,
    squash: Numbers,
    reserve: Numbers = 0.0,
) -> tuple[jax.Array, ...]:
    """The fields of bidders, then the other three, as arrays of one float type, checked.

    Raises:
      ValueError: a number or a shape is not allowed, or there are more slots than bidders.
    """
    others = {"click_rates": click_rates, "squash": squash, "reserve": reserve}
    arrays = as_floats({**of_bidders, **others}, may_be_infinite=["reserve"])
    first, bidders = next(iter(of_bidders)), arrays[0].shape
    checks.axes(first, arrays[0], "bidders")
    for field, array in zip(of_bidders, arrays, strict=False):
        checks.shape(field, array, "[bidders]", bidders)
    slots = arrays[-3]
    checks.axes("click_rates", slots, "slots")
    checks.shape("squash", arrays[-2], "a number", ())
    checks.shape("reserve", arrays[-1], "a number or [bidders]", (), bidders)
    if slots.shape > bidders:
        raise InvalidValueError(
            "click_rates",
            slots.shape[0],
            "at most as many slots as bidders",
            got=f"{slots.shape[0]} slots for {bidders[0]} bidders",
        )
    check_decreasing("click_rates", click_rates)
    return arrays


def as_floats(
    fields: Mapping[str, Numbers], *, may_be_infinite: Sequence[str] = ()
) -> tuple[jax.Array, ...]:
    """The fields as arrays of one float type, in the order given.

    Raises:
      ValueError: a field is not made of numbers, or has one that is below 0, NaN or, but for
        the fields named, infinite.
    """
    arrays = {field: _as_array(field, given) for field, given in fields.items()}
    for field, array in arrays.items():
        if field in may_be_infinite:
            _check_numbers(field, array, lambda numbers: numbers >= 0, "0 and above")
        else:
            _check_numbers(
                field, array, lambda numbers: (numbers >= 0) & np.isfinite(numbers), _FINITE
            )
    dtype = jnp.result_type(0.0, *arrays.values())
    return tuple(jnp.asarray(array, dtype) for array in arrays.values())


def check_positive(field: str, given: Numbers) -> None:
    """Refuses numbers that are not above 0; what is being traced passes.

    Raises:
      ValueError: there is such a number.
    """
    array = _as_array(field, given)
    _check_numbers(field, array, lambda numbers: numbers > 0, "above 0")


def check_decreasing(field: str, given: Numbers) -> None:
    """Refuses numbers that rise along the last axis; what is being traced passes.

    Raises:
      ValueError: a number is above the one before.
    """

    def none_rises(numbers: np.ndarray) -> np.ndarray:
        return np.diff(numbers, prepend=numbers[..., :1]) <= 0

    _check_numbers(field, _as_array(field, given), none_rises, "that do not rise")


def _as_array(field: str, given: Numbers) -> jax.Array | np.ndarray | float:
    if isinstance(given, jax.Array | bool | int | float):
        # Python numbers stay so: they do not widen the type of the arrays beside them.
        return given
    array = np.asarray(given)
    if array.dtype.kind not in "biuf":
        raise InvalidValueError(field, given, "real numbers")
    return array


def _check_numbers(
    field: str,
    array: jax.Array | np.ndarray | float,
    is_good: Callable[[np.ndarray], np.ndarray],
    allowed: str,
) -> None:
    if isinstance(array, jax.core.Tracer):
        return
    numbers = np.asarray(array)
    good = np.asarray(is_good(numbers))
    if not good.all():
        where = tuple(int(index) for index in np.argwhere(~good)[0])
        at = f" at index {', '.join(map(str, where))}" if where else ""
        raise InvalidValueError(
            field, numbers[where], f"numbers {allowed}", got=f"{numbers[where]}{at}"
        )
