"""The experiments known by name."""

from __future__ import annotations

from jaxmech.experiments.configuration import (
    Correlated,
    Inventory,
    SequentialPriceExperiment,
    TimberAuctions,
    TwoWorlds,
)
from jaxmech.naming import lookup

_EXPERIMENTS = (
    SequentialPriceExperiment(
        name="brero2021/two_worlds",
        summary="1 item, 10 agents; all values are high, or all are low",
        reproduces="Brero et al. 2021, Figure 3 (b): static prices must be personalised",
        setting=TwoWorlds(),
    ),
    SequentialPriceExperiment(
        name="brero2021/inventory",
        summary="10 identical items, 20 agents; values 1/2 or 1 as likely",
        reproduces="Brero et al. 2021, Figure 3 (c): prices must follow the units left",
        setting=Inventory(),
    ),
    SequentialPriceExperiment(
        name="brero2021/correlated",
        summary="5 identical items, 20 agents; uniform values, correlated by --setting.delta",
        reproduces="Brero et al. 2021, Figure 2, for delta 0, .25, .33 and .5",
        setting=Correlated(),
    ),
    SequentialPriceExperiment(
        name="timber_auctions",
        summary="1 tract, 5 bidders; bids of real timber auctions, some held out (extra: data)",
        reproduces="",
        setting=TimberAuctions(),
    ),
    SequentialPriceExperiment(
        name="own_values",
        summary="your own valuations, from the file --samples, some held out",
        reproduces="",
    ),
)

EXPERIMENTS: dict[str, SequentialPriceExperiment] = {
    configuration.name: configuration for configuration in _EXPERIMENTS
}


def experiment(name: str) -> SequentialPriceExperiment:
    """The experiment called ``name``.

    Raises:
      ValueError: there is none; the nearest name is suggested.
    """
    return lookup("experiment", name, EXPERIMENTS)
