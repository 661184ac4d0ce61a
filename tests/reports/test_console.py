"""What the commands say."""

import io

import pytest
from rich.console import Console

from jaxmech.reports import console
from jaxmech.reports.console import working


def test_off_a_terminal_what_takes_a_moment_is_a_line_before_it(capsys):
    with working("evaluating"):
        assert capsys.readouterr().out == "evaluating ...\n"


@pytest.mark.parametrize("told", [[], None])
def test_on_a_terminal_a_spinner_is_shown_unless_somebody_else_is_told(told, monkeypatch):
    shown = io.StringIO()
    monkeypatch.setattr(console, "terminal", lambda: Console(file=shown, force_terminal=True))
    with working("evaluating", console.say if told is None else told.append):
        pass
    assert ("evaluating" in shown.getvalue()) == (told is None)
    assert told in (None, ["evaluating ..."])
