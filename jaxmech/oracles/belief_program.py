"""The optimal sequential price mechanism for finite supports, by dynamic programming.

All that a history tells is which agents and units are left and how likely each world now
is: given the world, agents are independent. The program therefore runs over agents left
of each class, units left, and the posterior over worlds, one layer for each number of
agents visited; its actions are the class to visit and the effective prices to post.
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass
from typing import Literal

import numpy as np

from jaxmech.oracles.effective_prices import effective_prices
from jaxmech.oracles.finite_economy import AgentClass, Bools, FiniteEconomy, Floats, Ints, purchases
from jaxmech.oracles.refusals import NotKnown

ProgramObjective = Literal["welfare", "revenue"]

_IMPOSSIBLE = 1e-14
"""Outcomes less likely than this are rounding."""

_MOST_SUPPORTS = 1024
"""Sets of worlds looked at to bound the number of states."""


@dataclass(frozen=True, eq=False)
class _Offer:
    """One agent of a class faces one price vector, with some types sold out.

    Attributes:
      member: index of the class.
      bundles: int [outcomes], bundles that may be taken.
      likelihood: float [worlds, outcomes], probability of each given the world.
      reward: float [worlds], expected gain in the objective given the world.
    """

    member: int
    bundles: Ints
    likelihood: Floats
    reward: Floats


@dataclass(frozen=True, eq=False)
class _Layer:
    """All reachable states in which the same number of agents has been visited.

    Attributes:
      counts: int [states, classes], agents left.
      units: int [states, items], units left.
      posterior: float [states, worlds].
    """

    counts: Ints
    units: Ints
    posterior: Floats


@dataclass(frozen=True, eq=False)
class _Transition:
    """Where one offer leads from each state in which it can be made.

    Attributes:
      states: int [from], positions in the layer.
      rewards: float [from].
      probabilities: float [from, outcomes].
      successors: int [from, outcomes], positions in the next layer.
    """

    states: Ints
    rewards: Floats
    probabilities: Floats
    successors: Ints


def adaptive_optimum(
    economy: FiniteEconomy,
    *,
    objective: ProgramObjective = "welfare",
    max_states: int = 1_000_000,
) -> float:
    """Greatest expected objective over all orders and prices, both adaptive.

    Revenue is the supremum: agents who pay their value exactly count as buying. It needs
    one item type or additive values.

    Raises:
      NotKnown: the number of states, estimated from above before the program starts,
        exceeds ``max_states``.
    """
    offers = {
        available: _offers(economy, np.array(available), objective)
        for available in itertools.product((False, True), repeat=len(economy.units))
        if any(available)
    }
    bound = _states_at_most(economy, offers[(True,) * len(economy.units)])
    if bound > max_states:
        raise NotKnown(
            f"max_states: got {max_states}; the dynamic program may need {bound:.3g} states "
            f"or more (agents left in {len(economy.counts)} classes, units left, posteriors over "
            f"{len(economy.world_probabilities)} worlds)"
        )
    layer = _Layer(
        counts=np.array([economy.counts]),
        units=economy.units[None],
        posterior=economy.world_probabilities[None],
    )
    transitions = []
    sizes = [1]
    for _ in range(economy.num_agents):
        steps, layer = _expand(layer, offers, economy.bundles)
        transitions.append(steps)
        sizes.append(len(layer.counts))
    value = np.zeros(sizes[-1] + 1)
    for steps, size in zip(reversed(transitions), reversed(sizes[:-1]), strict=True):
        # One more entry, always 0: the end of the episode.
        before = np.zeros(size + 1)
        for step in steps:
            total = step.rewards + np.sum(step.probabilities * value[step.successors], axis=1)
            before[step.states] = np.maximum(before[step.states], total)
        value = before
    return float(value[0])


def _offers(economy: FiniteEconomy, available: Bools, objective: ProgramObjective) -> list[_Offer]:
    """Every offer that has an effect of its own while ``available: bool [items]`` are left."""
    distinct: dict[tuple[int, bytes], _Offer] = {}
    for member, agents in enumerate(economy.classes):
        prices = effective_prices(agents.values, economy.bundles, additive=economy.additive)
        for posted in prices:
            taken = purchases(
                agents.values, economy.bundles, posted, available, additive=economy.additive
            )
            if (member, taken.tobytes()) not in distinct:
                offer = _offer(member, agents, taken, economy.bundles, objective)
                distinct[member, taken.tobytes()] = offer
    return list(distinct.values())


def _offer(
    member: int, agents: AgentClass, taken: Ints, bundles: Ints, objective: ProgramObjective
) -> _Offer:
    outcomes, position = np.unique(taken, return_inverse=True)
    likelihood = agents.probabilities @ np.eye(len(outcomes))[position.ravel()]
    if objective == "welfare":
        gain = np.take_along_axis(agents.values, taken[:, None], axis=1)[:, 0]
    else:
        # Each type can cost what its least eager buyer would pay for it alone.
        bought = bundles[taken] > 0
        worth = np.where(bought, agents.values[:, 2 ** np.arange(bundles.shape[1])], np.inf)
        gain = np.sum(np.where(bought, worth.min(axis=0), 0), axis=1)
    return _Offer(member, outcomes, likelihood, agents.probabilities @ gain)


def _states_at_most(economy: FiniteEconomy, offers: list[_Offer]) -> float:
    """Upper bound of the number of states (of part of it, with very many worlds).

    Once some worlds are excluded, the posterior depends on how often each outcome that
    tells the others apart was seen, not on when.
    """
    everything = np.hstack([offer.likelihood for offer in offers])
    supports = _supports_left(everything > 0)
    total = 0
    for support in supports:
        states = math.prod((economy.units + 1).tolist())
        for member, count in enumerate(economy.counts):
            likelihoods = [offer.likelihood for offer in offers if offer.member == member]
            ratios = np.hstack(likelihoods)[np.array(support)]
            ratios = ratios[:, np.all(ratios > 0, axis=0)]
            ratios = np.round(ratios / ratios.max(axis=0), 9)
            informative = np.any(ratios < 1, axis=0)
            distinct = len(np.unique(ratios[:, informative], axis=1).T)
            # The agents visited, and the multiset of informative outcomes among them.
            states *= math.comb(count + distinct + 1, distinct + 1)
        total += states
    return float(total)


def _supports_left(consistent: Bools) -> set[tuple[bool, ...]]:
    """Sets of worlds that outcomes, ``consistent: bool [worlds, outcomes]``, can leave."""
    outcomes = np.unique(consistent, axis=1).T
    found = {(True,) * len(consistent)}
    waiting = list(found)
    while waiting and len(found) < _MOST_SUPPORTS:
        worlds = np.array(waiting.pop())
        for left in {tuple((worlds & outcome).tolist()) for outcome in outcomes} - found:
            if any(left):
                found.add(left)
                waiting.append(left)
    return found


def _expand(
    layer: _Layer, offers: dict[tuple[bool, ...], list[_Offer]], bundles: Ints
) -> tuple[list[_Transition], _Layer]:
    """Visit one more agent in every way: the transitions, and the layer they lead to."""
    num_classes, num_items = layer.counts.shape[1], layer.units.shape[1]
    steps: list[tuple[Ints, Floats, Floats]] = []
    reached: list[tuple[Ints, Ints, Floats]] = []
    for available, possible in offers.items():
        matching = np.all((layer.units > 0) == np.array(available), axis=1)
        for offer in possible:
            states = np.flatnonzero(matching & (layer.counts[:, offer.member] > 0))
            posterior = layer.posterior[states]
            joint = posterior[:, None, :] * offer.likelihood.T
            probabilities = joint.sum(axis=-1)
            possible_outcome = np.maximum(probabilities, _IMPOSSIBLE)[..., None]
            shape = probabilities.shape
            counts = layer.counts[states] - (np.arange(num_classes) == offer.member)
            counts = np.broadcast_to(counts[:, None], (*shape, num_classes))
            units = layer.units[states][:, None] - bundles[offer.bundles]
            steps.append((states, posterior @ offer.reward, probabilities))
            reached.append(
                (
                    counts.reshape(-1, num_classes),
                    units.reshape(-1, num_items),
                    (joint / possible_outcome).reshape(-1, layer.posterior.shape[1]),
                )
            )
    if not reached:
        return [], _Layer(layer.counts[:0], layer.units[:0], layer.posterior[:0])
    counts, units, posterior = (np.concatenate(parts) for parts in zip(*reached, strict=True))
    chances = np.concatenate([probabilities.ravel() for _, _, probabilities in steps])
    alive = np.any(counts > 0, axis=1) & np.any(units > 0, axis=1) & (chances > _IMPOSSIBLE)
    key = np.hstack([counts, units, np.round(posterior * 1e10).astype(np.int64)])[alive]
    first, inverse = _distinct_rows(key)
    # The episode has ended at the position after the last state.
    successors = np.full(len(alive), len(first))
    successors[alive] = inverse
    following = _Layer(counts[alive][first], units[alive][first], posterior[alive][first])
    transitions, start = [], 0
    for states, rewards, probabilities in steps:
        stop = start + probabilities.size
        leads_to = successors[start:stop].reshape(probabilities.shape)
        transitions.append(_Transition(states, rewards, probabilities, leads_to))
        start = stop
    return transitions, following


def _distinct_rows(rows: Ints) -> tuple[Ints, Ints]:
    """Position of the first of each distinct row, and for each row which of those it is."""
    rows = np.ascontiguousarray(rows)
    whole = rows.view(np.dtype((np.void, rows.dtype.itemsize * rows.shape[1]))).ravel()
    _, first, inverse = np.unique(whole, return_index=True, return_inverse=True)
    return first, inverse.ravel()
