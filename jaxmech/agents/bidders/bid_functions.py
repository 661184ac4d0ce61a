"""How every bidder of an auction bids: one bid function for each group of equal bidders."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxmech import checks, struct
from jaxmech.checks import InvalidValueError

Quantile = Callable[[jax.Array], jax.Array]
"""From levels in [0, 1] to values."""

BidFunction = Callable[[jax.Array], jax.Array]
"""From a bidder's values to its bids, elementwise; a constant is bid at every value."""


@struct.dataclass
class BidFunctions:
    """A whole profile of bid functions, each linear between the points of a grid.

    Attributes:
      levels: float [grid], ascending from 0 to 1: the share of values below.
      values: float [groups, grid], each group's values at these levels.
      bids: float [groups, grid], what a bidder of the group bids there, never descending.
      group_sizes: number of bidders of each group.
    """

    levels: jax.Array
    values: jax.Array
    bids: jax.Array
    group_sizes: tuple[int, ...] = struct.field(pytree_node=False)

    @property
    def num_bidders(self) -> int:
        return sum(self.group_sizes)

    def __call__(self, values: jax.Array) -> jax.Array:
        """Bids float [bidders] of bidders with ``values: float [bidders]``, group by group.

        Values outside the grid bid as its ends do.

        Raises:
          ValueError: there is not one value for each bidder.
        """
        values = jnp.asarray(values)
        checks.shape("values", values, "[bidders]", (self.num_bidders,))
        group = np.repeat(np.arange(len(self.group_sizes)), self.group_sizes)
        return jax.vmap(jnp.interp)(values, self.values[group], self.bids[group])


def bids_at(function: BidFunction, values: jax.Array) -> jax.Array:
    """The bids at ``values``, float of their shape; one number is bid at all of them.

    Raises:
      ValueError: the function returns another shape.
    """
    bids = jnp.asarray(function(values), values.dtype)
    if bids.shape not in ((), values.shape):
        raise InvalidValueError(
            "bid function",
            bids,
            "a bid for each value, or one for all",
            got=f"bids of shape {bids.shape} for values of shape {values.shape}",
        )
    return jnp.broadcast_to(bids, values.shape)


def value_grid(
    distributions: Sequence[Any], group_sizes: Sequence[int], num_values: int
) -> tuple[jax.Array, jax.Array]:
    """Levels float [grid] and values float [groups, grid] of ``num_values`` equal shares.

    The grid has the middle of each share, and the two ends. Where a value is unbounded, the
    end is half a step beyond the last middle.

    Args:
      distributions: one of each group, with ``quantile(levels)``, or that function itself.
      group_sizes: number of bidders of each group.
      num_values: number of equal shares, at least 2.

    Raises:
      ValueError: the sizes do not fit the distributions, or a value is negative, NaN or
        infinite elsewhere than at the ends.
    """
    if len(distributions) == 0 or len(distributions) != len(group_sizes):
        raise InvalidValueError(
            "group_sizes",
            tuple(group_sizes),
            "one number of bidders for each, and at least one",
            got=f"{tuple(group_sizes)} for {len(distributions)} distributions",
            verb="allowed is",
        )
    if any(size < 1 or size != int(size) for size in group_sizes):
        raise InvalidValueError("group_sizes", tuple(group_sizes), "integers from 1")
    checks.integer("num_values", num_values, low=2)
    middles = (np.arange(num_values) + 0.5) / num_values
    levels = jnp.asarray(np.concatenate([[0.0], middles, [1.0]]), float)
    quantiles = [_quantile(distribution)(levels) for distribution in distributions]
    values = _with_finite_ends(*quantiles)
    if not isinstance(values, jax.core.Tracer):
        low, high = np.min(values), np.max(values)
        if not 0 <= low <= high < np.inf:
            raise InvalidValueError(
                "distributions",
                low,
                "finite numbers from 0, but for the ends",
                got=f"values from {low} to {high}",
            )
    return levels, values


def tabulated(
    functions: Sequence[BidFunction],
    distributions: Sequence[Any],
    group_sizes: Sequence[int],
    *,
    num_values: int = 256,
) -> BidFunctions:
    """Bid functions of each group, such as closed forms, on a grid.

    Arguments and errors are those of ``value_grid``; ``functions`` has one of each group.
    """
    if len(functions) != len(distributions):
        raise InvalidValueError(
            "functions",
            len(functions),
            f"one for each of the {len(distributions)} groups",
            verb="allowed is",
        )
    levels, values = value_grid(distributions, group_sizes, num_values)
    bids = jnp.stack([bids_at(bid, own) for bid, own in zip(functions, values, strict=True)])
    return BidFunctions(levels, values, bids, tuple(group_sizes))


def l2_distance(learned: BidFunctions, exact: Sequence[BidFunction]) -> jax.Array:
    """Root mean square difference of bids over each group's values, float [groups].

    Args:
      learned: the profile.
      exact: bid functions to compare with, one of each group.

    Raises:
      ValueError: there are more or fewer functions than groups.
    """
    if len(exact) != len(learned.group_sizes):
        raise InvalidValueError(
            "exact",
            len(exact),
            f"one for each of the {len(learned.group_sizes)} groups",
            got=f"{len(exact)} bid functions",
            verb="allowed is",
        )
    wanted = jnp.stack([bids_at(bid, own) for bid, own in zip(exact, learned.values, strict=True)])
    squared = (learned.bids - wanted) ** 2
    return jnp.sqrt(jnp.trapezoid(squared, learned.levels[None], axis=-1))


def _quantile(distribution: Any) -> Quantile:
    quantile: Quantile = getattr(distribution, "quantile", distribution)
    return quantile


@jax.jit
def _with_finite_ends(*quantiles: jax.Array) -> jax.Array:
    """float [groups, grid], from one float [grid] for each group."""
    values = jnp.stack(quantiles)
    below = jnp.maximum(values[:, 1] - (values[:, 2] - values[:, 1]) / 2, 0)
    above = values[:, -2] + (values[:, -2] - values[:, -3]) / 2
    first = jnp.where(jnp.isfinite(values[:, 0]), values[:, 0], below)
    last = jnp.where(jnp.isfinite(values[:, -1]), values[:, -1], above)
    return jnp.concatenate([first[:, None], values[:, 1:-1], last[:, None]], axis=-1)
