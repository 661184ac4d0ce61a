"""A study's configuration as plain values and as YAML, both ways.

A field that is one of several dataclasses is written as ``{name, fields}``, where the name is
the class's in lower case with underscores, and read back by that name.
"""

from __future__ import annotations

import types
from collections.abc import Mapping
from dataclasses import fields, is_dataclass, replace
from pathlib import Path
from typing import Any, Union, get_args, get_origin, get_type_hints

import yaml
from cattrs import Converter, ForbiddenExtraKeysError, transform_error
from cattrs.v import format_exception

from jaxmech.experiments.registry import studies, study_called
from jaxmech.experiments.study import DESCRIPTION, Study
from jaxmech.naming import lookup, name_of_class, nearest

CONFIG = "config.yaml"


def config_of(study: Study) -> dict[str, Any]:
    """The study's name and every field that decides something, as values that YAML can hold."""
    content = _converter().unstructure(study)
    return {"name": study.name} | {
        name: value for name, value in content.items() if name not in DESCRIPTION
    }


def text_of(config: Mapping[str, Any]) -> str:
    """``config`` as YAML, in its own order."""
    return yaml.safe_dump(dict(config), sort_keys=False, allow_unicode=True)


def study_in(directory: Path) -> Study:
    """The study whose run is in a folder.

    Raises:
      ValueError: there is no such folder; or as for ``read_config``.
    """
    if not directory.is_dir():
        raise ValueError(f"directory: got {directory}; there is no such folder")
    return read_config(directory / CONFIG)


def read_config(path: Path) -> Study:
    """The study whose ``config_of`` a file holds.

    Raises:
      ValueError: there is no such file, it is not YAML, no study is registered under its name,
        it has a field that the study has not, lacks one, or holds a value out of range.
    """
    if not path.is_file():
        raise ValueError(f"{path}: there is no such file; a run's folder has one")
    try:
        content = yaml.load(path.read_text(encoding="utf-8"), _Loader)
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError, ValueError) as error:
        raise ValueError(f"{path}: not YAML: {str(error)[:200]}") from error
    if not isinstance(content, dict):
        raise ValueError(f"{path}: got {type(content).__name__}; a mapping of fields is needed")
    name = str(content.pop("name", None))[:100]
    try:
        lookup("name", name, studies())
        registered = study_called(name)
        description = {field: getattr(registered, field) for field in DESCRIPTION}
        missing = [f.name for f in fields(registered) if f.name not in {*content, *DESCRIPTION}]
        if missing:
            raise ValueError(f"{missing[0]}: got nothing; the file of a run has every field")
        study: Study = _converter().structure({**content, **description}, type(registered))
    except Exception as error:  # a class may refuse its fields by any
        problems = transform_error(error, path="config", format_exception=_describe)
        raise ValueError(f"{path}: " + "; ".join(problem[:300] for problem in problems)) from error
    return study


class _Loader(yaml.SafeLoader):
    """Without aliases, which a few bytes of can make as large as the memory."""

    def compose_node(self, parent: Any, index: Any) -> Any:
        if self.check_event(yaml.AliasEvent):
            raise yaml.YAMLError("aliases are not allowed")
        return super().compose_node(parent, index)


def flat(content: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested fields by their names joined by dots."""
    entries: dict[str, Any] = {}
    for name, value in content.items():
        nested = isinstance(value, Mapping) and len(value) > 0
        entries |= flat(value, f"{prefix}{name}.") if nested else {prefix + name: value}
    return entries


def choices_of(kind: type) -> dict[str, dict[str, type]]:
    """The fields of a dataclass that are one of several dataclasses, and these by their names."""
    hints = get_type_hints(kind)
    return {name: _choices(hint) for name, hint in hints.items() if _is_choice(hint)}


def with_choice(study: Study, field: str, name: str) -> Study:
    """``study`` with the choice called ``name``, at its defaults, as its ``field``.

    Raises:
      ValueError: there is no such choice.
    """
    chosen = lookup(f"{field}.name", name, choices_of(type(study))[field])
    return replace(study, **{field: chosen()})


def _choices(hint: Any) -> dict[str, type]:
    kinds = [of for of in get_args(hint) if isinstance(of, type) and is_dataclass(of)]
    return {name_of_class(of): of for of in kinds}


def _is_choice(hint: Any) -> bool:
    if get_origin(hint) not in (Union, types.UnionType):
        return False
    parts = [part for part in get_args(hint) if part is not type(None)]
    return len(parts) > 1 and all(is_dataclass(part) for part in parts)


def _converter() -> Converter:
    converter = Converter(forbid_extra_keys=True, unstruct_collection_overrides={tuple: list})

    def unstructure(value: Any) -> Any:
        if value is None:
            return None
        return {"name": name_of_class(type(value)), **converter.unstructure(value, type(value))}

    def structure(content: Any, hint: Any) -> Any:
        if content is None and type(None) in get_args(hint):
            return None
        if not isinstance(content, dict):
            raise ValueError(f"got {str(content)[:60]!r}; a mapping of fields is needed")
        options = dict(content)
        kind = lookup("name", str(options.pop("name", None))[:100], _choices(hint))
        return converter.structure(options, kind)

    def number(content: Any, kind: type) -> Any:
        wanted = {"bool": "true and false", "int": "whole numbers", "float": "numbers"}
        taken = {"bool": bool, "int": int, "float": int | float | str}[kind.__name__]
        if not isinstance(content, taken) or (kind is not bool and isinstance(content, bool)):
            raise ValueError(f"got {str(content)[:60]!r}; allowed are {wanted[kind.__name__]}")
        return kind(content)

    for kind in (bool, int, float):
        converter.register_structure_hook(kind, number)
    converter.register_unstructure_hook_func(_is_choice, unstructure)
    converter.register_structure_hook_func(_is_choice, structure)
    return converter


def _describe(error: BaseException, kind: type | None) -> str:
    if isinstance(error, ForbiddenExtraKeysError):
        known = [field.name for field in fields(error.cl)]
        return "; ".join(_unknown(str(name), known) for name in sorted(error.extra_fields))
    if isinstance(error, ValueError) and not isinstance(error, UnicodeError):
        return str(error)
    if type(error) is Exception:  # A value outside a Literal.
        return str(error).replace("typing.Literal", "")
    return format_exception(error, kind)


def _unknown(name: str, known: list[str]) -> str:
    near = nearest(name, known)
    suggestion = f"; did you mean {near!r}?" if near else ""
    return f"{name[:100]}: no such field{suggestion}"
