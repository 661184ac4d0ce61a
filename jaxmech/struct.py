"""``flax.struct`` dataclasses whose tree structures differ where their classes do."""

from __future__ import annotations

import inspect
from typing import TypeVar, dataclass_transform

from flax import struct
from flax.struct import field

__all__ = ["dataclass", "field"]

_Class = TypeVar("_Class", bound=type)

_CLASS_NAME = "_class_name"


@dataclass_transform(frozen_default=True, field_specifiers=(field,))
def dataclass(cls: _Class) -> _Class:
    """``flax.struct.dataclass``, with the class in the static part of the tree structure.

    jaxlib (seen in 0.10.2) takes the structures of two registered dataclasses as equal where
    their static fields and numbers of leaves are, whatever the classes; only their hashes
    differ. Where the hashes collide in jit's cache, for about one pair in a hundred, it runs
    the program that was compiled for the other class: the quantile of ``Uniform`` on the
    numbers of a ``LogNormal``. A static part that holds the class's name tells them apart. It
    is no field of the finished class, so it is neither shown, compared nor copied by
    ``dataclasses``.
    """
    name = f"{cls.__module__}.{cls.__qualname__}"
    cls.__annotations__ = {**inspect.get_annotations(cls), _CLASS_NAME: str}
    hidden = field(pytree_node=False, default=name, repr=False, compare=False, kw_only=True)
    setattr(cls, _CLASS_NAME, hidden)
    made = struct.dataclass(cls)
    del vars(made)["__dataclass_fields__"][_CLASS_NAME]
    signature = inspect.signature(made)
    shown = [part for part in signature.parameters.values() if part.name != _CLASS_NAME]
    setattr(made, "__signature__", signature.replace(parameters=shown))  # noqa: B010
    return made
