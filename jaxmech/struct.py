"""``flax.struct`` dataclasses whose tree structures differ where their classes do."""

from __future__ import annotations

import inspect
from typing import TypeVar, dataclass_transform

from flax import struct
from flax.struct import field

__all__ = ["dataclass", "field"]

_Class = TypeVar("_Class", bound=type)


@dataclass_transform(frozen_default=True, field_specifiers=(field,))
def dataclass(cls: _Class) -> _Class:
    """``flax.struct.dataclass``, with the class in the static part of the tree structure.

    jaxlib (seen in 0.10.2) takes the structures of two registered dataclasses as equal where
    their static fields and numbers of leaves are, whatever the classes; only their hashes
    differ. Where the hashes collide in jit's cache, for about one pair in a hundred, it runs
    the program that was compiled for the other class: the quantile of ``Uniform`` on the
    numbers of a ``LogNormal``. A static field, hidden but for being a field, that holds the
    class's name tells them apart.
    """
    name = f"{cls.__module__}.{cls.__qualname__}"
    cls.__annotations__ = {**inspect.get_annotations(cls), "_class_name": str}
    hidden = field(pytree_node=False, default=name, repr=False, kw_only=True)
    cls._class_name = hidden  # type: ignore[attr-defined]
    return struct.dataclass(cls)
