"""The typed configuration of an experiment: everything that decides its result.

Nothing here imports jax, so that experiments can be listed and flags parsed at once.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Annotated, Literal

import tyro

Statistic = Literal["agents_items", "allocation", "prices", "last_visit"]
ObjectiveName = Literal["welfare", "revenue", "max_min"]
DemandForm = Literal["unit", "additive", "bundle"]


@dataclass(frozen=True)
class TwoWorlds:
    """One item; all values iid on {.6, 1} or, as likely, all iid on {.1, .4}."""

    num_agents: int = 10
    """Number of agents."""


@dataclass(frozen=True)
class Inventory:
    """Identical items; values iid on {1/2, 1}."""

    num_agents: int = 20
    """Number of agents."""
    num_items: int = 10
    """Number of identical items."""


@dataclass(frozen=True)
class Correlated:
    """Identical items; uniform values around a common random centre."""

    num_agents: int = 20
    """Number of agents."""
    num_items: int = 5
    """Number of identical items."""
    delta: float = 0.0
    """Strength of the correlation, from 0 (independent values) to 1 (identical values)."""


@dataclass(frozen=True)
class Colors:
    """Red and yellow agents want their color at 1; blue ones want either at 2."""

    num_per_color: int = 10
    """Number of agents of each of three colors, and of items of each of two."""


@dataclass(frozen=True)
class KitchenSink:
    """Three agents, three items; what the first wants tells who should get the third item."""


@dataclass(frozen=True)
class Identification:
    """Two items, six agents; who of the first three wants one tells where to go."""


@dataclass(frozen=True)
class AdditiveTypes:
    """Item types whose values add up; uniform values around random centres."""

    num_agents: int = 10
    """Number of agents."""
    units: tuple[int, ...] = (2, 4)
    """Units of each item type."""
    delta: float = 0.5
    """Strength of the correlation, from 0 (independent values) to 1 (identical values)."""
    shared_centre: bool = False
    """Whether all item types have the same random centre."""


@dataclass(frozen=True)
class MaxMin:
    """Nine agents, ten items of two colors; which agents can do with white is random."""


@dataclass(frozen=True)
class Proposition1:
    """One item, two agents with values iid on {1, 3}."""


@dataclass(frozen=True)
class Proposition2:
    """Two identical items, three agents with values iid on {1, 3}."""


@dataclass(frozen=True)
class Proposition3:
    """Two identical items, six agents with correlated values."""


@dataclass(frozen=True)
class Proposition4:
    """Two identical items, four independent agents."""


@dataclass(frozen=True)
class FiniteSettingFile:
    """A setting of finite support that you write, see ``jaxmech.data.setting_files``."""

    path: str | None = None
    """The YAML file."""


@dataclass(frozen=True)
class TimberAuctions:
    """Bidders' values for timber tracts, see ``jaxmech.data.timber``."""

    num_agents: int = 5
    """Number of bidders, 2 to 9."""
    lowest: float = 1.0
    """Lowest bid kept, in multiples of the tract's advertised value."""
    highest: float = 4.0
    """Highest bid kept, likewise."""


NamedSetting = (
    TwoWorlds
    | Inventory
    | Correlated
    | Colors
    | KitchenSink
    | Identification
    | AdditiveTypes
    | MaxMin
    | Proposition1
    | Proposition2
    | Proposition3
    | Proposition4
    | FiniteSettingFile
    | TimberAuctions
)

SETTING_NAMES: dict[type[NamedSetting], str] = {
    TwoWorlds: "two_worlds",
    Inventory: "inventory",
    Correlated: "correlated",
    Colors: "colors",
    KitchenSink: "kitchen_sink",
    Identification: "id",
    AdditiveTypes: "additive_types",
    MaxMin: "max_min",
    Proposition1: "proposition_1",
    Proposition2: "proposition_2",
    Proposition3: "proposition_3",
    Proposition4: "proposition_4",
    FiniteSettingFile: "finite_setting_file",
    TimberAuctions: "timber_auctions",
}
"""What each is called where it is written down; those of ``jaxmech.agents.SETTINGS`` so too."""


@dataclass(frozen=True)
class PPOSettings:
    """Hyper-parameters of ``jaxmech.designers.PPO``, field by field."""

    num_environments: int = 1024
    """Episodes played side by side in one update."""
    rollout_by: Literal["step", "episode"] = "step"
    """Start all episodes afresh in each update, or each where the last one ended."""
    num_epochs: int = 4
    """Passes over the experience of an update."""
    num_minibatches: int = 4
    """Gradient steps in a pass."""
    hidden: tuple[int, ...] = (64, 64)
    """Widths of the hidden layers of actor and critic."""
    architecture: Literal["flat", "symmetric", "recurrent", "symmetric_recurrent"] = "flat"
    """One network over the whole statistic, or one that treats agents alike; recurrent ones also
    remember what they have seen of the episode, which goes with the statistic last_visit."""
    memory_width: int = 32
    """Size of the memory of a recurrent network."""
    actor_sees: Literal["statistic", "agents_left", "nothing"] = "statistic"
    """What prices and order can depend on: with agents_left they are static and personalised, with
    nothing static and anonymous."""
    normalize_observations: bool = False
    """Whether to scale observations by their running moments."""
    initial_log_scale: float = 0.0
    """Starting value of the log standard deviations of the prices' logits."""
    learning_rate: float = 1e-3
    """Step size at the first update."""
    learning_rate_end: float = 0.0
    """Step size at the last update; linear between."""
    entropy_bonus: float = 0.0
    """Weight of the policy's entropy at the first update."""
    entropy_bonus_end: float = 0.0
    """Weight of the policy's entropy at the last update; linear between."""
    anneal_updates: float | None = None
    """Updates over which the two change; all of them where not given."""
    gamma: float = 1.0
    """Discount factor."""
    gae_lambda: float = 0.95
    """Decay of generalised advantage estimation."""
    clip: float = 0.2
    """The probability ratio counts up to 1 plus or minus this."""
    value_clip: float = math.inf
    """A new value counts up to this far from the old."""
    value_weight: float = 0.5
    """Weight of the squared error of the value."""
    max_gradient_norm: float = 0.5
    """Bound on the norm of a gradient."""
    target_kl: float = math.inf
    """Once the policy has moved this far in an update, the rest of it changes nothing."""
    reward_scale: float | None = None
    """Rewards are multiplied by this for learning, results are not; one over the highest price
    where not given."""


@dataclass(frozen=True)
class SequentialPriceExperiment:
    """Learn a sequential price mechanism and compare it with baselines and exact values."""

    name: Annotated[str, tyro.conf.Suppress]
    """What the experiment is called."""
    summary: Annotated[str, tyro.conf.Suppress]
    """One line: who wants what."""
    reproduces: Annotated[str, tyro.conf.Suppress]
    """Which result it reproduces; empty where none."""
    setting: NamedSetting | None = None
    """The economy; none where values are sampled from ``samples``."""

    samples: str | None = None
    """Your own valuations in place of the setting's: a .npz, .csv or .parquet file."""
    units: tuple[int, ...] | None = None
    """With samples: units for sale of each item type; one of each where not given."""
    demand: DemandForm = "unit"
    """With samples: how an agent values several items."""
    held_out: float = 0.2
    """With samples: the part of them kept for evaluation, never trained on."""

    statistic: Statistic = "prices"
    """What the mechanism sees of the history."""
    objective: ObjectiveName = "welfare"
    """What the mechanism maximises."""
    subtract_offline_optimum: bool | None = None
    """Subtract each episode's greatest possible welfare from its reward, to reduce noise; where
    not given, for welfare and revenue but not for max_min."""
    buys_at_zero_utility: bool = False
    """Whether an agent buys when indifferent."""
    price_high: float | None = None
    """Highest price that can be posted; the highest value of each item where not given."""

    seeds: int = 6
    """How many times to learn, independently."""
    first_seed: int = 0
    """The first seed; the others follow it."""
    updates: int = 200
    """Iterations of the learner."""
    evaluation_episodes: int = 100_000
    """Fresh episodes on which each mechanism is evaluated. With samples, every held-out sample is
    played once instead; by random mechanisms as often as this many episodes allow."""
    validation_episodes: int = 20_000
    """Other episodes, on which the best seeds are chosen; with samples, of those trained on."""
    ppo: PPOSettings = field(default_factory=PPOSettings)

    def __post_init__(self) -> None:
        for name in ("seeds", "updates", "evaluation_episodes", "validation_episodes"):
            if getattr(self, name) < 1:
                raise ValueError(
                    f"{name}: got {getattr(self, name)}; allowed are integers of at least 1"
                )
        if not 0 < self.held_out < 1:
            raise ValueError(f"held_out: got {self.held_out}; allowed are numbers between 0 and 1")
        if self.units is not None and not self.is_sampled:
            raise ValueError(f"units: got {self.units}; they go with samples")

    @property
    def is_sampled(self) -> bool:
        """Whether values are drawn from samples, some of them held out for evaluation."""
        return self.samples is not None or isinstance(self.setting, TimberAuctions)

    def resolved(self) -> SequentialPriceExperiment:
        """The same experiment, with what depends on the objective or the folder filled in.

        Raises:
          ValueError: there is no file of samples.
        """
        subtract, setting, samples = self.subtract_offline_optimum, self.setting, self.samples
        # Absolute paths: the run can then be resumed from any folder.
        if samples is not None:
            if not Path(samples).is_file():
                raise ValueError(f"samples: got {samples}; there is no such file")
            samples = str(Path(samples).absolute())
        if isinstance(setting, FiniteSettingFile) and setting.path is not None:
            setting = FiniteSettingFile(str(Path(setting.path).absolute()))
        if subtract is None:
            subtract = self.objective != "max_min"
        return replace(self, subtract_offline_optimum=subtract, setting=setting, samples=samples)

    @property
    def title(self) -> str:
        """The name, and the file of samples or of the setting if any."""
        file = self.samples
        if file is None and isinstance(self.setting, FiniteSettingFile):
            file = self.setting.path
        return self.name if file is None else f"{self.name}: {Path(file).name}"
