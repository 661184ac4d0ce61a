"""PyTrees by the names of their leaves."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields, is_dataclass, replace
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np


def named_leaves(tree: Any) -> list[tuple[str, Any]]:
    """The leaves of a PyTree, each with the path to it joined by dots."""
    return [
        (jax.tree_util.keystr(path, simple=True, separator="."), leaf)
        for path, leaf in jax.tree_util.tree_leaves_with_path(tree)
    ]


def floats(tree: Any) -> list[tuple[str, Any]]:
    """The leaves that can be NaN, with their names.

    Left out are fields declared as ``struct.field(metadata={"check_finite": False})``: of large
    arrays that only grow, such as a replay buffer, it costs too much to look at all again.
    """
    return [
        (name, leaf)
        for name, leaf in named_leaves(_checked(tree))
        if jnp.issubdtype(leaf.dtype, jnp.inexact)
    ]


def _checked(tree: Any) -> Any:
    """``tree`` with None in place of what is not to be looked at."""
    return jax.tree.map(_without_unchecked, tree, is_leaf=is_dataclass)


def _without_unchecked(node: Any) -> Any:
    changed = {}
    for field in fields(node) if is_dataclass(node) else ():
        if field.init and field.metadata.get("pytree_node", True):
            looked_at = field.metadata.get("check_finite", True)
            changed[field.name] = _checked(getattr(node, field.name)) if looked_at else None
    return replace(node, **changed) if changed else node


def all_finite(leaves: Sequence[jax.Array]) -> jax.Array:
    """Whether each of ``leaves`` is finite throughout, bool [leaves]."""
    if not leaves:
        return jnp.zeros(0, bool)
    return jnp.stack([jnp.isfinite(leaf).all() for leaf in leaves])


def strong(tree: Any) -> Any:
    """``tree`` as arrays without weak types, which a loop could not carry."""
    return jax.tree.map(lambda leaf: jnp.asarray(leaf, dtype=jnp.asarray(leaf).dtype), tree)


def is_key(leaf: Any) -> bool:
    """Whether ``leaf`` is, or stands for, an array of typed keys."""
    return hasattr(leaf, "dtype") and jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key)


def data_of(leaf: Any) -> Any:
    """An array, or what stands for one, as it can be stored: of typed keys, their data."""
    if not is_key(leaf):
        return leaf
    if isinstance(leaf, jax.ShapeDtypeStruct):
        return jax.eval_shape(jax.random.key_data, leaf)
    return jax.random.key_data(leaf)


def from_data(data: np.ndarray, like: Any) -> Any:
    """What ``data_of`` was given, from what it gave; ``like`` stands for it."""
    if not is_key(like):
        return data
    # The generator of a key is told for arrays and tracers, not for their shape and dtype.
    kinds: list[Any] = []
    jax.eval_shape(lambda key: kinds.append(jax.random.key_impl(key)), like)
    return jax.random.wrap_key_data(jnp.asarray(data), impl=kinds[0])


def check_same(before: Any, after: Any) -> None:
    """
    Raises:
      ValueError: the state ``after`` an update is not built like the one ``before``.
    """
    given, returned = jax.tree.structure(before), jax.tree.structure(after)
    old, new = (named_leaves({"state": tree}) for tree in (before, after))
    if str(given) != str(returned):
        missing = [name for name, _ in old if name not in dict(new)]
        added = [name for name, _ in new if name not in dict(old)]
        raise ValueError(
            "designer.update: the state it returns is not built like the one it was given; "
            f"missing are {_first(missing)}, added are {_first(added)}"
        )
    for (name, was), (_, now) in zip(old, new, strict=True):
        if (was.shape, was.dtype) != (now.shape, now.dtype):
            raise ValueError(
                f"designer.update: {name} goes from {was.dtype} {list(was.shape)} "
                f"to {now.dtype} {list(now.shape)}; shape and dtype must stay the same"
            )


def _first(names: list[str]) -> str:
    return ", ".join(names[:3]) + (", ..." if len(names) > 3 else "") if names else "none"


def check_scalars(what: str, metrics: Any) -> None:
    """
    Raises:
      ValueError: ``metrics`` are no dictionary of scalars that columns can be named after.
    """
    if not isinstance(metrics, dict) or not metrics:
        raise ValueError(
            f"{what}: metrics must be a dict of at least one scalar, got {type(metrics).__name__}"
        )
    for name, value in metrics.items():
        if name in ("update", "seed") or not isinstance(name, str) or set(name) & set(',\n\r"'):
            raise ValueError(
                f"{what}: metric {name!r}; 'update', 'seed', commas, quotes and line breaks are "
                "not allowed"
            )
        if getattr(value, "shape", None) != ():
            shape = list(getattr(value, "shape", []))
            raise ValueError(f"{what}: metric {name!r} has shape {shape}; it must be a scalar")
