"""The auction rules written a second time: NumPy float64, loops, no cleverness.

Shares no code with ``jaxmech``. Ties go to the lowest index. Every rule returns an allocation
and payments.
"""

from __future__ import annotations

import itertools

import numpy as np


def per_bidder(reserve, bids):
    return [float(reserve)] * len(bids) if np.ndim(reserve) == 0 else [float(r) for r in reserve]


def participants(bids, reserve, takes_part=None):
    reserves = per_bidder(reserve, bids)
    willing = [True] * len(bids) if takes_part is None else takes_part
    return [i for i in range(len(bids)) if willing[i] and bids[i] >= reserves[i]]


def best_first(candidates, scores):
    """Selection sort: the first of the best is taken out until nobody is left."""
    left, ranked = list(candidates), []
    while left:
        best = left[0]
        for i in left[1:]:
            if scores[i] > scores[best]:
                best = i
        ranked.append(best)
        left.remove(best)
    return ranked


def sealed_bids(bids, units, pricing, reserve=0.0, entry_fee=0.0, takes_part=None):
    """Any rule for one item type; ``pricing`` is "own", "losing" or "all"."""
    reserves = per_bidder(reserve, bids)
    present = participants(bids, reserve, takes_part)
    ranked = best_first(present, bids)
    allocation, payments = np.zeros(len(bids), int), np.zeros(len(bids))
    for i in present:
        payments[i] += entry_fee
        if pricing == "all":
            payments[i] += bids[i]
    losing = [bids[i] for i in ranked[units:]]
    for i in ranked[:units]:
        allocation[i] = 1
        if pricing == "own":
            payments[i] += bids[i]
        if pricing == "losing":
            payments[i] += max([reserves[i], *losing])
    return allocation, payments


def ranked_for_slots(bids, quality, reserve, squash, filtering):
    weights = [q**squash for q in quality]
    scores = [w * b for w, b in zip(weights, bids, strict=True)]
    candidates = participants(bids, reserve) if filtering == "eager" else range(len(bids))
    return best_first(candidates, scores), weights, scores


def second_price_for_slots(bids, quality, click_rates, reserve=0.0, squash=1.0, filtering="eager"):
    """Also returns prices per click."""
    reserves = per_bidder(reserve, bids)
    ranked, weights, scores = ranked_for_slots(bids, quality, reserve, squash, filtering)
    allocation = np.zeros((len(bids), len(click_rates)), int)
    payments, prices = np.zeros(len(bids)), np.zeros(len(bids))
    for slot, i in enumerate(ranked[: len(click_rates)]):
        if bids[i] < reserves[i]:
            continue
        allocation[i, slot] = 1
        next_score = scores[ranked[slot + 1]] if slot + 1 < len(ranked) else 0.0
        needed = next_score / weights[i] if next_score > 0 else 0.0
        prices[i] = max(reserves[i], needed)
        payments[i] = click_rates[slot] * quality[i] * prices[i]
    return allocation, payments, prices


def externalities_for_slots(bids, quality, click_rates):
    """VCG by definition: the best the others can have without a bidder less what they have."""

    def best_total(present):
        top = sorted((quality[i] * bids[i] for i in present), reverse=True)
        return sum(a * s for a, s in zip(click_rates, top, strict=False))

    everybody = list(range(len(bids)))
    ranked, _, scores = ranked_for_slots(bids, quality, 0.0, 1.0, "eager")
    allocation = np.zeros((len(bids), len(click_rates)), int)
    for slot, i in enumerate(ranked[: len(click_rates)]):
        allocation[i, slot] = 1
    total = best_total(everybody)
    payments = np.zeros(len(bids))
    for i in everybody:
        own = float(np.dot(allocation[i], click_rates)) * scores[i]
        payments[i] = best_total([j for j in everybody if j != i]) - (total - own)
    return allocation, payments


def assignments(num_agents, num_items):
    """Every way to give each agent one item or none, None; each item once at most."""
    for choice in itertools.product([*range(num_items), None], repeat=num_agents):
        taken = [item for item in choice if item is not None]
        if len(taken) == len(set(taken)):
            yield choice


def unit_demand(values):
    """VCG by enumeration; the first of the best assignments in the order of ``assignments``."""

    def total(choice, present):
        return sum(values[i][choice[i]] for i in present if choice[i] is not None)

    num_agents, num_items = np.shape(values)
    everybody = list(range(num_agents))
    choices = list(assignments(num_agents, num_items))
    best = choices[0]
    for choice in choices:
        if total(choice, everybody) > total(best, everybody):
            best = choice
    allocation, payments = np.zeros((num_agents, num_items), int), np.zeros(num_agents)
    for i, item in enumerate(best):
        others = [j for j in everybody if j != i]
        payments[i] = max(total(c, others) for c in choices) - total(best, others)
        if item is not None:
            allocation[i, item] = 1
    return allocation, payments
