"""What a run was asked for, and whether it is asked for the same again."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxmech import checks
from jaxmech.runner.chunks import Evaluate
from jaxmech.runner.description import Plain, described
from jaxmech.runner.training import Stop

_LAST_SEED = 2**31 - 1


@dataclass(frozen=True)
class Plan:
    """What a resume must know; kept as JSON in the run's folder and in every checkpoint.

    Attributes:
      seeds: numbers of the seeds.
      updates: how many in all.
      evaluate_every: updates between two evaluations, or None.
      keys: what each seed starts from where that is not ``jax.random.key(seed)``: the name of
        the generator, and the data of each.
      made_with: what the caller wants compared, by name.
      learner: the designer with its parts, ``evaluate`` and ``stop``, see ``described``.
    """

    seeds: list[int]
    updates: int
    evaluate_every: int | None
    keys: list[Any] | None
    made_with: dict[str, Plain]
    learner: dict[str, Plain]

    def typed_keys(self) -> jax.Array:
        """What the seeds start from, typed keys [seeds]."""
        if self.keys is None:
            return jnp.stack([jax.random.key(seed) for seed in self.seeds])
        kind, data = self.keys
        return jax.random.wrap_key_data(jnp.array(data, jnp.uint32), impl=kind)


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
    if (evaluate is None) != (evaluate_every is None):
        raise ValueError("evaluate, evaluate_every: give both or neither")
    chosen = _chosen(seeds)
    return read_plan(
        {
            "seeds": chosen,
            "updates": updates,
            "evaluate_every": evaluate_every,
            "keys": None if keys is None else _stored_keys(keys, len(chosen)),
            "made_with": {
                name: part
                for outer, value in (made_with or {}).items()
                for name, part in described(value, outer).items()
            },
            "learner": learner_of(designer, evaluate, stop),
        }
    )


def learner_of(designer: Any, evaluate: Evaluate | None, stop: Stop | None) -> dict[str, Plain]:
    """What decides a training apart from numbers of seeds and updates, see ``described``."""
    return {
        **described(designer, "designer"),
        **described(evaluate, "evaluate"),
        **described(stop, "stop"),
    }


def read_plan(content: Any) -> Plan:
    """A plan from its fields, as ``dataclasses.asdict`` gives them and JSON holds them.

    Raises:
      ValueError: one is not allowed, or missing.
    """
    try:
        every, keys = content["evaluate_every"], content["keys"]
        return Plan(
            seeds=_chosen(content["seeds"]),
            updates=checks.integer("updates", content["updates"]),
            evaluate_every=None if every is None else checks.integer("evaluate_every", every),
            keys=None if keys is None else [str(keys[0]), [list(data) for data in keys[1]]],
            made_with=dict(content["made_with"]),
            learner=dict(content["learner"]),
        )
    except (KeyError, IndexError, TypeError) as error:
        raise ValueError(f"{type(error).__name__}: {str(error)[:100]}") from error


def _chosen(seeds: Any) -> list[int]:
    if checks.is_number(seeds):
        return list(range(checks.integer("seeds", seeds)))
    given = seeds if isinstance(seeds, Sequence | np.ndarray) else ()
    try:
        chosen = [checks.integer("seeds", seed, low=0, high=_LAST_SEED) for seed in given]
    except checks.InvalidValueError:
        chosen = []
    if not chosen or len(set(chosen)) < len(chosen):
        allowed = f"a number of seeds, or a list of different seeds from 0 to {_LAST_SEED}"
        raise checks.InvalidValueError("seeds", seeds, allowed)
    return chosen


def _stored_keys(keys: Any, num_seeds: int) -> list[Any]:
    """Typed keys as ``Plan`` holds them.

    Raises:
      ValueError: they are not one typed key for each seed, of one of JAX's own generators.
    """
    rule = f"allowed are {num_seeds} typed keys (jax.random.key), one for each seed"
    try:
        stacked = jnp.stack(list(keys))
        kind = jax.random.key_impl(stacked)
    except (TypeError, ValueError, AttributeError) as error:
        raise ValueError(f"keys: got {type(keys).__name__}; {rule}") from error
    if stacked.shape != (num_seeds,) or not isinstance(kind, str):
        raise ValueError(f"keys: got keys of shape {list(stacked.shape)} ({kind}); {rule}")
    return [kind, np.asarray(jax.random.key_data(stacked)).tolist()]


def check_same(asked: Plan, was: Plan, directory: Path, *, extend: bool) -> None:
    """
    Args:
      asked, was: what is asked for now, and what the run was begun with.
      directory: the run's folder, for the message.
      extend: whether more updates are allowed. What was then equal to the number of updates,
        such as an annealing over all of them, may then equal the new one, and evaluations may
        come after another number of updates.

    Raises:
      ValueError: something differs; the first such field is named.
    """
    old, new = _flat(was), _flat(asked)
    values = {name: [all_of.get(name, "nothing") for all_of in (old, new)] for name in new | old}
    differing = {name: pair for name, pair in values.items() if not equal(*pair)}
    how = "give another directory or name, or remove that folder to begin anew"
    for name, (before, now) in differing.items():
        follows = equal(before, was.updates) and equal(now, asked.updates)
        follows |= name == "evaluate_every" and None not in (before, now)
        if extend and follows and asked.updates > was.updates:
            continue
        if name.rpartition(".")[2] == "updates" and asked.updates > was.updates:
            how = "more updates are made only where that is asked for, by extending the run"
        others = f" (and {len(differing) - 1} more differ)" if len(differing) > 1 else ""
        made_with = f"{directory} was made with {checks.shown(before)}{others}"
        raise checks.InvalidValueError(name, now, f"{made_with}; {how}", verb="")


def _flat(plan: Plan) -> dict[str, Any]:
    return {
        **plan.made_with,
        "seeds": plan.seeds,
        "updates": plan.updates,
        "evaluate_every": plan.evaluate_every,
        "keys": plan.keys,
        **plan.learner,
    }


def equal(left: Any, right: Any) -> bool:
    """Whether two plain values are the same: 1 and 1.0 are, and NaN is NaN; True is not 1."""
    numbers = isinstance(left, int | float) and isinstance(right, int | float)
    if numbers and isinstance(left, bool) == isinstance(right, bool) and left == right:
        return True
    return json.dumps(left) == json.dumps(right)
