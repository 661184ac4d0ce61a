"""Who takes part in an environment: agents of kinds that are given each, or one for all."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

from jaxmech import checks
from jaxmech.checks import InvalidValueError

Kind = TypeVar("Kind", bound=str)


def kind_of_each(
    agents: str, kinds: Kind | Sequence[Kind], count: int | None, *, default: int
) -> tuple[Kind, ...]:
    """The kind of each agent, not looked into.

    Args:
      agents: what they are called, which is the option of ``kinds``; with ``num_`` in front, that
        of ``count``.
      kinds: one for all agents, or a list of one for each.
      count: how many agents there are; as many as kinds are listed where it is None.
      default: how many there are where no list says so either.

    Raises:
      InvalidValueError: no kinds at all, fewer than one agent, or a count and a list that disagree.
    """
    field = f"num_{agents}"
    given: object = kinds
    if not isinstance(given, Sequence):
        allowed = f"a kind, or a list of one for each of the {agents} ({field} says how many)"
        raise InvalidValueError(agents, given, allowed)
    if isinstance(kinds, str):
        size = checks.integer(field, default if count is None else count)
        return (kinds,) * size
    checks.some(agents, kinds)
    if count is not None and checks.integer(field, count) != len(kinds):
        got = f"{count} with {len(kinds)} {agents}"
        raise InvalidValueError(field, count, "as many", got=got, verb="needed are")
    return tuple(kinds)
