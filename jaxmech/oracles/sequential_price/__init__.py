"""Exact values of sequential price mechanisms and their baselines, by setting.

Families as in Brero et al. (2021), from the most to the least powerful: adaptive order
and prices (``optimal``) and its restrictions to a static order (``static_order_optimum``)
or to what is left (``agents_items_optimum``); static order with a price vector for each
agent (``personalised_static_prices``) or one for all (``anonymous_static_prices``); and
random serial dictatorship, which posts zero. Beside these, prices fixed in advance in an
adaptive order, between static prices and ``optimal``: one vector for each agent
(``adaptive_order_personalised_prices``) or for all (``adaptive_order_anonymous_prices``).
``expected_offline_optimum`` bounds the welfare of all. Where the optimum is not known
because values share an unknown centre, ``purchase_history_lower_bound`` and
``known_centre_upper_bound`` enclose it.

Agents buy only at strictly positive utility. Everything here is NumPy in float64, run
on the host, once per setting.
"""

from __future__ import annotations

from jaxmech.oracles.offline_max_min import expected_offline_max_min
from jaxmech.oracles.sequential_price.adaptive_order import AdaptiveOrderResult
from jaxmech.oracles.sequential_price.adaptive_prices import (
    agents_items_optimum,
    optimal,
    static_order_optimum,
)
from jaxmech.oracles.sequential_price.centre_bounds import (
    known_centre_upper_bound,
    purchase_history_lower_bound,
)
from jaxmech.oracles.sequential_price.expected_welfare import (
    expected_offline_optimum,
    random_serial_dictatorship,
)
from jaxmech.oracles.sequential_price.static_prices import (
    adaptive_order_anonymous_prices,
    adaptive_order_personalised_prices,
    anonymous_static_prices,
    personalised_static_prices,
)
from jaxmech.oracles.sequential_price.static_program import StaticPriceResult

__all__ = [
    "AdaptiveOrderResult",
    "StaticPriceResult",
    "adaptive_order_anonymous_prices",
    "adaptive_order_personalised_prices",
    "agents_items_optimum",
    "anonymous_static_prices",
    "expected_offline_max_min",
    "expected_offline_optimum",
    "known_centre_upper_bound",
    "optimal",
    "personalised_static_prices",
    "purchase_history_lower_bound",
    "random_serial_dictatorship",
    "static_order_optimum",
]
