"""Price vectors that differ in their effect, one of each kind.

What agents of finite support do at posted prices changes only where the prices cross a
hyperplane: a bundle priced at its value, or two bundles of equal utility. One price
vector from every cell between the hyperplanes therefore stands for all prices. Prices on
a hyperplane add nothing: with ties to the first bundle and no purchase at zero utility,
raising each price slightly, and later items more, leaves every choice as it was.
"""

from __future__ import annotations

import itertools
import math

import numpy as np

from jaxmech.oracles.refusals import NotKnownError
from jaxmech.oracles.sequential_price.finite_economies import Floats, Ints, purchases


def effective_prices(
    values: Floats, bundles: Ints, *, additive: bool, max_prices: int = 10_000
) -> Floats:
    """Price vectors, one for each way agents can respond, float [prices, items].

    Args:
      values: float [atoms, bundles], all types of agent that will face the prices.
      bundles: int [bundles, items].
      additive: whether a bundle is worth the sum of its items' values.
      max_prices: refuse when there are more.

    Raises:
      NotKnownError: more than ``max_prices`` price vectors differ.
    """
    num_items = bundles.shape[1]
    if additive:
        thresholds = [_thresholds(values[:, 2**item]) for item in range(num_items)]
        number = math.prod(len(each) for each in thresholds)
        _refuse_above(max_prices, number)
        return np.array(list(itertools.product(*thresholds)))
    points = _cell_points(*_hyperplanes(values, bundles), num_items, max_prices)
    return _one_of_each_effect(points, values, bundles)


def _thresholds(values: Floats) -> Floats:
    """One price below each positive value and above the next, and one that nobody pays."""
    positive = np.unique(values[values > 0])
    between = (positive + np.concatenate([[0.0], positive[:-1]])) / 2
    return np.append(between, positive[-1] if len(positive) else 0.0)


def _hyperplanes(values: Floats, bundles: Ints) -> tuple[Floats, Floats]:
    """Normals [hyperplanes, items] and offsets of the prices at which some agent is indifferent.

    A bundle worth nothing is never taken, so comparing it with others does not matter.
    """
    found = set()
    for first, second in itertools.combinations(range(len(bundles)), 2):
        for value in values:
            if value[second] > 0 and (first == 0 or value[first] > 0):
                normal = tuple((bundles[second] - bundles[first]).tolist())
                found.add((normal, round(float(value[second] - value[first]), 10)))
    normals = np.array([normal for normal, _ in sorted(found)], float)
    return normals.reshape(-1, bundles.shape[1]), np.array([offset for _, offset in sorted(found)])


def _cell_points(normals: Floats, offsets: Floats, num_items: int, max_prices: int) -> Floats:
    """A point inside each cell of the arrangement within a box of prices.

    Hyperplanes are added one at a time; each splits the cells it passes through.
    """
    if len(offsets) == 0:
        return np.zeros((1, num_items))
    cap = 2 * float(np.max(np.abs(offsets)))
    cells: list[tuple[list[int], Floats]] = [([], np.full(num_items, cap / 2))]
    for number in range(1, len(offsets) + 1):
        split = []
        for signs, point in cells:
            side = int(np.sign(normals[number - 1] @ point - offsets[number - 1]))
            for sign in (-1, 1):
                inside: Floats | None = point
                if sign != side:
                    inside = _inside(normals[:number], offsets[:number], [*signs, sign], cap)
                if inside is not None:
                    split.append(([*signs, sign], inside))
        cells = split
        _refuse_above(max_prices, len(cells))
    # The first point found may lie close to a hyperplane; the deepest one of its cell does not.
    deepest = [_inside(normals, offsets, signs, cap) for signs, _ in cells]
    points = np.array([point for point in deepest if point is not None])
    # At the highest value nobody buys, so prices above it are not needed.
    return np.minimum(points, cap / 2)


def _one_of_each_effect(points: Floats, values: Floats, bundles: Ints) -> Floats:
    """Some cells differ only in how agents rank bundles that none of them would choose."""
    num_items = bundles.shape[1]
    available = np.array(list(itertools.product((False, True), repeat=num_items)))
    found: dict[bytes, Floats] = {}
    for point in points:
        taken = purchases(values, bundles, point, available[:, None], additive=False)
        found.setdefault(taken.tobytes(), point)
    return np.stack(list(found.values()))


def _inside(normals: Floats, offsets: Floats, signs: list[int], cap: float) -> Floats | None:
    """The point of a cell farthest from its sides, or None where the cell is empty."""
    # Imported here: it takes a second, and economies of one item type do without.
    from scipy.optimize import linprog

    num_items = normals.shape[1]
    rows = np.asarray(signs)[:, None] * normals
    box = np.vstack([np.eye(num_items), -np.eye(num_items)])
    coefficients = np.vstack([rows, box])
    limits = np.concatenate([np.asarray(signs) * offsets / cap, np.zeros(num_items)])
    limits = np.concatenate([limits, -np.ones(num_items)])
    # coefficients @ prices >= limits + depth, prices in units of the cap.
    solution = linprog(
        np.append(np.zeros(num_items), -1.0),
        A_ub=np.hstack([-coefficients, np.ones((len(limits), 1))]),
        b_ub=-limits,
        bounds=[(0, 1)] * (num_items + 1),
    )
    if solution.x is None or solution.x[-1] < 1e-6:
        return None
    return np.asarray(solution.x[:-1] * cap)


def _refuse_above(max_prices: int, number: int) -> None:
    if number > max_prices:
        raise NotKnownError(
            f"max_prices: got {max_prices}; the values allow at least {number} price vectors "
            "that differ in effect, too many to enumerate"
        )
