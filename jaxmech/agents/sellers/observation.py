"""What a platform sees of its sellers, in one array and by its parts."""

from __future__ import annotations

import jax
import jax.numpy as jnp

from jaxmech import struct
from jaxmech.agents.sellers.records import FIELDS
from jaxmech.checks import InvalidValueError


@struct.dataclass
class SellerObservation:
    """An observation of sellers by its parts.

    Attributes:
      records: float [..., rounds, sellers, 4], the oldest round first; of each ``impressions``,
        ``price``, ``transactions`` and ``revenue``.
      present: bool [..., sellers].
      prices: float [..., sellers], of the round to come; 0 where they are not shown.
    """

    records: jax.Array
    present: jax.Array
    prices: jax.Array

    def rows(self) -> jax.Array:
        """All of it, float [..., sellers, rounds x 4 + 2]."""
        # Sellers last until the end: put together seller by seller, a few numbers each, it takes
        # twice as long.
        fields = jnp.moveaxis(self.records, -1, -2)
        flat = fields.reshape(*fields.shape[:-3], -1, fields.shape[-1])
        others = [self.present.astype(flat.dtype)[..., None, :], self.prices[..., None, :]]
        return jnp.swapaxes(jnp.concatenate([flat, *others], axis=-2), -1, -2)


def seller_observation(rows: jax.Array) -> SellerObservation:
    """The parts of what ``SellerObservation.rows`` puts together.

    Raises:
      ValueError: there are none of so many numbers of a seller.
    """
    rounds, left = divmod(rows.shape[-1] - 2, len(FIELDS))
    if rounds < 1 or left or rows.ndim < 2:
        raise InvalidValueError(
            "rows",
            rows,
            f"[..., sellers, rounds x {len(FIELDS)} + 2], at least 1 round",
            got=f"shape {rows.shape}",
        )
    # The way back through the steps of ``rows``, so that XLA computes no more than is looked at.
    columns = jnp.swapaxes(rows, -1, -2)
    flat = columns[..., :-2, :]
    fields = flat.reshape(*flat.shape[:-2], -1, len(FIELDS), flat.shape[-1])
    return SellerObservation(
        records=jnp.moveaxis(fields, -2, -1),
        present=columns[..., -2, :] > 0,
        prices=columns[..., -1, :],
    )
