"""The allocations that every learned one is compared with."""

from __future__ import annotations

from jaxmech.designers.allocation_policies.bandits import Exp3Shares, UCB1Shares
from jaxmech.designers.allocation_policies.demand import LearnedDemand, LearnedSellerDemand
from jaxmech.designers.allocation_policies.proportional import FixedShares, ProportionalShares
from jaxmech.designers.protocols import Policy
from jaxmech.environments import ImpressionAllocation, ImpressionAllocationParams


def baselines(env: ImpressionAllocation, params: ImpressionAllocationParams) -> dict[str, Policy]:
    """The policies that act on what the platform sees, by name."""
    high = params.population.price_high
    demand = LearnedDemand(high, prices_shown=env.prices_shown)
    return {
        "equal shares": FixedShares.equal(env.num_sellers),
        "proportional to revenue": ProportionalShares("revenue"),
        "proportional to transactions": ProportionalShares("transactions"),
        "learned demand": demand,
        "learned demand of each seller": LearnedSellerDemand(demand, num_sellers=env.num_sellers),
        "UCB1": UCB1Shares(high, env.num_sellers),
        "Exp3": Exp3Shares(high, num_sellers=env.num_sellers),
    }
