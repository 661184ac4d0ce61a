"""What choices alone show of preferences: whether any explain them, and how far off they are."""

from jaxmech.certificates.revealed_preferences.afriat import (
    AfriatSlack,
    afriat_slack,
    fixed_weights_slack,
)
from jaxmech.certificates.revealed_preferences.closed_paths import (
    ClosedPath,
    pareto_gap,
    widest_closed_path,
)
from jaxmech.certificates.revealed_preferences.consistency import satisfies_garp

__all__ = [
    "AfriatSlack",
    "ClosedPath",
    "afriat_slack",
    "fixed_weights_slack",
    "pareto_gap",
    "satisfies_garp",
    "widest_closed_path",
]
