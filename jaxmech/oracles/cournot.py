"""Cournot markets in closed form: equilibria, the best tax on emissions, the first best.

The price falls linearly in what is sold, each firm's cost is ``cost q + curvature q^2 / 2``, and
emissions ``E`` do damage ``d E^2 / 2``. Quantities are then linear in the tax and welfare is
quadratic. All firms must produce in equilibrium: where one does not, the formulas do not hold, and
this says so.
Everything is NumPy, float64.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import optimize

from jaxmech import checks
from jaxmech.oracles.refusals import NotKnownError


@dataclass(frozen=True)
class LinearCournot:
    """A market; firms without bounds on their quantities but that they are not negative.

    Attributes:
      costs: one for each firm, of its first unit.
      intercept: the price at which nothing is sold.
      slope: by which the price falls for every unit sold.
      curvatures, emissions: one for all firms or one for each; see above.
      damage: ``d``.

    Raises:
      ValueError: a number out of range, or another number of them than there are firms.
    """

    costs: tuple[float, ...]
    intercept: float
    slope: float = 1.0
    curvatures: float | tuple[float, ...] = 0.0
    emissions: float | tuple[float, ...] = 0.0
    damage: float = 0.0

    def __post_init__(self) -> None:
        checks.some("costs", self.costs)
        checks.number("intercept", self.intercept, above=0)
        checks.number("slope", self.slope, above=0)
        checks.number("damage", self.damage, low=0)
        for field in ("costs", "curvatures", "emissions"):
            values = np.asarray(getattr(self, field), np.float64)
            allowed: tuple[tuple[int, ...], ...] = ((len(self.costs),),)
            if field != "costs":
                allowed = ((), *allowed)
            checks.shape(field, values, "one for all or one for each firm", *allowed)
            checks.numbers(field, values, low=0)

    def quantities(self, tax: float = 0.0) -> NDArray[np.float64]:
        """Those of the equilibrium at a tax per unit of emissions, float [firms].

        Raises:
          NotKnownError: not all firms produce.
        """
        at_none, by_tax = self._linear_quantities()
        return _all_producing(np.asarray(at_none + tax * by_tax, np.float64))

    def emitted(self, quantities: ArrayLike) -> float:
        """The sum of emissions."""
        return float(self._each(self.emissions) @ np.asarray(quantities, np.float64))

    def welfare(self, quantities: ArrayLike) -> float:
        """What is bought is worth, less costs and damage; taxes cancel."""
        quantities = np.asarray(quantities, np.float64)
        total = float(np.sum(quantities))
        costs = (
            self._each(self.costs) @ quantities + self._each(self.curvatures) @ quantities**2 / 2
        )
        worth = self.intercept * total - self.slope * total**2 / 2
        return float(worth - costs - self.damage * self.emitted(quantities) ** 2 / 2)

    def best_tax(self) -> float:
        """The tax of the highest welfare in equilibrium.

        Raises:
          NotKnownError: nothing is emitted, or not all firms produce at that tax.
        """
        at_none, by_tax = self._linear_quantities()
        if not np.any(by_tax):
            raise NotKnownError("where nothing is emitted every tax is as good")
        # Welfare is g q - q H q / 2 and quantities are linear in the tax.
        gradient, hessian = self._quadratic_welfare()
        tax = float(by_tax @ (gradient - hessian @ at_none) / (by_tax @ hessian @ by_tax))
        _all_producing(at_none + tax * by_tax)
        return tax

    def first_best(self) -> NDArray[np.float64]:
        """Quantities of the highest welfare, some of them maybe 0, float [firms].

        Raises:
          NotKnownError: several quantities may be as good.
        """
        gradient, hessian = self._quadratic_welfare()
        if np.linalg.matrix_rank(hessian) < len(self.costs):
            raise NotKnownError("several quantities may be as good as each other")
        # Welfare is a constant less half the squared length of ``root.T q - root^-1 gradient``.
        root = np.linalg.cholesky(hessian)
        best, _ = optimize.nnls(root.T, np.linalg.solve(root, gradient))
        return np.asarray(best, np.float64)

    def cap_price(self, cap: float) -> float:
        """The tax that keeps emissions to a cap: the multiplier of the cap as a shared constraint.

        Args:
          cap: from 0.

        Raises:
          ValueError: a number out of range.
          NotKnownError: not all firms produce at that tax, or untaxed.
        """
        checks.number("cap", cap, low=0)
        untaxed = self.emitted(self.quantities())
        if untaxed <= cap:
            return 0.0
        _, by_tax = self._linear_quantities()
        tax = (cap - untaxed) / self.emitted(by_tax)
        self.quantities(tax)
        return float(tax)

    def _linear_quantities(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Without a tax, and what each unit of it adds, if all firms produce."""
        own = self.slope + self._each(self.curvatures)
        both = np.stack([self.intercept - self._each(self.costs), -self._each(self.emissions)])
        totals = np.sum(both / own, axis=-1) / (1 + self.slope * np.sum(1 / own))
        at_none, by_tax = (both - self.slope * totals[:, None]) / own
        return np.asarray(at_none, np.float64), np.asarray(by_tax, np.float64)

    def _quadratic_welfare(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        emissions = self._each(self.emissions)
        hessian = (
            np.diag(self._each(self.curvatures))
            + self.slope
            + self.damage * np.outer(emissions, emissions)
        )
        return self.intercept - self._each(self.costs), hessian

    def _each(self, values: float | tuple[float, ...]) -> NDArray[np.float64]:
        return np.broadcast_to(np.asarray(values, np.float64), (len(self.costs),))


def _all_producing(quantities: NDArray[np.float64]) -> NDArray[np.float64]:
    if np.any(quantities < 0):
        raise NotKnownError("the closed form is for markets in which all firms produce")
    return quantities
