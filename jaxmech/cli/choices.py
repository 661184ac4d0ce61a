"""Choosing one of several dataclasses by a flag, as in ``--setting.name inventory``."""

from __future__ import annotations

from collections.abc import Sequence

from jaxmech.experiments.configuration_files import choices_of, with_choice
from jaxmech.experiments.study import Study


def with_choices(study: Study, flags: Sequence[str]) -> tuple[Study, list[str]]:
    """The study with what the flags choose, at its defaults, and the flags that are left.

    Raises:
      ValueError: a flag without a name, or with one that is no choice.
    """
    left: list[str] = []
    waiting = list(flags)
    fields = {f"--{field.replace('_', '-')}.name": field for field in choices_of(type(study))}
    while waiting:
        flag, given, name = waiting.pop(0).partition("=")
        field = fields.get(flag.replace("_", "-"))
        if field is None:
            left.append(flag + given + name)
            continue
        if not given:
            if not waiting:
                raise ValueError(f"{field}.name: got nothing; allowed is the name of a choice")
            name = waiting.pop(0)
        study = with_choice(study, field, name)
    return study, left
