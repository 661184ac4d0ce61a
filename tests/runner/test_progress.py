from __future__ import annotations

import io
import signal

import numpy as np
import pytest
from rich.console import Console

from jaxmech.runner.progress import ConsoleProgress, NoProgress

METRICS = {
    "objective": np.array([[0.5, 0.7], [0.6, 0.8]]),
    "environment_steps": np.full((2, 2), 100.0),
}


def shown(progress: ConsoleProgress, metrics: dict[str, np.ndarray]) -> None:
    progress.start(0, 4)
    progress.compiled(3.21)
    progress.advance(2, 0.5, metrics)
    progress.advance(4, 0.5, metrics)
    progress.stop()


def test_off_a_terminal_it_prints_a_line_now_and_then() -> None:
    file = io.StringIO()
    console = Console(file=file, force_terminal=False, width=60)
    shown(ConsoleProgress({"optimum": 0.692}, console=console), METRICS)
    assert file.getvalue().splitlines() == [
        "compiling ...",
        "compiled in 3.2 s",
        "update 4/4, 800 steps/s, objective 0.65 (optimum 0.692)",
    ]


def test_every_line_where_no_time_is_asked_for() -> None:
    file = io.StringIO()
    console = Console(file=file, force_terminal=False)
    shown(ConsoleProgress(console=console, line_seconds=0), METRICS)
    assert file.getvalue().splitlines()[2] == "update 2/4, 800 steps/s, objective 0.65"


def test_on_a_terminal_it_draws_a_bar() -> None:
    file = io.StringIO()
    console = Console(file=file, force_terminal=True, width=120)
    progress = ConsoleProgress({"optimum": 0.692}, console=console)
    shown(progress, METRICS)
    for text in ("4/4", "800 steps/s", "objective 0.65 (optimum 0.692)", "compiled in 3.2 s"):
        assert text in file.getvalue()
    progress.stop()


@pytest.mark.parametrize(
    ("metrics", "line"),
    [
        ({"episode_return": np.array([[2.0], [np.nan]])}, "update 4/4, episode return 2"),
        ({"objective": np.full((2, 1), np.nan)}, "update 4/4"),
        ({}, "update 4/4"),
    ],
)
def test_it_shows_what_there_is(metrics: dict[str, np.ndarray], line: str) -> None:
    file = io.StringIO()
    shown(ConsoleProgress(console=Console(file=file, force_terminal=False)), metrics)
    assert file.getvalue().splitlines()[-1] == line


def test_a_signal_is_acknowledged_by_a_line() -> None:
    file = io.StringIO()
    progress = ConsoleProgress(console=Console(file=file, force_terminal=False))
    progress.start(0, 4)
    progress.stopping(signal.SIGTERM)
    assert file.getvalue().splitlines()[-1].startswith("SIGTERM: stopping once")


def test_without_progress_a_message_is_a_warning() -> None:
    with pytest.warns(UserWarning, match="checkpoint 3"):
        NoProgress().message("checkpoint 3 cannot be read")
