"""``flax.struct`` dataclasses whose tree structures differ where their classes do."""

from __future__ import annotations

import inspect
from typing import Any, TypeVar, dataclass_transform

from flax import struct
from flax.struct import field

__all__ = ["dataclass", "field"]

_Class = TypeVar("_Class", bound=type)

_CLASS = "_class"


@dataclass_transform(frozen_default=True, field_specifiers=(field,))
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
