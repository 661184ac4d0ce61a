"""Studies: what they are, where they are computed, and those known by name.

Names are imported on first use: a study is made, read and checked without JAX.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from jaxmech.lazy import exports

if TYPE_CHECKING:
    from jaxmech.experiments.configuration_files import config_of, read_config
    from jaxmech.experiments.learning import learning_curves
    from jaxmech.experiments.registry import STUDIES, study_called
    from jaxmech.experiments.study import NamedStudy, Study
    from jaxmech.experiments.workspace import Stopped, TrainingRequest, Workspace

__all__ = [
    "STUDIES",
    "NamedStudy",
    "Stopped",
    "Study",
    "TrainingRequest",
    "Workspace",
    "config_of",
    "learning_curves",
    "read_config",
    "study_called",
]

__getattr__ = exports(
    __name__,
    {
        "configuration_files": ("config_of", "read_config"),
        "learning": ("learning_curves",),
        "registry": ("STUDIES", "study_called"),
        "study": ("NamedStudy", "Study"),
        "workspace": ("Stopped", "TrainingRequest", "Workspace"),
    },
)


def __dir__() -> list[str]:
    return __all__
