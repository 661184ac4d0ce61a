"""The ``jaxmech`` command."""

from jaxmech.cli.commands import main

__all__ = ["main"]
