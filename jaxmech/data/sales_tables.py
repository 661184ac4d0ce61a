"""What sellers charged and sold, from the user's table, and the demand that it tells of.

Prices are taken to be set whatever the demand: of a seller who charges more when more want to buy,
demand seems to fall less in price than it does. Taken together, sellers count as if all offered the
same.
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import jax.numpy as jnp
import numpy as np
from numpy.typing import NDArray

from jaxmech import checks
from jaxmech.agents.sellers.buyers import Logistic
from jaxmech.agents.sellers.conditional_logit import ConditionalLogit, fit_conditional_logit
from jaxmech.checks import InvalidValueError
from jaxmech.data import columns as tables
from jaxmech.data.cells import (
    check_at_most,
    check_repeated,
    days_of,
    labels_of,
    numbers_of,
    places_of,
)

Floats: TypeAlias = NDArray[np.float64]
Integers: TypeAlias = NDArray[np.intp]


_AMOUNTS = ("price", "impressions", "sales")


@dataclass(frozen=True)
class SalesTable:
    """Rounds of sellers, a row for each, in the order of the file.

    Attributes:
      name: of the file, for messages.
      sellers: their labels in the file, a tuple, as they first appear.
      seller: place of the row's among them, int [rows].
      round: since the first in the file, int [rows]; in days where the file has dates.
      price: float64 [rows], in the file's money, from 0.
      impressions: float64 [rows], buyers who were shown the seller, from 0.
      sales: float64 [rows], those of them who bought.

    Raises:
      ValueError: no sellers, or two of one label; arrays of another shape, no rows, places or
        rounds that are no integers, a place where there is no seller, a second row of a seller's
        round, what is no number, a number that is negative or not finite, or more sales than
        impressions.
    """

    name: str
    sellers: tuple[Hashable, ...]
    seller: Integers
    round: Integers
    price: Floats
    impressions: Floats
    sales: Floats

    def __post_init__(self) -> None:
        checks.some("sellers", self.sellers)
        object.__setattr__(self, "sellers", tuple(self.sellers))
        try:
            different = len(set(self.sellers)) == len(self.sellers)
        except TypeError:
            # A label without a hash.
            different = False
        if not different:
            raise InvalidValueError("sellers", self.sellers, "texts or numbers that differ")
        fields = {"seller": np.intp, "round": np.int64, **dict.fromkeys(_AMOUNTS, np.float64)}
        for field, kind in fields.items():
            array = _array(field, getattr(self, field), kind)
            checks.axes(field, array, "rows")
            checks.shape(field, array, "[rows]", np.shape(self.seller))
            checks.numbers(field, array, low=0)
            object.__setattr__(self, field, array)
        checks.numbers("seller", self.seller, below=len(self.sellers))
        if np.any(self.sales > self.impressions):
            raise InvalidValueError("sales", self.sales, "numbers up to the impressions")
        self._check_rounds_are_told_once()

    def _check_rounds_are_told_once(self) -> None:
        """ValueError where two rows are of the same round of a seller."""
        # Equal rows come one after another, in the order of the table.
        order = np.lexsort((self.round, self.seller))
        seller, round_ = self.seller[order], self.round[order]
        again = (seller[1:] == seller[:-1]) & (round_[1:] == round_[:-1])
        if again.any():
            first, second = order[np.argmax(again) :][:2]
            raise InvalidValueError(
                "round",
                self.round,
                "one row for a round of a seller",
                got=f"round {self.round[first]} of seller {self.sellers[self.seller[first]]!r} in "
                f"rows {first} and {second}",
                verb="allowed is",
            )


def load_sales(
    source: str | Path,
    *,
    seller_column: str = "seller",
    round_column: str = "round",
    price_column: str = "price",
    impressions_column: str = "impressions",
    sales_column: str = "sales",
) -> SalesTable:
    """Prices and sales from a table with a row for each round of each seller, in any order.

    Sellers may have rows in some rounds only. Other columns are left out.

    Args:
      source: path of a ``.csv`` or ``.parquet`` file, or of an ``.npz`` file with an array [rows]
        for each column.
      seller_column: name of the column of sellers, any text or number.
      round_column: name of that of rounds, whole numbers or dates such as 2024-05-31, any of
        which may be missing.
      price_column: name of that of the price per unit, from 0.
      impressions_column: name of that of the buyers who were shown the seller at this price.
      sales_column: name of that of those who bought, at most the impressions.

    Raises:
      ValueError: an unknown type of file, a missing or repeated column, a damaged file, no rows, a
        second row of a seller's round, an empty cell, a number that is none, negative or not
        finite, more sales than impressions, rounds that are dates with a time, that are numbers
        here and dates there, or that look like dates without being any; a cell is named by row
        and column.
      ModuleNotFoundError: a ``.parquet`` file without the extra ``data`` installed.
    """
    table = tables.read_table(Path(source), npz=True)
    names = [seller_column, round_column, price_column, impressions_column, sales_column]
    places_by_name = places_of(table, names)
    seller_place, round_place, price_place, impressions_place, sales_place = (
        places_by_name[name] for name in names
    )
    if not table.rows:
        raise ValueError(f"{table.name}: no sales, only a header")
    price, impressions, sales = (
        numbers_of(table, place, positive=False)
        for place in (price_place, impressions_place, sales_place)
    )
    check_at_most(table, sales_place, sales, impressions, "impressions")
    rounds = days_of(table, round_place)
    labels = labels_of(table, seller_place)
    check_repeated(table, [labels, rounds], "a round of a seller has one row")
    numbers = {label: number for number, label in enumerate(dict.fromkeys(labels))}
    return SalesTable(
        table.name,
        tuple(numbers),
        np.array([numbers[label] for label in labels]),
        rounds,
        price,
        impressions,
        np.minimum(sales, impressions),
    )


def fit_sales(table: SalesTable, *, pooled: bool = False) -> tuple[ConditionalLogit, ...]:
    """The logit of buying or not by price: one of each seller, or one of all together.

    Its alternatives are not to buy, at price 0, and to buy; its parameters the coefficient of the
    price and the constant of buying.

    Raises:
      ValueError: of a seller, or of all if pooled: no sales or nothing but sales, a price that
        never changes, or sales that it tells from none without exception.
    """
    return tuple(_fit(who, table, rows) for who, rows in _groups(table, pooled))


def demand_of_sales(table: SalesTable, *, pooled: bool = False) -> Logistic:
    """The demand that sales by price tell of, in the prices' money.

    An environment of such buyers has ``num_sellers``, ``price_high`` and ``cost_high`` to match.

    Args:
      table: what was sold.
      pooled: one demand for all sellers, from all rows, in place of one for each.

    Returns:
      ``location`` and ``scale``, float [sellers], or [] if pooled.

    Raises:
      ValueError: what ``fit_sales`` refuses, or sales that do not fall as the price rises.
    """
    fits = fit_sales(table, pooled=pooled)
    for (who, _), fit in zip(_groups(table, pooled), fits, strict=True):
        if not fit.coefficients[0] < 0:
            raise InvalidValueError(
                f"{table.name}, {who}",
                fit.coefficients[0],
                "needed are sales that fall",
                got=f"sales that rise with the price, by a coefficient of {fit.coefficients[0]:g}",
                verb="",
            )
    buying = [fit.demand() for fit in fits]
    location = jnp.stack([demand.location[1] for demand in buying])
    scale = jnp.stack([demand.scale for demand in buying])
    return Logistic(location[0], scale[0]) if pooled else Logistic(location, scale)


def _array(field: str, numbers: Any, kind: type) -> NDArray[Any]:
    """The numbers as an array of the kind, ``float64`` or of integers.

    Raises:
      InvalidValueError: they are no numbers, or not integers where these are asked for.
    """
    try:
        array = np.asarray(numbers)
    except ValueError:
        # Rows of different lengths.
        array = np.empty(0, object)
    letters, words = ("iuf", "numbers") if kind is np.float64 else ("iu", "integers")
    if array.dtype.kind not in letters:
        raise InvalidValueError(field, numbers, f"{words}, one for each row")
    return array.astype(kind)


def _groups(table: SalesTable, pooled: bool) -> list[tuple[str, NDArray[np.bool_]]]:
    """Whose demand is fitted, in words, and its rows."""
    if pooled:
        return [("all sellers", np.ones(len(table.seller), bool))]
    return [(f"seller {label!r}", table.seller == i) for i, label in enumerate(table.sellers)]


def _fit(who: str, table: SalesTable, rows: NDArray[np.bool_]) -> ConditionalLogit:
    rows = rows & (table.impressions > 0)
    price, sales = table.price[rows], table.sales[rows]
    unsold = table.impressions[rows] - sales
    problem = ""
    if not sales.any():
        problem = "no sales"
    elif not unsold.any():
        problem = "a sale of each impression"
    elif np.ptp(price) <= 1e-6 * price.max():
        problem = f"one price in all rounds with impressions, {price[0]:g}"
    if problem:
        raise _not_told(who, table, problem)
    # Not to buy is the first alternative, the one without a constant.
    prices = np.stack([np.zeros_like(price), price], axis=-1)
    try:
        return fit_conditional_logit(prices[..., None], np.stack([unsold, sales], axis=-1))
    except InvalidValueError as error:
        problem = "prices on one side of which all buy, and nobody on the other"
        raise _not_told(who, table, problem) from error


def _not_told(who: str, table: SalesTable, problem: str) -> InvalidValueError:
    return InvalidValueError(
        f"{table.name}, {who}",
        problem,
        "needed are sales and impressions without a sale, mixed over prices",
        got=problem,
        verb="",
    )
