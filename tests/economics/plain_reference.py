"""Sequential price mechanisms written a second time: NumPy float64, loops, no cleverness.

Shares no code with ``jaxmech``; ``kind`` is "unit", "additive" or "bundle".
"""

from __future__ import annotations

import itertools

import numpy as np


def bundle_value(kind, values, bundle):
    held = [item for item, taken in enumerate(bundle) if taken]
    if kind == "unit":
        return max([values[item] for item in held], default=0.0)
    if kind == "additive":
        return sum(values[item] for item in held)
    return values[sum(2**item for item in held)]


def all_bundles(num_items):
    """Every bundle, the empty one first; item 0 changes fastest."""
    for reverse in itertools.product([0, 1], repeat=num_items):
        yield list(reversed(reverse))


def fits(bundle, units_left):
    return all(left > 0 for taken, left in zip(bundle, units_left, strict=True) if taken)


def chosen_bundle(kind, values, prices, units_left, buys_at_zero_utility):
    """What a truthful agent takes; ties go to the first bundle in index order."""

    def worth_it(utility):
        return utility >= 0 if buys_at_zero_utility else utility > 0

    num_items = len(prices)
    if kind == "additive":
        return [
            int(units_left[item] > 0 and worth_it(values[item] - prices[item]))
            for item in range(num_items)
        ]
    if kind == "unit":
        candidates = [[int(i == item) for i in range(num_items)] for item in range(num_items)]
    else:
        candidates = list(all_bundles(num_items))[1:]
    best, best_utility = None, -np.inf
    for bundle in candidates:
        if not fits(bundle, units_left):
            continue
        cost = sum(price for price, taken in zip(prices, bundle, strict=True) if taken)
        utility = bundle_value(kind, values, bundle) - cost
        if utility > best_utility:
            best, best_utility = bundle, utility
    if best is None or not worth_it(best_utility):
        return [0] * num_items
    return best


def best_welfare(kind, values, units):
    """Greatest welfare by trying every bundle for every agent."""
    if len(values) == 0:
        return 0.0
    best = -np.inf
    for bundle in all_bundles(len(units)):
        if fits(bundle, units):
            left = [u - taken for u, taken in zip(units, bundle, strict=True)]
            rest = best_welfare(kind, values[1:], left)
            best = max(best, bundle_value(kind, values[0], bundle) + rest)
    return best


def play(kind, values, units, actions, price_high, buys_at_zero_utility):
    """One episode: a list with a dict for each step, until the episode is over.

    ``price_high`` has the highest price of each item.
    """
    num_agents, num_items = len(values), len(units)
    left = list(units)
    waiting = set(range(num_agents))
    allocation = np.zeros((num_agents, num_items))
    faced = np.zeros((num_agents, num_items))
    payments = np.zeros(num_agents)
    steps = []
    for action in actions:
        scores, prices = action[:num_agents], action[num_agents:]
        scores = [-np.inf if np.isnan(score) else score for score in scores]
        agent = max(sorted(waiting), key=scores.__getitem__)
        prices = [
            high if np.isnan(price) else min(max(price, 0.0), high)
            for price, high in zip(prices, price_high, strict=True)
        ]
        bundle = chosen_bundle(kind, values[agent], prices, left, buys_at_zero_utility)
        waiting.remove(agent)
        allocation[agent] = bundle
        faced[agent] = prices
        payments[agent] = sum(p for p, taken in zip(prices, bundle, strict=True) if taken)
        left = [u - taken for u, taken in zip(left, bundle, strict=True)]
        over = not waiting or all(u == 0 for u in left)
        got = [bundle_value(kind, values[a], allocation[a]) for a in range(num_agents)]
        steps.append(
            {
                "agent": agent,
                "bundle": list(bundle),
                "terminated": over,
                "welfare": sum(got),
                "revenue": sum(payments),
                "max_min": min(got),
                "allocation": allocation.copy(),
                "payments": payments.copy(),
                "observation": np.concatenate(
                    [
                        [a in waiting for a in range(num_agents)],
                        [u / total for u, total in zip(left, units, strict=True)],
                        allocation.ravel(),
                        faced.ravel() / np.tile(price_high, num_agents),
                    ]
                ),
            }
        )
        if over:
            break
    return steps
