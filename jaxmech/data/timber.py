"""Bids from real auctions, as valuations to try mechanisms on."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from jaxmech.checks import InvalidValueError


def load_timber_bids(
    num_agents: int = 5,
    *,
    lowest: float = 1.0,
    highest: float = 4.0,
    seed: int = 0,
) -> NDArray[np.float64]:
    """Bids in U.S. Forest Service timber auctions, float64 [auctions, agents, 1].

    The data: 60,758 bids in 16,469 sealed-bid first-price auctions of timber tracts from
    1973 to 1993, two to nine bids each, known as Haile's data, in the form that P.
    Andreyanov and G. Franguridi ship with their package ``simple_fpa`` (MIT licence) for
    "Nonparametric inference on counterfactuals in sealed first-price auctions" (arXiv
    2106.13856).

    From bids to values: every auction that drew exactly ``num_agents`` bids is one sample
    and its bidders are the agents, so the correlation among the bidders for a tract is
    kept. Tracts differ in size, so a bid is divided by the value that the Forest Service
    advertised for the tract; half of all bids lie between 1.1 and 1.7 of it. Auctions
    with a bid outside ``lowest`` to ``highest`` are left out: bids below the advertised
    value are not admissible, and the largest cannot be genuine (up to 306,000 times).
    The file lists bidders from the highest bid down; they are shuffled within each auction,
    so that an agent's index says nothing.

    Assumed: a bid stands for its bidder's value. In a first-price auction bidders bid less
    than their value, so values are understated, more so with few bidders. Bidders are
    anonymous, and are taken to be exchangeable.

    Args:
      num_agents: 2 to 9; 5 gives 1,703 auctions.
      lowest, highest: range of bids kept, in multiples of the advertised value.
      seed: of the shuffle of bidders.

    Returns:
      One item's values in multiples of the advertised value, auctions in order of their
      number in the file.

    Raises:
      ValueError: no auction has ``num_agents`` bids in the range.
      ModuleNotFoundError: the extra ``data`` is not installed.
    """
    columns = _columns("auctionid", "adv_value", "actual_bid")
    order = np.argsort(columns["auctionid"], kind="stable")
    auction = columns["auctionid"][order]
    bids = (columns["actual_bid"] / columns["adv_value"])[order]
    _, first, counts = np.unique(auction, return_index=True, return_counts=True)
    first = first[counts == num_agents]
    values = bids[first[:, None] + np.arange(num_agents)]
    values = values[np.all((values >= lowest) & (values <= highest), axis=1)]
    if not len(values):
        raise InvalidValueError(
            "num_agents",
            num_agents,
            (
                f"auctions have {counts.min()} to {counts.max()} bids, and none with "
                f"{num_agents} has all its bids from {lowest} to {highest}"
            ),
            verb="",
        )
    return np.random.default_rng(seed).permuted(values, axis=1)[:, :, None]


def _columns(*names: str) -> dict[str, NDArray[np.float64]]:
    # The package is found but not imported: its plots need much that we do not.
    spec = importlib.util.find_spec("simple_fpa")
    if spec is None or not spec.submodule_search_locations:
        raise ModuleNotFoundError(
            "the timber auctions come with simple_fpa: pip install 'jaxmech[data]'",
            name="simple_fpa",
        )
    path = Path(next(iter(spec.submodule_search_locations))) / "data" / "haile_data.csv"
    with path.open(encoding="utf-8") as file:
        header = file.readline().strip().split(",")
        places = [header.index(name) for name in names]
        table = np.loadtxt(file, delimiter=",", usecols=places)
    return dict(zip(names, table.T, strict=True))
