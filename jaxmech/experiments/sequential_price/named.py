"""The studies of sequential prices that are known by name; free of jax."""

from __future__ import annotations

from dataclasses import replace

from jaxmech.agents.settings import named as settings
from jaxmech.designers.ppo.hyper_parameters import PPOHyperParameters
from jaxmech.experiments.sequential_price.adaptivity import Adaptivity
from jaxmech.experiments.sequential_price.economy import FiniteSettingFile, TimberAuctions
from jaxmech.experiments.sequential_price.panels import Figures, Panel
from jaxmech.experiments.sequential_price.study import SequentialPriceStudy

_EXPLORING = PPOHyperParameters(learning_rate=3e-3, entropy_bonus=0.02)
"""For optima that hide behind a plan of several visits, each of which alone brings nothing."""

_EXCHANGEABLE = PPOHyperParameters(architecture="symmetric", learning_rate=3e-3, entropy_bonus=0.02)
"""For agents who differ in nothing that is known before the first visit."""

_HUNDREDS = replace(_EXCHANGEABLE, num_environments=64, entropy_bonus=0.0, gae_lambda=0.99)
"""For long episodes, of as many visits as there are agents: the reward at the end counts for
visits far back. With lambda .95, 300 agents were served worse than by static prices."""

_LEARNED = (
    SequentialPriceStudy(
        name="brero2021/correlated",
        summary="5 identical items, 20 agents; uniform values, correlated by --setting.delta",
        reproduces="Brero et al. 2021, Figure 2, for delta 0, .25, .33 and .5",
        setting=settings.Correlated(),
        ppo=_EXCHANGEABLE,
    ),
    SequentialPriceStudy(
        name="brero2021/colors",
        summary="10 red and 10 yellow items, 30 agents; a third of them may want either color",
        reproduces="Brero et al. 2021, Figure 3 (a): anonymous static prices are enough",
        setting=settings.Colors(),
    ),
    SequentialPriceStudy(
        name="brero2021/two_worlds",
        summary="1 item, 10 agents; all values are high, or all are low",
        reproduces="Brero et al. 2021, Figure 3 (b): static prices must be personalised",
        setting=settings.TwoWorlds(),
        ppo=PPOHyperParameters(architecture="symmetric"),
    ),
    SequentialPriceStudy(
        name="brero2021/inventory",
        summary="10 identical items, 20 agents; values 1/2 or 1 as likely",
        reproduces="Brero et al. 2021, Figure 3 (c): prices must follow the units left",
        setting=settings.Inventory(),
        ppo=_EXCHANGEABLE,
    ),
    SequentialPriceStudy(
        name="brero2021/kitchen_sink",
        summary="3 items, 3 agents; a purchase worth .01 tells who should get the last item",
        reproduces="Brero et al. 2021, Figure 3 (d): order and prices must both adapt",
        setting=settings.KitchenSink(),
        ppo=_EXPLORING,
    ),
    SequentialPriceStudy(
        name="brero2021/id",
        summary="2 identical items, 6 agents; which of three agents buys tells where to go next",
        reproduces="Brero et al. 2021, Figure 3 (e): it matters who bought, not only what is left",
        setting=settings.ID(),
        ppo=_EXPLORING,
    ),
    SequentialPriceStudy(
        name="brero2021/additive_types",
        summary="2 units of one item type, 4 of another, 10 agents; correlated values add up",
        reproduces="Brero et al. 2021, Figure 4, additive across types",
        setting=settings.AdditiveTypes(),
        ppo=_EXCHANGEABLE,
    ),
    SequentialPriceStudy(
        name="brero2021/revenue",
        summary="5 identical items, 20 agents; correlated values, delta .5; payments count",
        reproduces="Brero et al. 2021, Figure 4, revenue maximisation",
        setting=settings.Correlated(delta=0.5),
        objective="revenue",
        ppo=_EXCHANGEABLE,
    ),
    SequentialPriceStudy(
        name="brero2021/max_min",
        summary="10 items of two colors, 9 agents; the least value of any agent counts",
        reproduces="Brero et al. 2021, Figure 4, max-min fairness: the order must adapt",
        setting=settings.MaxMin(),
        objective="max_min",
        ppo=_EXPLORING,
    ),
    SequentialPriceStudy(
        name="hundreds_of_agents",
        summary="50 identical items, 300 agents; iid uniform values, of which the optimum is known",
        reproduces="",
        setting=settings.Correlated(num_agents=300, num_items=50),
        statistic="agents_items",
        ppo=_HUNDREDS,
        updates=120,
        evaluation_episodes=20_000,
        validation_episodes=2_000,
    ),
    SequentialPriceStudy(
        name="memory_of_hundreds",
        summary="25 identical items, 100 agents; correlated values, and a memory of fixed size",
        reproduces="",
        setting=settings.Correlated(num_agents=100, num_items=25, delta=0.5),
        statistic="last_visit",
        ppo=replace(_HUNDREDS, architecture="symmetric_recurrent", num_environments=128),
        updates=120,
        evaluation_episodes=20_000,
        validation_episodes=2_000,
    ),
    *(
        SequentialPriceStudy(
            name=f"brero2021/proposition_{number}",
            summary=summary,
            reproduces=f"Brero et al. 2021, the example that proves Proposition {number}",
            setting=setting,
            ppo=_EXPLORING,
        )
        for number, setting, summary in (
            (1, settings.Proposition1(), "1 item, 2 agents with values 1 or 3"),
            (2, settings.Proposition2(), "2 identical items, 3 agents with values 1 or 3"),
            (3, settings.Proposition3(), "2 identical items, 6 agents with correlated values"),
            (4, settings.Proposition4(), "2 identical items, 4 independent agents"),
        )
    ),
    SequentialPriceStudy(
        name="timber_auctions",
        summary="1 tract, 5 bidders; bids of real timber auctions, some held out (extra: data)",
        reproduces="",
        setting=TimberAuctions(),
    ),
    SequentialPriceStudy(
        name="own_setting",
        summary="your own setting of finite support, from the YAML file --setting.path",
        reproduces="",
        setting=FiniteSettingFile(),
        ppo=_EXPLORING,
    ),
    SequentialPriceStudy(
        name="own_values",
        summary="your own valuations, from the file --samples, some held out",
        reproduces="",
    ),
)

LEARNED = {study.name: study for study in _LEARNED}
"""Mechanisms learned, each in an economy of its own."""

PANELS = tuple(
    Panel(
        name=f"brero2021/figure_{letters}",
        summary=shows,
        reproduces=f"Brero et al. 2021, {figure}",
        figure=figure,
        economy=f"brero2021/{economy}",
        setting=setting,
    )
    for letters, figure, economy, setting, shows in (
        (
            "2a", "Figure 2 (a)", "correlated", settings.Correlated(delta=0.0),
            "Values around a common centre, delta 0: "
            "values are independent, so it is enough to know who and what is left",
        ),
        (
            "2b", "Figure 2 (b)", "correlated", settings.Correlated(delta=0.25),
            "Values around a common centre, delta 0.25: "
            "what agents bought begins to tell what the others will pay",
        ),
        (
            "2c", "Figure 2 (c)", "correlated", settings.Correlated(delta=0.33),
            "Values around a common centre, delta 0.33: "
            "prices that agents faced tell more than what they bought",
        ),
        (
            "2d", "Figure 2 (d)", "correlated", settings.Correlated(delta=0.5),
            "Values around a common centre, delta 0.5: "
            "static prices fall far behind those that follow the purchases",
        ),
        (
            "3a", "Figure 3 (a)", "colors", None,
            "Colors: anonymous static prices are optimal",
        ),
        (
            "3b", "Figure 3 (b)", "two_worlds", None,
            "Two worlds: static prices are optimal if they are personalised",
        ),
        (
            "3c", "Figure 3 (c)", "inventory", None,
            "Inventory: the optimum needs prices that follow the units left",
        ),
        (
            "3d", "Figure 3 (d)", "kitchen_sink", None,
            "Kitchen sink: the optimum needs adaptive order and prices",
        ),
        (
            "3e", "Figure 3 (e)", "id", None,
            "ID: who bought tells where to go next, what is left may not",
        ),
        # The paper's text gives no letters for Figure 4: these follow the order of the text.
        (
            "4a", "Figure 4 (additive_types)", "additive_types", None,
            "Two item types whose values add up, each of its own centre",
        ),
        (
            "4b", "Figure 4 (revenue)", "revenue", None,
            "Revenue: payments count, in the economy of Figure 2, delta 0.5",
        ),
        (
            "4c", "Figure 4 (max_min)", "max_min", None,
            "Max-min fairness: the least value counts, and the order must adapt",
        ),
    )
)  # fmt: skip

FIGURES = Figures(
    name="brero2021/figures",
    summary="all panels of the figures, one after another",
    reproduces="Brero et al. 2021, Figures 2 to 4",
)

ADAPTIVITY = Adaptivity(
    name="adaptivity",
    summary="welfare of mechanisms whose order or prices adapt or not, exact, for every setting",
    reproduces="",
)

STUDIES = LEARNED | {study.name: study for study in (*PANELS, FIGURES, ADAPTIVITY)}
"""By name, as the registry has them."""
