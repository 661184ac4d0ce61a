"""Keywords of the user's own bids, from a file or an array, checked."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from jaxmech.checks import InvalidValueError
from jaxmech.data import columns as tables
from jaxmech.data.cells import check_repeated, numbers_of, places_of
from jaxmech.data.keyword_rows import numbered

if TYPE_CHECKING:
    from jaxmech.agents.keywords.distribution import SampledKeywords

Floats: TypeAlias = NDArray[np.float64]


def load_keywords(
    source: ArrayLike | str | Path,
    *,
    keyword_column: str = "keyword",
    bidder_column: str = "bidder",
    bid_column: str = "bid",
    quality_column: str | None = None,
    relative: bool = False,
) -> SampledKeywords:
    """Keywords of the user's own bids. A bid stands for its bidder's value.

    Bidders are numbered within their keyword, as they first appear: those of different
    keywords may have the same names or others.

    Args:
      source: an array [keywords, bidders] of bids or [keywords, bidders, 2] of bids and
        qualities, or the path of a CSV or Parquet file: a table with a row for each bidder of
        each keyword, as many on each.
      keyword_column, bidder_column, bid_column: names of the columns of the table.
      quality_column: likewise; qualities are drawn from Beta(2.71, 25.43) unless given.
      relative: measure each keyword's bids in the median of its positive ones. A value, a
        reserve or a revenue of 1 is then that median, whatever the keyword's money, so that
        one scale of reserves fits cheap and dear keywords, and each counts alike in a mean.

    Raises:
      ValueError: no rows, a damaged file, an unknown column, more bidders on one keyword than on
        another, a repeated bidder; a bid that is negative or not finite, a keyword on which
        nobody bids above 0, or a quality outside [0, 1].
      ModuleNotFoundError: a ``.parquet`` file without the extra ``data`` installed.
    """
    # Here, so that a file is looked through without JAX.
    import jax.numpy as jnp

    from jaxmech.agents.keywords.distribution import SampledKeywords, medians
    from jaxmech.agents.values.numerical import Beta

    if isinstance(source, str | Path):
        bids, quality = read_keyword_bids(
            source,
            keyword_column=keyword_column,
            bidder_column=bidder_column,
            bid_column=bid_column,
            quality_column=quality_column,
        )
    else:
        bids, quality = _bids_of_array(source)
        _check_each_is_bid_on("source", bids)
    if relative:
        bids = bids / medians(bids)[:, None]
    return SampledKeywords(
        jnp.asarray(bids, float),
        None if quality is None else jnp.asarray(quality, float),
        Beta(2.71, 25.43),
    )


def read_keyword_bids(
    path: str | Path,
    *,
    keyword_column: str = "keyword",
    bidder_column: str = "bidder",
    bid_column: str = "bid",
    quality_column: str | None = None,
) -> tuple[Floats, Floats | None]:
    """Bids and qualities of a file, each float64 [keywords, bidders].

    Qualities are None without a column of them.

    Raises:
      ValueError, ModuleNotFoundError: see ``jaxmech.data.load_keywords``.
    """
    path = Path(path)
    table = tables.read_table(path)
    labels = [keyword_column, bidder_column]
    wanted = [*labels, bid_column] + ([] if quality_column is None else [quality_column])
    places = places_of(table, wanted)
    if not table.rows:
        raise ValueError(f"{path}: no bids, only a header")
    keyword_place, bidder_place = (places[name] for name in labels)
    keywords, bidders, present = numbered(table, keyword_place, bidder_place)
    check_repeated(table, [keywords, bidders], "a bidder of a keyword has one row")
    counts = present.sum(axis=1)
    if not present.all():
        first, fewer = (
            table.rows[int(np.argmax(keywords == keyword))][keyword_place]
            for keyword in (int(np.argmax(counts)), int(np.argmin(counts)))
        )
        raise InvalidValueError(
            str(path),
            counts.max(),
            "as many on each, with bid 0 of those who do not bid",
            got=(
                f"{counts.max()} bidders on keyword {first!r} and {counts.min()} on keyword "
                f"{fewer!r}"
            ),
        )

    def column(name: str, highest: float = np.inf) -> Floats:
        numbers = np.empty(present.shape)
        of_rows = numbers_of(table, places[name], positive=False, highest=highest)
        numbers[keywords, bidders] = of_rows
        return numbers

    bids = column(bid_column)
    _check_each_is_bid_on(str(path), bids)
    return bids, None if quality_column is None else column(quality_column, 1)


def _check_each_is_bid_on(name: str, bids: Floats) -> None:
    silent = np.flatnonzero(~bids.any(axis=1))
    if len(silent):
        others = f", and on {len(silent) - 1} more" if len(silent) > 1 else ""
        raise InvalidValueError(
            name,
            silent[0] + 1,
            "one on each: leave out keywords on which nobody bids",
            got=f"no bid above 0 on keyword number {silent[0] + 1} of {len(bids)}{others}",
            verb="needed is",
        )


def _bids_of_array(source: ArrayLike) -> tuple[Floats, Floats | None]:
    """The same of an array [keywords, bidders] or [keywords, bidders, 2]."""
    try:
        array = np.asarray(source, np.float64)
    except (TypeError, ValueError):
        raise InvalidValueError(
            "source",
            None,
            "as many bidders on each keyword",
            got="what is no array of numbers",
            verb="needed is",
        ) from None
    if array.ndim == 2:
        array = array[..., None]
    if array.ndim != 3 or not array.size or array.shape[2] > 2:
        raise InvalidValueError(
            "source",
            np.shape(source),
            (
                "[keywords, bidders] of bids and [keywords, bidders, 2] of bids and "
                "qualities, with at least one of each"
            ),
            got=f"shape {np.shape(source)}",
        )
    # Written so that NaN counts as bad too.
    bad = np.argwhere(~((array >= 0) & (array < [np.inf, 1 + 1e-12][: array.shape[2]])))
    if len(bad):
        keyword, bidder, which = bad[0]
        what = ("bid", "quality")[which]
        allowed = ("finite numbers from 0", "numbers from 0 to 1")[which]
        raise InvalidValueError(
            f"source: keyword {keyword}, bidder {bidder}, {what}",
            array[keyword, bidder, which],
            allowed,
        )
    return array[..., 0], array[..., 1] if array.shape[2] == 2 else None
