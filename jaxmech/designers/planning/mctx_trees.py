"""``mctx`` as a search over reserve plans, and plans packed as the nodes of a tree."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from jaxmech.designers.planning.plans import Plan, Planning

Packed = dict[str, jax.Array]
"""A plan's numbers, each type of number in one vector."""


def mctx_search(
    planning: Planning,
    plan: Plan,
    key: jax.Array,
    select: Callable[[jax.Array, jax.Array], jax.Array],
    *,
    num_simulations: int,
) -> tuple[jax.Array, jax.Array]:
    """Tree search in which a move's value is the mean of the returns found below it.

    Args:
      planning: the problem.
      plan: the root.
      key: of the days.
      select: the move to try next, int32 [], of the moves' values, float [moves], and visits,
        int32 [moves].
      num_simulations: days simulated.

    Returns:
      of the moves of the first day, values, float [moves], and visits, int32 [moves].
    """
    import mctx

    num_moves = planning.moves.num_moves
    pack, unpack = packing(plan)

    def select_at(key: jax.Array, tree: mctx.Tree, node: jax.Array, depth: Any = None) -> jax.Array:
        del key, depth
        return select(tree.qvalues(node), tree.children_visits[node])

    def recurrent(
        params: Any, mctx_key: jax.Array, moves: jax.Array, packed: Packed
    ) -> tuple[mctx.RecurrentFnOutput, Packed]:
        del params, mctx_key
        before = jax.vmap(unpack)(packed)
        plans, values = jax.vmap(planning.step, (0, 0, None))(before, moves, key)
        output = mctx.RecurrentFnOutput(
            reward=plans.revenue,
            discount=jnp.full_like(plans.revenue, planning.gamma),
            prior_logits=jnp.zeros((1, num_moves), plans.revenue.dtype),
            value=values,
        )
        return output, jax.vmap(pack)(plans)

    root = mctx.RootFnOutput(
        prior_logits=jnp.zeros((1, num_moves), plan.revenue.dtype),
        value=jnp.zeros(1, plan.revenue.dtype),
        embedding=jax.tree.map(lambda row: row[None], pack(plan)),
    )
    tree = mctx.search(
        None,
        key,
        root=root,
        recurrent_fn=recurrent,
        root_action_selection_fn=select_at,
        interior_action_selection_fn=select_at,
        num_simulations=num_simulations,
        max_depth=planning.depth,
    )
    values = tree.children_rewards[0, 0] + planning.gamma * tree.children_values[0, 0]
    return values, tree.children_visits[0, 0]


def packing(plan: Plan) -> tuple[Callable[[Plan], Packed], Callable[[Packed], Plan]]:
    """Functions to and from one vector for each type of number.

    A tree then reads and writes a plan in one operation, not one for each of its arrays.
    """
    leaves, structure = jax.tree.flatten(plan)
    shapes = [jnp.shape(leaf) for leaf in leaves]
    dtypes = [jnp.result_type(leaf) for leaf in leaves]

    def pack(plan: Plan) -> Packed:
        parts: dict[str, list[jax.Array]] = {}
        for leaf, dtype in zip(jax.tree.leaves(plan), dtypes, strict=True):
            parts.setdefault(str(dtype), []).append(jnp.ravel(leaf))
        return {dtype: jnp.concatenate(vectors) for dtype, vectors in parts.items()}

    def unpack(packed: Packed) -> Plan:
        starts = dict.fromkeys(packed, 0)
        parts = []
        for shape, dtype in zip(shapes, map(str, dtypes), strict=True):
            start, size = starts[dtype], math.prod(shape)
            parts.append(packed[dtype][start : start + size].reshape(shape))
            starts[dtype] += size
        unpacked: Plan = jax.tree.unflatten(structure, parts)
        return unpacked

    return pack, unpack
