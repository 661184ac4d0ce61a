"""A workspace that computes what it is asked and keeps nothing."""

from __future__ import annotations

from jaxmech.runner.programs import Programs


class Unkept:
    """As ``jaxmech.experiments.workspace.Workspace``, without a folder."""

    def __init__(self):
        self._programs = Programs()

    def kept(self, name, function, *arguments):
        return self._programs.run(function, *arguments).value

    def kept_on_host(self, name, function, *arguments):
        return function(*arguments)
