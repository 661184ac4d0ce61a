"""The study that learns a sequential price mechanism, beside baselines and exact values.

Nothing here imports jax before the study is computed.
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields, replace
from operator import attrgetter
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Self

from jaxmech import checks
from jaxmech.agents.settings.named import Correlated
from jaxmech.checks import InvalidValueError
from jaxmech.designers.ppo.hyper_parameters import PPOHyperParameters
from jaxmech.environments.sequential_price import Statistic
from jaxmech.experiments.registry import studies, study_called
from jaxmech.experiments.sequential_price.economy import Economy, FiniteSettingFile
from jaxmech.experiments.study import NamedStudy

if TYPE_CHECKING:
    from jaxmech.experiments.workspace import Workspace
    from jaxmech.reports.findings import Findings

ObjectiveName = Literal["welfare", "revenue", "max_min"]

_ALSO_DESCRIBED = {
    "brero2021/correlated": tuple(Correlated(delta=delta) for delta in (0.25, 0.33, 0.5)),
}
"""Settings other than the registered one that a study's description speaks of."""

_DESCRIBED = attrgetter(
    "statistic", "objective", "buys_at_zero_utility", "price_high", "ppo.actor_sees"
)
"""Rules and information that a study's description speaks of."""


@dataclass(frozen=True)
class SequentialPriceStudy(Economy, NamedStudy):
    """Learn a sequential price mechanism and compare it with baselines and exact values."""

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
    ppo: PPOHyperParameters = field(default_factory=PPOHyperParameters)

    def __post_init__(self) -> None:
        for name in ("seeds", "updates", "evaluation_episodes", "validation_episodes"):
            checks.integer(name, getattr(self, name))
        checks.integer("first_seed", self.first_seed, low=0)
        checks.number("held_out", self.held_out, above=0, below=1)
        if self.price_high is not None:
            checks.number("price_high", self.price_high, above=0)
        if self.units is not None and not self.is_sampled:
            raise InvalidValueError("units", self.units, "they go with samples", verb="")

    @property
    def files(self) -> tuple[str, ...]:
        """The file of samples or of the setting, if any."""
        own = self.setting.path if isinstance(self.setting, FiniteSettingFile) else None
        file = own if self.samples is None else self.samples
        return () if file is None else (file,)

    @property
    def is_as_described(self) -> bool:
        """Whether the registered description, and the result reproduced, are those of this study.

        They are not where samples replace the setting, or where the setting is another one, or
        one of ``_DESCRIBED``.
        """
        registered = study_called(self.name) if self.name in studies() else None
        if not isinstance(registered, SequentialPriceStudy) or (
            self.samples is not None and registered.setting is not None
        ):
            return False
        settings = (registered.setting, *_ALSO_DESCRIBED.get(self.name, ()))
        return self.setting in settings and _DESCRIBED(self) == _DESCRIBED(registered)

    @property
    def economy(self) -> Economy:
        """Where values come from, and nothing else."""
        return Economy(**{of.name: getattr(self, of.name) for of in fields(Economy)})

    @property
    def all_seeds(self) -> tuple[int, ...]:
        """The seeds to learn with."""
        return tuple(range(self.first_seed, self.first_seed + self.seeds))

    def resolved(self) -> Self:
        """The same study, with what depends on the objective or the folder filled in.

        Raises:
          ValueError: there is no setting and no file of samples, or no file where one is named.
        """
        # Absolute paths: the run can then be resumed from any folder.
        setting, samples = self.setting, self.samples
        if samples is not None:
            samples = absolute("samples", samples)
        elif setting is None:
            raise ValueError(
                f"samples: got None; {self.name} needs a file of valuations, "
                "as in --samples values.csv"
            )
        elif isinstance(setting, FiniteSettingFile):
            if setting.path is None:
                raise ValueError(
                    f"setting.path: got None; {self.name} needs a file that describes the "
                    "setting, as in --setting.path setting.yaml"
                )
            setting = FiniteSettingFile(absolute("setting.path", setting.path))
        subtract = self.subtract_offline_optimum
        if subtract is None:
            subtract = self.objective != "max_min"
        return replace(self, subtract_offline_optimum=subtract, setting=setting, samples=samples)

    def compute(self, workspace: Workspace) -> Findings:
        """Learned mechanisms, evaluated beside baselines and exact values."""
        from jaxmech.experiments.sequential_price.learning import learned_and_compared

        return learned_and_compared(self, workspace)


def absolute(field: str, path: str) -> str:
    """The path of a file from any folder.

    Raises:
      ValueError: there is no such file.
    """
    if not Path(path).is_file():
        raise InvalidValueError(field, path, "there is no such file", got=path, verb="")
    return str(Path(path).absolute())
