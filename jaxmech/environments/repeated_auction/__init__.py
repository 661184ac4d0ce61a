"""An auction that is held again and again."""

from jaxmech.environments.repeated_auction.environment import RepeatedAuction
from jaxmech.environments.repeated_auction.factory import make
from jaxmech.environments.repeated_auction.params import RepeatedAuctionParams, params_of
from jaxmech.environments.repeated_auction.state import RepeatedAuctionState, Round

__all__ = [
    "RepeatedAuction",
    "RepeatedAuctionParams",
    "RepeatedAuctionState",
    "Round",
    "make",
    "params_of",
]
