"""Pure rules from reports to outcomes: no state, no learning, ties the only randomness."""

from jaxmech.mechanisms.multi_unit import discriminatory_price, uniform_price
from jaxmech.mechanisms.objectives import OBJECTIVES, Objective, max_min, revenue, welfare
from jaxmech.mechanisms.outcome import Outcome
from jaxmech.mechanisms.position import (
    PositionOutcome,
    generalized_second_price,
    position_vcg,
)
from jaxmech.mechanisms.single_item import all_pay, first_price, second_price
from jaxmech.mechanisms.soft import soft_all_pay, soft_first_price, soft_second_price
from jaxmech.mechanisms.unit_demand import vickrey_clarke_groves
from jaxmech.mechanisms.virtual_values import myerson

__all__ = [
    "OBJECTIVES",
    "Objective",
    "Outcome",
    "PositionOutcome",
    "all_pay",
    "discriminatory_price",
    "first_price",
    "generalized_second_price",
    "max_min",
    "myerson",
    "position_vcg",
    "revenue",
    "second_price",
    "soft_all_pay",
    "soft_first_price",
    "soft_second_price",
    "uniform_price",
    "vickrey_clarke_groves",
    "welfare",
]
