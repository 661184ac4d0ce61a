"""``flax.struct`` dataclasses whose tree structures differ where their classes do.

Their fields can carry the bounds of the number that they hold.
"""

from __future__ import annotations

import inspect
from typing import Any, TypeVar, dataclass_transform

from flax import struct
from flax.struct import field

__all__ = ["dataclass", "field", "number"]

_Class = TypeVar("_Class", bound=type)

_CLASS = "_class"


def number(**bounds: Any) -> Any:
    """A field of one number, a leaf, with the bounds of ``jaxmech.checks.number``.

    They are looked at where ``jaxmech.checks.declared`` is asked, and not when an instance is
    made: a transformation may put anything in the place of a leaf.
    """
    return field(metadata={"bounds": bounds})


@dataclass_transform(frozen_default=True, field_specifiers=(field, number))
def dataclass(cls: _Class) -> _Class:
    """``flax.struct.dataclass``, with the class in the static part of the tree structure.

    jaxlib (seen in 0.10.2) takes the structures of two registered dataclasses as equal where
    their static fields and numbers of leaves are, whatever the classes; only their hashes
    differ. Where the hashes collide in jit's cache, which is rare and by chance, it runs the
    program that was compiled for the other class: the quantile of ``Uniform`` on the
    numbers of a ``LogNormal``. A static part that holds the class tells them apart. It
    is no field of the finished class, so it is neither shown, compared nor copied by
    ``dataclasses``.
    """
    cls.__annotations__ = {**inspect.get_annotations(cls), _CLASS: type}
    hidden = field(pytree_node=False, default=cls, repr=False, compare=False, kw_only=True)
    setattr(cls, _CLASS, hidden)
    made: Any = struct.dataclass(cls)
    del made.__dataclass_fields__[_CLASS]
    _, *parameters = inspect.signature(made.__init__).parameters.values()
    shown = [parameter for parameter in parameters if parameter.name != _CLASS]
    made.__signature__ = inspect.Signature(shown)
    finished: _Class = made
    return finished
