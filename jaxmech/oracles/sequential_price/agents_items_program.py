"""The best policy that sees only which agents and how many units are left.

Such a policy takes the same decision after every history that leaves the same agents and
units, so decisions cannot be made one belief at a time: what it does early decides which
histories it can tell apart later. The search goes through the visits in order, with the
mass of every world in each situation (agents left, units left) that the decisions so far
reach, and tries all decisions for these situations together. A policy that also
remembers could only do better, so the program over beliefs, from each situation on, is
the bound that cuts the search.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from jaxmech.oracles.refusals import NotKnownError
from jaxmech.oracles.sequential_price.belief_program import adaptive_optimum, check_states
from jaxmech.oracles.sequential_price.decision_problems import DecisionProblem, Offer
from jaxmech.oracles.sequential_price.finite_economies import Floats
from jaxmech.oracles.sequential_price.finite_expectations import without

_TOLERANCE = 1e-10
_IMPOSSIBLE = 1e-14

_Units = tuple[int, ...]
_Situation = tuple[frozenset[int], _Units]


def agents_items_value(
    problem: DecisionProblem,
    *,
    first_agents: Sequence[int] = (),
    max_states: int = 1_000_000,
    max_decisions: int = 200_000,
) -> float:
    """Greatest expected objective of a deterministic policy on agents and units left.

    Args:
      problem: the economy under an objective.
      first_agents: agents to visit before all others, in this order.
      max_states, max_decisions: see Raises.

    Raises:
      NotKnownError: the situations, or the states of the program over beliefs, may be more
        than ``max_states``, which is known before the search starts; or the search tried
        more than ``max_decisions`` decisions.
    """
    economy = problem.economy
    if not first_agents and _history_shows(problem):
        return adaptive_optimum(problem, max_states=max_states)
    situations = 2**economy.num_agents * math.prod((economy.units + 1).tolist())
    if situations > max_states:
        raise NotKnownError(
            f"max_states: got {max_states}; a policy on agents and units left decides in up to "
            f"{situations:.3g} situations"
        )
    check_states(problem, max_states)
    if problem.scale == 0:
        return 0.0
    search = _Search(problem, tuple(first_agents), max_decisions)
    everybody = frozenset(range(economy.num_agents))
    start = {(everybody, tuple(economy.units.tolist())): problem.prior}
    return problem.scale * _best(search, start, -np.inf)


def _history_shows(problem: DecisionProblem) -> bool:
    """Whether agents and units left tell all that a deterministic policy could remember."""
    # With one world there is nothing to learn; a single unit is unsold until the end.
    return len(problem.prior) == 1 or int(problem.economy.units.sum()) == 1


@dataclass(eq=False)
class _Search:
    """One search: its problem, and what it has found out so far.

    Attributes:
      bounds: by agents left of each class, units left and posterior, the best value of
        a policy that remembers everything.
      found: by situations and masses, a value and whether it is exact or an upper bound.
    """

    problem: DecisionProblem
    first_agents: tuple[int, ...]
    max_decisions: int
    decisions: int = 0
    bounds: dict[tuple[tuple[int, ...], _Units, bytes], float] = field(default_factory=dict)
    found: dict[frozenset[tuple[_Situation, bytes]], tuple[float, bool]] = field(
        default_factory=dict
    )
    class_of: dict[int, int] = field(init=False)

    def __post_init__(self) -> None:
        classes = self.problem.economy.classes
        self.class_of = {i: member for member, each in enumerate(classes) for i in each.agents}


def _best(search: _Search, reached: dict[_Situation, Floats], floor: float) -> float:
    """Value of the best decisions from here on; an upper bound where it is below ``floor``."""
    if not reached:
        return 0.0
    key = frozenset((place, np.round(mass, 12).tobytes()) for place, mass in reached.items())
    if key in search.found:
        value, exact = search.found[key]
        if exact or value <= floor:
            return value
    places = sorted(reached, key=lambda place: -float(reached[place].sum()))
    pending = [_bound(search, place, reached[place]) for place in places]
    value = _decide(search, reached, places, pending, {}, 0.0, floor)
    search.found[key] = value, value > floor
    return value


def _decide(
    search: _Search,
    reached: dict[_Situation, Floats],
    places: list[_Situation],
    pending: list[float],
    following: dict[_Situation, Floats],
    gained: float,
    floor: float,
) -> float:
    """As ``_best``, where the situations not in ``places`` are decided: they led to ``following``.

    ``pending`` are the bounds of ``places``.
    """
    if not places:
        return gained + _best(search, following, floor - gained)
    place, rest = places[0], pending[1:]
    others = sum(_bound(search, each, mass) for each, mass in following.items())
    options = []
    for agent, offer in _decisions(search, place, [*reached, *following]):
        gain, arriving = _play(search, place, reached[place], agent, offer)
        merged = dict(following)
        bound = gained + gain + sum(rest) + others
        for later, mass in arriving.items():
            if later in merged:
                bound -= _bound(search, later, merged[later])
                mass = mass + merged[later]
            merged[later] = mass
            bound += _bound(search, later, mass)
        options.append((bound, gained + gain, merged))
    options.sort(key=lambda option: -option[0])
    best = -np.inf
    for bound, total, merged in options:
        if bound <= max(best, floor) + _TOLERANCE:
            return max(best, bound)
        search.decisions += 1
        if search.decisions > search.max_decisions:
            raise NotKnownError(
                f"max_decisions: got {search.max_decisions}; the search for the best policy on "
                "agents and units left tried that many without an end"
            )
        value = _decide(search, reached, places[1:], rest, merged, total, max(best, floor))
        best = max(best, value)
    return best


def _decisions(
    search: _Search, place: _Situation, situations: list[_Situation]
) -> list[tuple[int, Offer]]:
    """Agents and offers to try, one of several agents that all ``situations`` treat alike."""
    agents_left, units = place
    visited = search.problem.economy.num_agents - len(agents_left)
    if visited < len(search.first_agents):
        agents = [search.first_agents[visited]]
    else:
        alike = {
            (search.class_of[agent], *(agent in left for left, _ in situations)): agent
            for agent in sorted(agents_left, reverse=True)
        }
        agents = list(alike.values())
    offers = search.problem.offers[tuple(count > 0 for count in units)]
    return [
        (agent, offer)
        for agent in agents
        for offer in offers
        if offer.member == search.class_of[agent]
    ]


def _play(
    search: _Search, place: _Situation, mass: Floats, agent: int, offer: Offer
) -> tuple[float, dict[_Situation, Floats]]:
    """What one visit gains, and the masses of the situations it leads to."""
    problem = search.problem
    agents_left, units = place
    gain, arriving = float(mass @ offer.reward), {}
    for outcome, bundle in enumerate(offer.bundles):
        left = mass * offer.likelihood[:, outcome]
        if len(agents_left) == 1:
            gain += problem.end * float(left.sum())
            continue
        kept = _less(units, problem.economy.bundles[bundle].tolist())
        if any(kept) and left.sum() > _IMPOSSIBLE:
            arriving[agents_left - {agent}, kept] = left
    return gain, arriving


def _bound(search: _Search, place: _Situation, mass: Floats) -> float:
    """Value, with everything remembered, of a mass of worlds in one situation."""
    agents_left, units = place
    counts = [0] * len(search.problem.economy.classes)
    for agent in agents_left:
        counts[search.class_of[agent]] += 1
    return _remembering(search, tuple(counts), units, mass)


def _remembering(search: _Search, counts: tuple[int, ...], units: _Units, mass: Floats) -> float:
    total = float(mass.sum())
    if total <= _IMPOSSIBLE or not any(units) or not any(counts):
        return 0.0
    posterior = mass / total
    key = counts, units, np.round(posterior * 1e10).astype(np.int64).tobytes()
    if key not in search.bounds:
        problem = search.problem
        best = 0.0
        last = sum(counts) == 1
        for offer in problem.offers[tuple(count > 0 for count in units)]:
            if not counts[offer.member]:
                continue
            value = float(posterior @ offer.reward)
            left = posterior[:, None] * offer.likelihood
            if last:
                value += problem.end * float(left.sum())
            else:
                agents = without(counts, offer.member)
                for outcome, bundle in enumerate(offer.bundles):
                    kept = _less(units, problem.economy.bundles[bundle].tolist())
                    value += _remembering(search, agents, kept, left[:, outcome])
            best = max(best, value)
        search.bounds[key] = best
    return total * search.bounds[key]


def _less(units: _Units, bundle: list[int]) -> _Units:
    return tuple(count - taken for count, taken in zip(units, bundle, strict=True))
