"""What oracles read from a setting, and why they refuse one."""

from __future__ import annotations

import numpy as np

from jaxmech.agents import (
    BundleDemand,
    CorrelatedUniform,
    Samples,
    Setting,
    UnitDemand,
    ValueDistribution,
)
from jaxmech.oracles.refusals import NotKnownError
from jaxmech.oracles.sequential_price.finite_economies import Floats, exact_decimals, is_additive


def additive_only(setting: Setting) -> None:
    """Refuses with ``NotKnownError`` where item types compete for an agent."""
    demand = setting.distribution.demand
    if not is_additive(demand):
        kind = type(setting.distribution).__name__
        raise NotKnownError(
            f"demand: got {demand} with {kind} values; allowed are {UnitDemand(1)} or "
            "AdditiveDemand, where item types do not compete for an agent"
        )


def correlation(distribution: CorrelatedUniform) -> float:
    """The strength of the correlation, ``delta``."""
    return float(exact_decimals(distribution.delta))


def useful_units(setting: Setting) -> list[int]:
    """Units of each type that can be sold: at most one to each agent."""
    return [min(units, setting.distribution.num_agents) for units in setting.units]


def item_values(samples: Samples) -> Floats:
    """Float64 [samples, agents, items], where values are additive."""
    values = np.asarray(samples.values, np.float64)
    return values[..., 1:] if isinstance(samples.demand, BundleDemand) else values


def identical_values(distribution: ValueDistribution) -> bool:
    """Whether all agents surely have the same value, so that static prices lose nothing."""
    return isinstance(distribution, CorrelatedUniform) and correlation(distribution) == 1


def unknown(setting: Setting) -> NotKnownError:
    """The refusal of a distribution that no oracle knows."""
    kind = type(setting.distribution).__name__
    return NotKnownError(
        f"distribution: got {kind}; allowed are FiniteMixture, CorrelatedUniform and Samples"
    )


def too_many_worlds(samples: Samples) -> NotKnownError:
    """The refusal of samples where a program over all worlds would be needed."""
    return NotKnownError(
        f"distribution: got {len(samples.values)} samples; the optimum is known for "
        "finite supports with few worlds (every sample is a world of its own) and for "
        "iid values"
    )
