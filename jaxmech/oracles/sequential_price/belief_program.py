"""The optimal sequential price mechanism for finite supports, by dynamic programming.

All that a history tells is which agents and units are left and how likely each world now
is: given the world, agents are independent. The program therefore runs over agents left
of each class, units left, and the posterior over worlds, one layer for each number of
agents visited; its actions are the class to visit and the effective prices to post.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from jaxmech.oracles.refusals import NotKnownError
from jaxmech.oracles.sequential_price.decision_problems import DecisionProblem, Offer
from jaxmech.oracles.sequential_price.finite_economies import Bools, Floats, Ints
from jaxmech.oracles.sequential_price.finite_expectations import without

_IMPOSSIBLE = 1e-14
"""Outcomes less likely than this are rounding."""

_MOST_ENTRIES = 50_000_000

_MOST_SUPPORTS = 1024
"""Sets of worlds looked at to bound the number of states."""


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
      member: class of the agent visited.
      states: int [from], positions in the layer.
      rewards: float [from].
      probabilities: float [from, outcomes].
      successors: int [from, outcomes], positions in the next layer.
    """

    member: int
    states: Ints
    rewards: Floats
    probabilities: Floats
    successors: Ints


def adaptive_optimum(problem: DecisionProblem, *, max_states: int = 1_000_000) -> float:
    """Greatest expected objective over all orders and prices, both adaptive.

    Revenue is the supremum: agents who pay their value exactly count as buying. It needs
    one item type or additive values.

    Raises:
      NotKnownError: the number of states, estimated from above before the program starts,
        exceeds ``max_states``.
    """
    return _best_value(problem, max_states=max_states, max_orders=None)


def static_order_value(
    problem: DecisionProblem, *, max_states: int = 1_000_000, max_orders: int = 10_000
) -> float:
    """Greatest expected objective over all fixed orders, prices adaptive.

    The same program, in which a state has a value for every order of the agents left.

    Raises:
      NotKnownError: as ``adaptive_optimum``, or agents of different classes can be ordered in
        more than ``max_orders`` ways.
    """
    economy = problem.economy
    orders = _orders(economy.counts)
    if orders > max_orders:
        raise NotKnownError(
            f"max_orders: got {max_orders}; agents of {len(economy.counts)} classes can be "
            f"visited in {orders:.3g} orders, each a dynamic program of its own"
        )
    return _best_value(problem, max_states=max_states, max_orders=max_orders)


def _best_value(problem: DecisionProblem, *, max_states: int, max_orders: int | None) -> float:
    """The program, for adaptive orders (``max_orders`` None) or for each static one."""
    economy, offers = problem.economy, problem.offers
    check_states(problem, max_states)
    if problem.scale == 0:
        return 0.0
    layer = _Layer(
        counts=np.array([economy.counts]),
        units=economy.units[None],
        posterior=problem.prior[None],
    )
    layers, transitions = [layer], []
    for _ in range(economy.num_agents):
        steps, layer = _expand(layer, offers, economy.bundles)
        transitions.append(steps)
        layers.append(layer)
    if max_orders is not None:
        entries = sum(
            len(layer.counts) * _most_orders(layer.counts) for layer in layers if len(layer.counts)
        )
        if entries > _MOST_ENTRIES:
            raise NotKnownError(
                f"setting: its static orders have {entries:.3g} values to compare; oracles "
                f"compare up to {_MOST_ENTRIES:.3g}"
            )
    # One more entry: the end of the episode.
    value = np.full((len(layers[-1].counts) + 1, 1), problem.end)
    for steps, layer in zip(reversed(transitions), reversed(layers[:-1]), strict=True):
        if max_orders is None:
            before = np.zeros((len(layer.counts) + 1, 1))
            for step in steps:
                later = value[step.successors, 0]
                total = step.rewards + np.sum(step.probabilities * later, axis=1)
                before[step.states, 0] = np.maximum(before[step.states, 0], total)
        else:
            before = _values_by_order(layer, steps, value)
        value = before
    return problem.scale * float(value[0].max())


def _values_by_order(layer: _Layer, steps: list[_Transition], later: Floats) -> Floats:
    """Value of each state for each order of its agents, float [states + 1, orders].

    Orders are listed by their first class, then as the list of the agents then left.
    """
    values = np.zeros((len(layer.counts) + 1, _most_orders(layer.counts)))
    kinds, kind_of = np.unique(layer.counts, axis=0, return_inverse=True)
    for kind, row in enumerate(kinds):
        counts = tuple(row.tolist())
        start = 0
        for member, count in enumerate(counts):
            if not count:
                continue
            width = _orders(without(counts, member))
            columns = slice(start, start + width)
            start += width
            for step in steps:
                if step.member == member:
                    of_kind = kind_of.ravel()[step.states] == kind
                    states = step.states[of_kind]
                    onward = later[step.successors[of_kind], :width]
                    total = step.rewards[of_kind, None] + np.einsum(
                        "so,sow->sw", step.probabilities[of_kind], onward
                    )
                    values[states, columns] = np.maximum(values[states, columns], total)
    return values


def _orders(counts: Sequence[int]) -> int:
    """In how many ways agents can be ordered, those of a class being alike."""
    orders = math.factorial(sum(counts))
    for count in counts:
        orders //= math.factorial(count)
    return orders


def _most_orders(counts: Ints) -> int:
    return max((_orders(row) for row in np.unique(counts, axis=0).tolist()), default=1)


def check_states(problem: DecisionProblem, max_states: int) -> None:
    """Refuses with ``NotKnownError`` where the program may need more than ``max_states`` states."""
    economy = problem.economy
    bound = _states_at_most(problem, problem.offers[(True,) * len(economy.units)])
    if bound > max_states:
        raise NotKnownError(
            f"max_states: got {max_states}; the dynamic program may need {bound:.3g} states "
            f"or more (agents left in {len(economy.counts)} classes, units left, posteriors over "
            f"{len(problem.prior)} worlds)"
        )


def _states_at_most(problem: DecisionProblem, offers: list[Offer]) -> float:
    """Upper bound of the number of states (of part of it, with very many worlds).

    Once some worlds are excluded, the posterior depends on how often each outcome that
    tells the others apart was seen, not on when.
    """
    economy = problem.economy
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
    layer: _Layer, offers: dict[tuple[bool, ...], list[Offer]], bundles: Ints
) -> tuple[list[_Transition], _Layer]:
    """Visit one more agent in every way: the transitions, and the layer they lead to."""
    num_classes, num_items = layer.counts.shape[1], layer.units.shape[1]
    steps: list[tuple[int, Ints, Floats, Floats]] = []
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
            steps.append((offer.member, states, posterior @ offer.reward, probabilities))
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
    chances = np.concatenate([probabilities.ravel() for *_, probabilities in steps])
    alive = np.any(counts > 0, axis=1) & np.any(units > 0, axis=1) & (chances > _IMPOSSIBLE)
    key = np.hstack([counts, units, np.round(posterior * 1e10).astype(np.int64)])[alive]
    first, inverse = _distinct_rows(key)
    # The episode has ended at the position after the last state.
    successors = np.full(len(alive), len(first))
    successors[alive] = inverse
    following = _Layer(counts[alive][first], units[alive][first], posterior[alive][first])
    transitions, start = [], 0
    for member, states, rewards, probabilities in steps:
        stop = start + probabilities.size
        leads_to = successors[start:stop].reshape(probabilities.shape)
        transitions.append(_Transition(member, states, rewards, probabilities, leads_to))
        start = stop
    return transitions, following


def _distinct_rows(rows: Ints) -> tuple[Ints, Ints]:
    """Position of the first of each distinct row, and for each row which of those it is."""
    rows = np.ascontiguousarray(rows)
    whole = rows.view(np.dtype((np.void, rows.dtype.itemsize * rows.shape[1]))).ravel()
    _, first, inverse = np.unique(whole, return_index=True, return_inverse=True)
    return first, inverse.ravel()
