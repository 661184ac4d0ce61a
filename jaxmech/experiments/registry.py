"""The experiments known by name."""

from __future__ import annotations

from jaxmech.experiments.configuration import (
    Correlated,
    Inventory,
    SequentialPriceExperiment,
    TwoWorlds,
)
from jaxmech.naming import lookup

_EXPERIMENTS = (
    SequentialPriceExperiment(
        name="brero2021/two_worlds",
        summary="1 item, 10 agents; all values are high or all are low, and nobody says which",
        reproduces="Brero et al. 2021, two worlds: learned prices must follow the purchases seen",
        setting=TwoWorlds(),
    ),
    SequentialPriceExperiment(
        name="brero2021/inventory",
        summary="10 identical items, 20 agents; values 1/2 or 1 as likely",
        reproduces="Brero et al. 2021, inventory: the price must follow the units left",
        setting=Inventory(),
    ),
    SequentialPriceExperiment(
        name="brero2021/correlated",
        summary="5 identical items, 20 agents; uniform values, correlated by --setting.delta",
        reproduces="Brero et al. 2021, correlated values, delta 0, .25, .33 and .5",
        setting=Correlated(),
    ),
    SequentialPriceExperiment(
        name="own_values",
        summary="your own valuations, from the file given by --samples",
        reproduces="nothing: a mechanism for your own economy, tested on values held out",
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
