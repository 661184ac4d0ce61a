"""Studies: each a question, asked by a frozen configuration, that runs, stops and goes on alike.

Names are imported on first use; a configuration and the registry need no JAX.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from jaxmech.lazy import exports

if TYPE_CHECKING:
    from jaxmech.experiments.configuration_files import config_of, read_config
    from jaxmech.experiments.learning import learning_curves
    from jaxmech.experiments.registry import STUDIES, study_called
    from jaxmech.experiments.runs import go_on, show, start
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
    "go_on",
    "learning_curves",
    "read_config",
    "show",
    "start",
    "study_called",
]

__getattr__ = exports(
    __name__,
    {
        "configuration_files": ("config_of", "read_config"),
        "learning": ("learning_curves",),
        "registry": ("STUDIES", "study_called"),
        "runs": ("go_on", "show", "start"),
        "study": ("NamedStudy", "Study"),
        "workspace": ("Stopped", "TrainingRequest", "Workspace"),
    },
)
