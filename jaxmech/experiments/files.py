"""An experiment's configuration as YAML, both ways."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path
from typing import Any

import yaml
from cattrs import Converter, ForbiddenExtraKeysError, transform_error
from cattrs.v import format_exception

from jaxmech.experiments.kinds import KINDS, Experiment, kind_of
from jaxmech.experiments.sequential_price.configuration import SETTING_NAMES, NamedSetting
from jaxmech.naming import lookup, nearest


def config_of(experiment: Experiment) -> dict[str, Any]:
    """The experiment's kind and every field of it, as plain values that YAML can hold."""
    content = {"kind": kind_of(experiment), **_converter().unstructure(experiment)}
    return {name: _plain(value) for name, value in content.items()}


def write_config(experiment: Experiment, path: Path) -> None:
    """Every field of the experiment, as YAML."""
    path.write_text(yaml.safe_dump(config_of(experiment), sort_keys=False, allow_unicode=True))


def read_config(path: Path) -> Experiment:
    """The experiment whose ``config_of`` a file holds; of sequential prices without a kind.

    Raises:
      ValueError: there is no such file, it is not YAML, or it has a field that no
        experiment of its kind has, lacks one, or holds a value out of range.
    """
    if not path.is_file():
        raise ValueError(f"{path}: there is no such file; a run's folder has one")
    try:
        content = yaml.safe_load(path.read_text())
    except yaml.YAMLError as error:
        raise ValueError(f"{path}: not YAML: {error}") from error
    if not isinstance(content, dict):
        raise ValueError(f"{path}: got {type(content).__name__}; a mapping of fields is needed")
    kind = str(content.pop("kind", "sequential_price"))
    try:
        configuration = lookup("kind", kind, KINDS).configuration
        experiment: Experiment = _converter().structure(content, configuration)
    except Exception as error:
        problems = transform_error(error, path="config", format_exception=_describe)
        raise ValueError(f"{path}: " + "; ".join(problems)) from error
    return experiment


def experiment_in(directory: Path) -> Experiment:
    """The experiment whose run is in a folder.

    Raises:
      ValueError: there is no such folder; or as for ``read_config``.
    """
    if not directory.is_dir():
        raise ValueError(f"directory: got {directory}; there is no such folder")
    if (directory / "panel.json").is_file():
        raise ValueError(
            f"directory: got {directory}, a panel's; its runs are the folders in it, and "
            "jaxmech panel makes its figure again"
        )
    return read_config(directory / "config.yaml")


def _describe(error: BaseException, kind: type | None) -> str:
    if isinstance(error, ForbiddenExtraKeysError):
        known = [field.name for field in fields(error.cl)]
        return "; ".join(_unknown(name, known) for name in sorted(error.extra_fields))
    if isinstance(error, ValueError) and not isinstance(error, UnicodeError):
        return str(error)
    if type(error) is Exception:  # A value outside a Literal.
        return str(error).replace("typing.Literal", "")
    return format_exception(error, kind)


def _unknown(name: str, known: list[str]) -> str:
    near = nearest(name, known)
    suggestion = f"; did you mean {near!r}?" if near else ""
    return f"{name}: no such field{suggestion}"


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _plain(entry) for name, entry in value.items()}
    return [_plain(entry) for entry in value] if isinstance(value, list | tuple) else value


def _converter() -> Converter:
    """A converter that writes a setting with its name and reads it back by it."""
    converter = Converter(forbid_extra_keys=True)
    plain = Converter(forbid_extra_keys=True)

    def unstructure(setting: NamedSetting | None) -> dict[str, Any] | None:
        if setting is None:
            return None
        return {"name": SETTING_NAMES[type(setting)], **plain.unstructure(setting)}

    def structure(content: Any, _: Any) -> NamedSetting | None:
        if content is None:
            return None
        if not isinstance(content, dict):
            raise ValueError(f"setting: got {content!r}; a mapping of fields is needed")
        options = dict(content)
        kinds = {name: kind for kind, name in SETTING_NAMES.items()}
        kind = lookup("setting", str(options.pop("name", None)), kinds)
        return plain.structure(options, kind)

    converter.register_unstructure_hook(NamedSetting | None, unstructure)
    converter.register_structure_hook(NamedSetting | None, structure)
    return converter
