"""What a run is asked for, checked and made into a plan."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import jax
import numpy as np

from jaxmech import checks
from jaxmech.runner.chunks import Evaluate
from jaxmech.runner.description import Plain, described
from jaxmech.runner.loop import Pace
from jaxmech.runner.plan import Plan, stored_keys
from jaxmech.runner.training import MAX_UPDATES, Stop

_LAST_SEED = 2**31 - 1


def plan_of(
    designer: Any,
    *,
    seeds: int | Sequence[int],
    updates: int,
    keys: Sequence[jax.Array] | jax.Array | None,
    evaluate: Evaluate | None,
    evaluate_every: int | None,
    stop: Stop | None,
    made_with: Mapping[str, Any] | None = None,
) -> Plan:
    """The arguments of ``run`` and ``run_or_resume``, as a resume must know them.

    Raises:
      ValueError: one is not allowed.
    """
    chosen = _seeds(seeds)
    if (evaluate is None) != (evaluate_every is None):
        raise ValueError("evaluate, evaluate_every: give both or neither")
    if evaluate_every is not None:
        evaluate_every = checks.integer("evaluate_every", evaluate_every)
    parts = [described(value, name) for name, value in (made_with or {}).items()]
    return Plan(
        seeds=chosen,
        updates=checks.integer("updates", updates),
        evaluate_every=evaluate_every,
        keys=None if keys is None else stored_keys(keys, len(chosen)),
        made_with={name: value for part in parts for name, value in part.items()},
        learner=learner_of(designer, evaluate, stop),
    )


def learner_of(designer: Any, evaluate: Evaluate | None, stop: Stop | None) -> dict[str, Plain]:
    """What decides a training apart from numbers of seeds and updates, see ``described``."""
    return {
        **described(designer, "designer"),
        **described(evaluate, "evaluate"),
        **described(stop, "stop"),
    }


def pace_of(updates_per_chunk: int | None, checkpoint_seconds: float) -> Pace:
    """
    Raises:
      ValueError: one is not allowed.
    """
    if updates_per_chunk is not None:
        checks.integer("updates_per_chunk", updates_per_chunk, high=MAX_UPDATES)
    checks.number("checkpoint_seconds", checkpoint_seconds, low=0, finite=False)
    return Pace(updates_per_chunk, checkpoint_seconds)


def _seeds(seeds: int | Sequence[int]) -> tuple[int, ...]:
    if checks.is_number(seeds):
        return tuple(range(checks.integer("seeds", seeds)))
    given: list[Any] = list(seeds) if isinstance(seeds, Sequence | np.ndarray) else []
    chosen = tuple(_seed(seed) for seed in given)
    if not chosen or None in chosen or len(set(chosen)) < len(chosen):
        allowed = f"a number of seeds, or a list of different seeds from 0 to {_LAST_SEED}"
        raise checks.InvalidValueError("seeds", seeds, allowed)
    return tuple(seed for seed in chosen if seed is not None)


def _seed(seed: Any) -> int | None:
    """The number of a seed, if it is one."""
    try:
        return checks.integer("seeds", seed, low=0, high=_LAST_SEED)
    except checks.InvalidValueError:
        return None
