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

_ALSO_DESCRIBED = {
    "brero2021/correlated": tuple(Correlated(delta=delta) for delta in (0.25, 0.33, 0.5)),
}
"""Settings other than the registered one that an experiment's description speaks of."""


def is_as_described(experiment: SequentialPriceExperiment) -> bool:
    """Whether the registered description, and the result reproduced, are those of ``experiment``.

    They are not where samples replace the setting, or where the setting, the objective or
    the purchase rule is another one.
    """
    registered = EXPERIMENTS.get(experiment.name)
    if registered is None:
        return False
    if experiment.samples is not None and registered.setting is not None:
        return False
    settings = (registered.setting, *_ALSO_DESCRIBED.get(experiment.name, ()))
    rules = (experiment.objective, experiment.buys_at_zero_utility)
    return experiment.setting in settings and rules == (
        registered.objective,
        registered.buys_at_zero_utility,
    )


def experiment(name: str) -> SequentialPriceExperiment:
    """The experiment called ``name``.

    Raises:
      ValueError: there is none; the nearest name is suggested.
    """
    return lookup("experiment", name, EXPERIMENTS)
