"""Pure rules from reports to outcomes: no randomness, no state, no learning."""

from jaxmech.mechanisms.objectives import Objective, max_min, revenue, welfare
from jaxmech.mechanisms.outcome import Outcome

__all__ = ["Objective", "Outcome", "max_min", "revenue", "welfare"]
