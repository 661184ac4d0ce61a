"""The experiments known by name."""

from __future__ import annotations

from dataclasses import replace

from jaxmech.experiments.kinds import Experiment
from jaxmech.experiments.sequential_price.configuration import (
    AdditiveTypes,
    Colors,
    Correlated,
    FiniteSettingFile,
    Identification,
    Inventory,
    KitchenSink,
    MaxMin,
    NamedSetting,
    PPOSettings,
    Proposition1,
    Proposition2,
    Proposition3,
    Proposition4,
    SequentialPriceExperiment,
    TimberAuctions,
    TwoWorlds,
)
from jaxmech.naming import lookup

_EXPLORING = PPOSettings(learning_rate=3e-3, entropy_bonus=0.02)
"""For optima that hide behind a plan of several visits, each of which alone brings nothing."""

_EXCHANGEABLE = PPOSettings(architecture="symmetric", learning_rate=3e-3, entropy_bonus=0.02)
"""For agents who differ in nothing that is known before the first visit."""

_HUNDREDS = replace(_EXCHANGEABLE, num_environments=64, entropy_bonus=0.0, gae_lambda=0.99)
"""For long episodes, of as many visits as there are agents: the reward at the end counts for
visits far back. With lambda .95, 300 agents were served worse than by static prices."""

_PROPOSITIONS: tuple[tuple[NamedSetting, str], ...] = (
    (Proposition1(), "1 item, 2 agents with values 1 or 3"),
    (Proposition2(), "2 identical items, 3 agents with values 1 or 3"),
    (Proposition3(), "2 identical items, 6 agents with correlated values"),
    (Proposition4(), "2 identical items, 4 independent agents"),
)

_SEQUENTIAL_PRICE = (
    SequentialPriceExperiment(
        name="brero2021/correlated",
        summary="5 identical items, 20 agents; uniform values, correlated by --setting.delta",
        reproduces="Brero et al. 2021, Figure 2, for delta 0, .25, .33 and .5",
        setting=Correlated(),
        ppo=_EXCHANGEABLE,
    ),
    SequentialPriceExperiment(
        name="brero2021/colors",
        summary="10 red and 10 yellow items, 30 agents; a third of them may want either color",
        reproduces="Brero et al. 2021, Figure 3 (a): anonymous static prices are enough",
        setting=Colors(),
    ),
    SequentialPriceExperiment(
        name="brero2021/two_worlds",
        summary="1 item, 10 agents; all values are high, or all are low",
        reproduces="Brero et al. 2021, Figure 3 (b): static prices must be personalised",
        setting=TwoWorlds(),
        ppo=PPOSettings(architecture="symmetric"),
    ),
    SequentialPriceExperiment(
        name="brero2021/inventory",
        summary="10 identical items, 20 agents; values 1/2 or 1 as likely",
        reproduces="Brero et al. 2021, Figure 3 (c): prices must follow the units left",
        setting=Inventory(),
        ppo=_EXCHANGEABLE,
    ),
    SequentialPriceExperiment(
        name="brero2021/kitchen_sink",
        summary="3 items, 3 agents; a purchase worth .01 tells who should get the last item",
        reproduces="Brero et al. 2021, Figure 3 (d): order and prices must both adapt",
        setting=KitchenSink(),
        ppo=_EXPLORING,
    ),
    SequentialPriceExperiment(
        name="brero2021/id",
        summary="2 identical items, 6 agents; which of three agents buys tells where to go next",
        reproduces="Brero et al. 2021, Figure 3 (e): it matters who bought, not only what is left",
        setting=Identification(),
        ppo=_EXPLORING,
    ),
    SequentialPriceExperiment(
        name="brero2021/additive_types",
        summary="2 units of one item type, 4 of another, 10 agents; correlated values add up",
        reproduces="Brero et al. 2021, Figure 4, additive across types",
        setting=AdditiveTypes(),
        ppo=_EXCHANGEABLE,
    ),
    SequentialPriceExperiment(
        name="brero2021/revenue",
        summary="5 identical items, 20 agents; correlated values, delta .5; payments count",
        reproduces="Brero et al. 2021, Figure 4, revenue maximisation",
        setting=Correlated(delta=0.5),
        objective="revenue",
        ppo=_EXCHANGEABLE,
    ),
    SequentialPriceExperiment(
        name="brero2021/max_min",
        summary="10 items of two colors, 9 agents; the least value of any agent counts",
        reproduces="Brero et al. 2021, Figure 4, max-min fairness: the order must adapt",
        setting=MaxMin(),
        objective="max_min",
        ppo=_EXPLORING,
    ),
    SequentialPriceExperiment(
        name="hundreds_of_agents",
        summary="50 identical items, 300 agents; iid uniform values, of which the optimum is known",
        reproduces="",
        setting=Correlated(num_agents=300, num_items=50),
        statistic="agents_items",
        ppo=_HUNDREDS,
        updates=120,
        evaluation_episodes=20_000,
        validation_episodes=2_000,
    ),
    SequentialPriceExperiment(
        name="memory_of_hundreds",
        summary="25 identical items, 100 agents; correlated values, and a memory of fixed size",
        reproduces="",
        setting=Correlated(num_agents=100, num_items=25, delta=0.5),
        statistic="last_visit",
        ppo=replace(_HUNDREDS, architecture="symmetric_recurrent", num_environments=128),
        updates=120,
        evaluation_episodes=20_000,
        validation_episodes=2_000,
    ),
    *(
        SequentialPriceExperiment(
            name=f"brero2021/proposition_{number}",
            summary=summary,
            reproduces=f"Brero et al. 2021, the example that proves Proposition {number}",
            setting=setting,
            ppo=_EXPLORING,
        )
        for number, (setting, summary) in enumerate(_PROPOSITIONS, start=1)
    ),
    SequentialPriceExperiment(
        name="timber_auctions",
        summary="1 tract, 5 bidders; bids of real timber auctions, some held out (extra: data)",
        reproduces="",
        setting=TimberAuctions(),
    ),
    SequentialPriceExperiment(
        name="own_setting",
        summary="your own setting of finite support, from the YAML file --setting.path",
        reproduces="",
        setting=FiniteSettingFile(),
        ppo=_EXPLORING,
    ),
    SequentialPriceExperiment(
        name="own_values",
        summary="your own valuations, from the file --samples, some held out",
        reproduces="",
    ),
)

SEQUENTIAL_PRICE_EXPERIMENTS: dict[str, SequentialPriceExperiment] = {
    experiment.name: experiment for experiment in _SEQUENTIAL_PRICE
}

EXPERIMENTS: dict[str, Experiment] = {
    **SEQUENTIAL_PRICE_EXPERIMENTS,
}
"""The experiments of every kind, as ``jaxmech list`` shows them."""

_ALSO_DESCRIBED = {
    "brero2021/correlated": tuple(Correlated(delta=delta) for delta in (0.25, 0.33, 0.5)),
}
"""Settings other than the registered one that an experiment's description speaks of."""


def is_as_described(experiment: SequentialPriceExperiment) -> bool:
    """Whether the registered description, and the result reproduced, are those of ``experiment``.

    They are not where samples replace the setting, or where the setting, the objective or
    the purchase rule is another one.
    """
    registered = SEQUENTIAL_PRICE_EXPERIMENTS.get(experiment.name)
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


def experiment(name: str) -> Experiment:
    """The experiment called ``name``.

    Raises:
      ValueError: there is none; the nearest name is suggested.
    """
    return lookup("experiment", name, EXPERIMENTS)
