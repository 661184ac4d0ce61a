"""What input must satisfy: one error for whatever is refused, and the checks that raise it."""

from __future__ import annotations

import math
import operator
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import fields, is_dataclass
from itertools import islice
from numbers import Number, Real
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

Value = TypeVar("Value")

LONGEST = 200
"""Characters of a value that a message shows at most."""

_DEEPEST = 8
"""Lists within lists that a message shows at most."""


class InvalidValueError(ValueError):
    """A value that is not allowed; the message names its field and says what is.

    Attributes:
      field: what was given the value, such as ``"search.factors"``.
      value: what was given.
      allowed: what is allowed, in words.
    """

    def __init__(
        self, field: str, value: Any, allowed: str, *, got: str = "", verb: str = "allowed are"
    ) -> None:
        """The message is ``field: got VALUE; allowed are ALLOWED``.

        Args:
          got: shown in place of the value, such as ``"shape (3,)"``.
          verb: in place of ``allowed are``; empty where ``allowed`` is a whole clause.
        """
        self.field = field
        self.value = value
        self.allowed = allowed
        rule = f"{verb} {allowed}" if verb else allowed
        super().__init__(f"{field}: got {got or shown(value)}; {rule}")

    def __reduce__(self) -> tuple[Any, ...]:
        return (_remade, (type(self), self.field, self.value, self.allowed, str(self)))


def integer(field: str, value: Any, *, low: int = 1, high: int | None = None) -> int:
    """The value, if it is an integer from ``low`` to ``high``; truth values are none.

    Raises:
      InvalidValueError: it is not.
    """
    try:
        whole = None if isinstance(value, bool) else operator.index(value)
    except TypeError:
        whole = None
    if whole is None or whole < low or (high is not None and whole > high):
        upper = "" if high is None else f" to {high}"
        raise InvalidValueError(field, value, f"integers from {low}{upper}")
    return whole


def number(
    field: str,
    value: Any,
    *,
    low: float | None = None,
    above: float | None = None,
    high: float | None = None,
    below: float | None = None,
    finite: bool = True,
) -> float:
    """The value, if it is a number within the bounds; NaN and truth values are none.

    Args:
      low, high: ends that are allowed.
      above, below: ends that are not.
      finite: whether infinity is refused.

    Raises:
      InvalidValueError: it is not.
    """
    bounds = _Bounds(low, above, high, below, finite)
    if not _is_like_number(value) or not bounds.hold(value):
        raise InvalidValueError(field, value, bounds.words)
    return float(value)


def numbers(
    field: str,
    values: Any,
    *,
    low: float | None = None,
    above: float | None = None,
    high: float | None = None,
    below: float | None = None,
    finite: bool = True,
) -> None:
    """Refuses a sequence or an array with a number out of bounds, which are those of ``number``.

    Raises:
      InvalidValueError: there is such a number.
    """
    bounds = _Bounds(low, above, high, below, finite)
    if hasattr(values, "dtype"):
        # Not ``bounds.hold`` on each: an array can be large.
        good = bool(bounds.hold_of_array(values).all())
    else:
        good = all(_is_like_number(one) and bounds.hold(one) for one in values)
    if not good:
        raise InvalidValueError(field, values, bounds.words)


def reals(field: str, values: Any, allowed: str = "real numbers") -> NDArray[np.float64]:
    """The numbers as an array of NumPy, float64; lists within lists become its axes.

    Args:
      allowed: what the message says of it, such as the axes.

    Raises:
      InvalidValueError: lists of unequal lengths, complex numbers, truth values, or no numbers.
    """
    import numpy as np

    try:
        array = np.asarray(values)
    except ValueError:
        raise InvalidValueError(field, values, f"{allowed}; lists of one length each") from None
    if array.dtype.kind not in "iuf":
        raise InvalidValueError(field, values, allowed, got=f"{shown(values)} ({array.dtype})")
    return array.astype(np.float64)


def leaf(field: str, value: Any, **bounds: Any) -> None:
    """As ``number``, but what is no number of Python or NumPy passes.

    For parameters that are leaves of a tree: inside a transformation those are arrays, traced
    or not, or whatever the transformation puts in their place.

    Raises:
      InvalidValueError: a number out of bounds.
    """
    if is_number(value):
        number(field, value, **bounds)


def declared(tree: Any, path: str = "") -> None:
    """Refuses a number out of the bounds that its field declares, by ``jaxmech.struct.number``.

    Fields of a dataclass, and of those among its fields, are looked at, and there numbers of
    Python, NumPy and JAX that are not traced; anything else passes, also a tree that is no
    dataclass.

    Args:
      path: where the tree stands, for the message, such as ``"params.game"``.

    Raises:
      InvalidValueError: there is such a number.
    """
    if isinstance(tree, type) or not is_dataclass(tree):
        return
    for one in fields(tree):
        name, value = f"{path}.{one.name}".removeprefix("."), getattr(tree, one.name)
        if "bounds" in one.metadata:
            leaf(name, known(value), **one.metadata["bounds"])
        else:
            declared(value, name)


def above_low(low: Any, high: Any) -> None:
    """Refuses an upper end ``high`` that is not above the lower end ``low``, or not finite.

    As for ``leaf``, what is no number of Python or NumPy passes.

    Raises:
      InvalidValueError: of the field ``high``.
    """
    if is_number(low) and is_number(high) and not low < high < math.inf:
        raise InvalidValueError("high", high, f"finite numbers above low ({low})")


def one_of(field: str, value: Value, allowed: Iterable[Any]) -> Value:
    """The value, if it is one of those allowed.

    Raises:
      InvalidValueError: it is not; the message lists them.
    """
    choices = tuple(allowed)
    if not any(isinstance(value, type(choice)) and value == choice for choice in choices):
        raise InvalidValueError(field, value, ", ".join(map(repr, choices)))
    return value


def some(field: str, entries: Sequence[Any]) -> None:
    """Refuses an empty sequence, and text and whatever else is no sequence of entries.

    Raises:
      InvalidValueError: it is such.
    """
    if isinstance(entries, str | bytes) or not hasattr(entries, "__len__"):
        raise InvalidValueError(field, entries, "lists and tuples")
    if not len(entries):
        raise InvalidValueError(field, entries, "at least one", got="none", verb="needed is")


def distinct(field: str, entries: Sequence[Any]) -> None:
    """Refuses entries of which some stand there twice.

    Raises:
      InvalidValueError: some do.
    """
    if len(set(entries)) < len(entries):
        raise InvalidValueError(field, entries, "each of them once")


def shape(field: str, array: Any, axes: str, *allowed: tuple[int, ...]) -> None:
    """Refuses an array of another shape than ``allowed``, which ``axes`` puts in words.

    Raises:
      InvalidValueError: the shape is not one of ``allowed``.
    """
    if array.shape not in allowed:
        shapes = " or ".join(str(one) for one in allowed)
        raise InvalidValueError(
            field,
            array,
            f"{axes}, here {shapes} (batches go through jax.vmap)",
            got=f"shape {array.shape}",
        )


def axes(field: str, array: Any, *names: str) -> None:
    """Refuses an array that does not have these axes, or has nothing along one.

    Raises:
      InvalidValueError: it has more or fewer axes, or an empty one.
    """
    if array.ndim != len(names) or 0 in array.shape:
        raise InvalidValueError(
            field,
            array,
            f"[{', '.join(names)}], at least 1 of each (batches go through jax.vmap)",
            got=f"shape {array.shape}",
        )


def hashable_fields(configuration: Any) -> None:
    """Refuses a dataclass with a field that has no hash, by which programs are told apart.

    Raises:
      InvalidValueError: of the first such field.
    """
    for field in fields(configuration):
        value = getattr(configuration, field.name)
        try:
            hash(value)
        except TypeError:
            allowed = "hashable ones, such as functions, numbers and tuples"
            raise InvalidValueError(field.name, value, allowed) from None


def problem_with(value: float) -> str:
    """Why a number is no value of an agent, or nothing."""
    if math.isnan(value):
        return "NaN is not allowed"
    if math.isinf(value):
        return "values must be finite"
    return "values must not be negative" if value < 0 else ""


def worth(field: str, value: float, given: Any) -> float:
    """The number, if it can be the value of an agent: finite, from 0.

    Args:
      given: what the number was read from, for the message.

    Raises:
      InvalidValueError: it cannot.
    """
    problem = problem_with(value)
    if problem:
        raise InvalidValueError(field, given, problem, verb="")
    return value


def is_number(value: Any) -> bool:
    """Whether it is a real number of Python or NumPy; truth values are none."""
    return isinstance(value, Real) and not isinstance(value, bool)


def known(value: Any) -> Any:
    """The number that an array without axes holds, unless it is traced; anything else as it is.

    For leaves of a tree that is used as what it says. One that is merely transformed may hold any
    arrays, such as gradients, and those are nobody's to refuse.
    """
    if is_number(value) or getattr(value, "shape", None) != ():
        return value
    try:
        return value.item()
    except (AttributeError, TypeError):
        return value


def _is_like_number(value: Any) -> bool:
    """Also an array without axes, such as JAX's scalars are."""
    return is_number(value) or (getattr(value, "shape", None) == () and value.dtype.kind in "iuf")


def shown(value: Any, longest: int = LONGEST) -> str:
    """A value as text of at most ``longest`` characters; what is cut ends in three dots.

    Only as much of it is looked at as is shown, so that deep, long or repeated content of a file
    costs nothing.
    """
    text, size = [], 0
    for piece in _pieces(value, longest, 0):
        text.append(piece)
        size += len(piece)
        if size > longest:
            break
    whole = " ".join("".join(text).split())
    return whole if len(whole) <= longest else whole[: longest - 3] + "..."


def _pieces(value: Any, longest: int, depth: int) -> Iterator[str]:
    if isinstance(value, str | bytes):
        yield repr(value[: longest + 1])
    elif isinstance(value, int) and value.bit_length() > 4 * longest:
        yield f"an integer of {value.bit_length()} bits"
    elif isinstance(value, Number):
        yield str(value)
    elif type(value) in (list, tuple, dict, set, frozenset):
        yield from _pieces_of_collection(value, longest, depth)
    else:
        as_text = hasattr(value, "dtype") or isinstance(value, os.PathLike)
        yield str(value) if as_text else repr(value)


def _pieces_of_collection(value: Any, longest: int, depth: int) -> Iterator[str]:
    opening, closing = ("[", "]") if isinstance(value, list) else ("{", "}")
    if isinstance(value, tuple):
        opening, closing = "(", ",)" if len(value) == 1 else ")"
    yield opening
    if depth == _DEEPEST:
        yield "..."
    else:
        # What is cut later is not looked at: an entry takes a character or more.
        for place, entry in enumerate(islice(value, longest)):
            yield ", " if place else ""
            yield from _pieces(entry, longest, depth + 1)
            if isinstance(value, Mapping):
                yield ": "
                yield from _pieces(value[entry], longest, depth + 1)
    yield closing


class _Bounds:
    """Ends of a range, what lies within, and how messages say it."""

    def __init__(
        self,
        low: float | None,
        above: float | None,
        high: float | None,
        below: float | None,
        finite: bool,
    ) -> None:
        self._low = -math.inf if low is None else low
        self._above = above
        self._high = math.inf if high is None else high
        self._below = below
        self._finite = finite

    def hold(self, value: Any) -> bool:
        # Written so that NaN is out of bounds; an integer may be too large for ``isfinite``.
        return (
            self._low <= value <= self._high
            and (self._above is None or value > self._above)
            and (self._below is None or value < self._below)
            and (not self._finite or -math.inf < value < math.inf)
        )

    def hold_of_array(self, values: Any) -> Any:
        good = (values >= self._low) & (values <= self._high)
        if self._above is not None:
            good &= values > self._above
        if self._below is not None:
            good &= values < self._below
        if self._finite:
            good &= (values > -math.inf) & (values < math.inf)
        return good

    @property
    def words(self) -> str:
        lower, upper = "", ""
        if self._above is not None:
            lower = f" above {self._above}"
        elif self._low > -math.inf:
            lower = f" from {self._low}"
        if self._below is not None:
            upper = f"{' to' if lower else ''} below {self._below}"
        elif self._high < math.inf:
            upper = f" to {self._high}" if lower else f" up to {self._high}"
        kind = "finite numbers" if self._finite and not (lower and upper) else "numbers"
        return kind + lower + upper


def _remade(
    cls: type[InvalidValueError], field: str, value: Any, allowed: str, message: str
) -> InvalidValueError:
    """The error as it was, for another process."""
    error = cls.__new__(cls)
    error.field, error.value, error.allowed = field, value, allowed
    error.args = (message,)
    return error
