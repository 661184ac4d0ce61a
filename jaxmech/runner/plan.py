"""What a run was asked for, and whether it is asked for the same again."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxmech import checks
from jaxmech.runner.description import Plain


@dataclass(frozen=True)
class Plan:
    """What a resume must know; kept in the run's folder and in every checkpoint.

    Attributes:
      seeds: numbers of the seeds.
      updates: how many in all.
      evaluate_every: updates between two evaluations, or None.
      keys: what each seed starts from where that is not ``jax.random.key(seed)``: the name of
        the generator, and the data of each.
      made_with: what the caller wants compared, by name.
      learner: the designer with its parts, ``evaluate`` and ``stop``, see ``described``.
    """

    seeds: tuple[int, ...]
    updates: int
    evaluate_every: int | None
    keys: tuple[str, tuple[tuple[int, ...], ...]] | None
    made_with: Mapping[str, Plain]
    learner: Mapping[str, Plain]

    def updates_to_next_stop(self, update: int) -> int:
        """From ``update`` to the next evaluation or the end, whichever comes first."""
        remaining = self.updates - update
        if self.evaluate_every is None:
            return remaining
        return min(remaining, self.evaluate_every - update % self.evaluate_every)

    def typed_keys(self) -> jax.Array:
        """What the seeds start from, typed keys [seeds]."""
        if self.keys is None:
            return jnp.stack([jax.random.key(seed) for seed in self.seeds])
        kind, data = self.keys
        return jax.random.wrap_key_data(jnp.array(data, jnp.uint32), impl=kind)

    def as_json(self) -> dict[str, Any]:
        """For ``json``; ``from_json`` reads it."""
        return asdict(self)

    @staticmethod
    def from_json(content: Any) -> Plan:
        """
        Raises:
          ValueError: it is not what ``as_json`` gives.
        """
        try:
            keys = content["keys"]
            return Plan(
                seeds=tuple(checks.integer("seeds", seed, low=0) for seed in content["seeds"]),
                updates=checks.integer("updates", content["updates"]),
                evaluate_every=content["evaluate_every"]
                and checks.integer("evaluate_every", content["evaluate_every"]),
                keys=keys and (str(keys[0]), tuple(map(tuple, keys[1]))),
                made_with=dict(content["made_with"]),
                learner=dict(content["learner"]),
            )
        except (KeyError, IndexError, TypeError) as error:
            raise ValueError(f"{type(error).__name__}: {str(error)[:100]}") from error


def stored_keys(keys: Any, num_seeds: int) -> tuple[str, tuple[tuple[int, ...], ...]]:
    """Typed keys as ``Plan`` holds them.

    Raises:
      ValueError: they are not one typed key for each seed, of one of JAX's own generators.
    """
    rule = f"allowed are {num_seeds} typed keys (jax.random.key), one for each seed"
    try:
        stacked = jnp.stack(list(keys))
        kind = jax.random.key_impl(stacked)
        data = np.asarray(jax.random.key_data(stacked)).tolist()
    except (TypeError, ValueError, AttributeError) as error:
        raise ValueError(f"keys: got {type(keys).__name__}; {rule}") from error
    if stacked.shape != (num_seeds,) or not isinstance(kind, str):
        raise ValueError(f"keys: got keys of shape {list(stacked.shape)} ({kind}); {rule}")
    return kind, tuple(map(tuple, data))


def check_same(asked: Plan, was: Plan, directory: Path, *, extend: bool) -> None:
    """
    Args:
      asked, was: what is asked for now, and what the run was begun with.
      directory: the run's folder, for the message.
      extend: whether more updates are allowed. What was then equal to the number of updates,
        such as an annealing over all of them, may then equal the new one.

    Raises:
      ValueError: something differs; the first such field is named.
    """
    old, new = _flat(was), _flat(asked)
    how = "give another directory or name, or remove that folder to begin anew"
    for name in [*new, *(name for name in old if name not in new)]:
        before, now = old.get(name, "nothing"), new.get(name, "nothing")
        if _equal(before, now):
            continue
        if extend and _equal(before, was.updates) and _equal(now, asked.updates):
            if asked.updates >= was.updates:
                continue
        elif name == "updates" and asked.updates > was.updates:
            how = "more updates are made only where that is asked for, by extending the run"
        more = sum(not _equal(old.get(other), new.get(other)) for other in {*old, *new}) - 1
        others = f" (and {more} more differ)" if more else ""
        made_with = f"{directory} was made with {checks.shown(before)}{others}"
        raise checks.InvalidValueError(name, now, f"{made_with}; {how}", verb="")


def _flat(plan: Plan) -> dict[str, Any]:
    return {
        **plan.made_with,
        "seeds": list(plan.seeds),
        "updates": plan.updates,
        "evaluate_every": plan.evaluate_every,
        "keys": plan.keys and [plan.keys[0], [list(key) for key in plan.keys[1]]],
        **plan.learner,
    }


def _equal(left: Any, right: Any) -> bool:
    """As numbers where both are, 1 and 1.0 alike, NaN as NaN; else as JSON has them."""
    numbers = isinstance(left, int | float) and isinstance(right, int | float)
    if numbers and isinstance(left, bool) == isinstance(right, bool) and left == right:
        return True
    return json.dumps(left) == json.dumps(right)
