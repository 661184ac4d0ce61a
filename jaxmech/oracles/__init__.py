"""Exact values: what the best mechanism of a family is worth, to judge learned ones by."""

from jaxmech.oracles import sequential_price
from jaxmech.oracles.auctions import SymmetricAuction
from jaxmech.oracles.common_value_auctions import AffiliatedSignalsAuction, MineralRightsAuction
from jaxmech.oracles.cournot import LinearCournot
from jaxmech.oracles.multilane import UniformLanes
from jaxmech.oracles.offline import offline_optimum
from jaxmech.oracles.optimal_auctions import myerson_reserve, optimal_revenue
from jaxmech.oracles.position_auctions import PositionEquilibrium, envy, lowest_envy_free
from jaxmech.oracles.refusals import NotKnownError
from jaxmech.oracles.two_items import TwoItemMenu, two_item_menu, two_item_optimum

__all__ = [
    "AffiliatedSignalsAuction",
    "LinearCournot",
    "MineralRightsAuction",
    "NotKnownError",
    "PositionEquilibrium",
    "SymmetricAuction",
    "TwoItemMenu",
    "UniformLanes",
    "envy",
    "lowest_envy_free",
    "myerson_reserve",
    "offline_optimum",
    "optimal_revenue",
    "sequential_price",
    "two_item_menu",
    "two_item_optimum",
]
