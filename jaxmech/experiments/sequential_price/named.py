"""The studies of sequential prices that are known by name; free of jax."""

from __future__ import annotations

from dataclasses import replace

from jaxmech.agents.settings.named import ID as ID_SETTING
from jaxmech.agents.settings.named import (
    AdditiveTypes,
    Colors,
    Correlated,
    Inventory,
    KitchenSink,
    MaxMin,
    Proposition1,
    Proposition2,
    Proposition3,
    Proposition4,
    TwoWorlds,
)
from jaxmech.designers.ppo.hyper_parameters import PPOHyperParameters
from jaxmech.experiments.sequential_price.adaptivity_study import Adaptivity
from jaxmech.experiments.sequential_price.panel_study import Figures, Panel
from jaxmech.experiments.sequential_price.settings import (
    FiniteSettingFile,
    NamedSetting,
    TimberAuctions,
)
from jaxmech.experiments.sequential_price.study import SequentialPriceStudy

_EXPLORING = PPOHyperParameters(learning_rate=3e-3, entropy_bonus=0.02)
"""For optima that hide behind a plan of several visits, each of which alone brings nothing."""

_EXCHANGEABLE = PPOHyperParameters(architecture="symmetric", learning_rate=3e-3, entropy_bonus=0.02)
"""For agents who differ in nothing that is known before the first visit."""

_HUNDREDS = replace(_EXCHANGEABLE, num_environments=64, entropy_bonus=0.0, gae_lambda=0.99)
"""For long episodes, of as many visits as there are agents: the reward at the end counts for
visits far back. With lambda .95, 300 agents were served worse than by static prices."""

CORRELATED = SequentialPriceStudy(
    name="brero2021/correlated",
    summary="5 identical items, 20 agents; uniform values, correlated by --setting.delta",
    reproduces="Brero et al. 2021, Figure 2, for delta 0, .25, .33 and .5",
    setting=Correlated(),
    ppo=_EXCHANGEABLE,
)

COLORS = SequentialPriceStudy(
    name="brero2021/colors",
    summary="10 red and 10 yellow items, 30 agents; a third of them may want either color",
    reproduces="Brero et al. 2021, Figure 3 (a): anonymous static prices are enough",
    setting=Colors(),
)

TWO_WORLDS = SequentialPriceStudy(
    name="brero2021/two_worlds",
    summary="1 item, 10 agents; all values are high, or all are low",
    reproduces="Brero et al. 2021, Figure 3 (b): static prices must be personalised",
    setting=TwoWorlds(),
    ppo=PPOHyperParameters(architecture="symmetric"),
)

INVENTORY = SequentialPriceStudy(
    name="brero2021/inventory",
    summary="10 identical items, 20 agents; values 1/2 or 1 as likely",
    reproduces="Brero et al. 2021, Figure 3 (c): prices must follow the units left",
    setting=Inventory(),
    ppo=_EXCHANGEABLE,
)

KITCHEN_SINK = SequentialPriceStudy(
    name="brero2021/kitchen_sink",
    summary="3 items, 3 agents; a purchase worth .01 tells who should get the last item",
    reproduces="Brero et al. 2021, Figure 3 (d): order and prices must both adapt",
    setting=KitchenSink(),
    ppo=_EXPLORING,
)

ID = SequentialPriceStudy(
    name="brero2021/id",
    summary="2 identical items, 6 agents; which of three agents buys tells where to go next",
    reproduces="Brero et al. 2021, Figure 3 (e): it matters who bought, not only what is left",
    setting=ID_SETTING(),
    ppo=_EXPLORING,
)

ADDITIVE_TYPES = SequentialPriceStudy(
    name="brero2021/additive_types",
    summary="2 units of one item type, 4 of another, 10 agents; correlated values add up",
    reproduces="Brero et al. 2021, Figure 4, additive across types",
    setting=AdditiveTypes(),
    ppo=_EXCHANGEABLE,
)

REVENUE = SequentialPriceStudy(
    name="brero2021/revenue",
    summary="5 identical items, 20 agents; correlated values, delta .5; payments count",
    reproduces="Brero et al. 2021, Figure 4, revenue maximisation",
    setting=Correlated(delta=0.5),
    objective="revenue",
    ppo=_EXCHANGEABLE,
)

MAX_MIN = SequentialPriceStudy(
    name="brero2021/max_min",
    summary="10 items of two colors, 9 agents; the least value of any agent counts",
    reproduces="Brero et al. 2021, Figure 4, max-min fairness: the order must adapt",
    setting=MaxMin(),
    objective="max_min",
    ppo=_EXPLORING,
)

HUNDREDS_OF_AGENTS = SequentialPriceStudy(
    name="hundreds_of_agents",
    summary="50 identical items, 300 agents; iid uniform values, of which the optimum is known",
    reproduces="",
    setting=Correlated(num_agents=300, num_items=50),
    statistic="agents_items",
    ppo=_HUNDREDS,
    updates=120,
    evaluation_episodes=20_000,
    validation_episodes=2_000,
)

MEMORY_OF_HUNDREDS = SequentialPriceStudy(
    name="memory_of_hundreds",
    summary="25 identical items, 100 agents; correlated values, and a memory of fixed size",
    reproduces="",
    setting=Correlated(num_agents=100, num_items=25, delta=0.5),
    statistic="last_visit",
    ppo=replace(_HUNDREDS, architecture="symmetric_recurrent", num_environments=128),
    updates=120,
    evaluation_episodes=20_000,
    validation_episodes=2_000,
)


def _proposition(number: int, setting: NamedSetting, summary: str) -> SequentialPriceStudy:
    return SequentialPriceStudy(
        name=f"brero2021/proposition_{number}",
        summary=summary,
        reproduces=f"Brero et al. 2021, the example that proves Proposition {number}",
        setting=setting,
        ppo=_EXPLORING,
    )


PROPOSITION_1 = _proposition(1, Proposition1(), "1 item, 2 agents with values 1 or 3")
PROPOSITION_2 = _proposition(2, Proposition2(), "2 identical items, 3 agents with values 1 or 3")
PROPOSITION_3 = _proposition(
    3, Proposition3(), "2 identical items, 6 agents with correlated values"
)
PROPOSITION_4 = _proposition(4, Proposition4(), "2 identical items, 4 independent agents")

TIMBER_AUCTIONS = SequentialPriceStudy(
    name="timber_auctions",
    summary="1 tract, 5 bidders; bids of real timber auctions, some held out (extra: data)",
    reproduces="",
    setting=TimberAuctions(),
)

OWN_SETTING = SequentialPriceStudy(
    name="own_setting",
    summary="your own setting of finite support, from the YAML file --setting.path",
    reproduces="",
    setting=FiniteSettingFile(),
    ppo=_EXPLORING,
)

OWN_VALUES = SequentialPriceStudy(
    name="own_values",
    summary="your own valuations, from the file --samples, some held out",
    reproduces="",
)


def _panel(letters: str, economy: str, shows: str, *, setting: NamedSetting | None = None) -> Panel:
    # The paper's text gives no letters for Figure 4.
    place = economy if letters[0] == "4" else letters[1]
    return Panel(
        name=f"brero2021/figure_{letters}",
        summary=shows,
        reproduces=f"Brero et al. 2021, Figure {letters[0]} ({place})",
        figure=f"Figure {letters[0]} ({place})",
        economy=f"brero2021/{economy}",
        setting=setting,
    )


def _correlated(letters: str, delta: float, shows: str) -> Panel:
    return _panel(
        letters,
        "correlated",
        f"Values around a common centre, delta {delta:g}: {shows}",
        setting=Correlated(delta=delta),
    )


FIGURE_2A = _correlated(
    "2a", 0.0, "values are independent, so it is enough to know who and what is left"
)
FIGURE_2B = _correlated("2b", 0.25, "what agents bought begins to tell what the others will pay")
FIGURE_2C = _correlated("2c", 0.33, "prices that agents faced tell more than what they bought")
FIGURE_2D = _correlated("2d", 0.5, "static prices fall far behind those that follow the purchases")
FIGURE_3A = _panel("3a", "colors", "Colors: anonymous static prices are optimal")
FIGURE_3B = _panel(
    "3b", "two_worlds", "Two worlds: static prices are optimal if they are personalised"
)
FIGURE_3C = _panel(
    "3c", "inventory", "Inventory: the optimum needs prices that follow the units left"
)
FIGURE_3D = _panel(
    "3d", "kitchen_sink", "Kitchen sink: the optimum needs adaptive order and prices"
)
FIGURE_3E = _panel("3e", "id", "ID: who bought tells where to go next, what is left may not")
# Of Figure 4, the letters in the names follow the order in which the paper's text tells it.
FIGURE_4A = _panel(
    "4a", "additive_types", "Two item types whose values add up, each of its own centre"
)
FIGURE_4B = _panel(
    "4b", "revenue", "Revenue: payments count, in the economy of Figure 2, delta 0.5"
)
FIGURE_4C = _panel(
    "4c", "max_min", "Max-min fairness: the least value counts, and the order must adapt"
)

PANELS = (
    FIGURE_2A, FIGURE_2B, FIGURE_2C, FIGURE_2D,
    FIGURE_3A, FIGURE_3B, FIGURE_3C, FIGURE_3D, FIGURE_3E,
    FIGURE_4A, FIGURE_4B, FIGURE_4C,
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
