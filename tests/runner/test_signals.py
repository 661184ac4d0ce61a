"""Signals while a run trains."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest
from descents import DESIGNER, Recorder, assert_same

from jaxmech import runner
from jaxmech.runner import chunks
from jaxmech.runner.interruption import answering


def test_a_signal_is_acknowledged_while_it_compiles(
    tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    acknowledged = threading.Event()

    class Acknowledging(Recorder):
        def stopping(self, received: signal.Signals) -> None:
            assert received is signal.SIGTERM
            acknowledged.set()

    compile_program = chunks.Program.compile

    def compile_slowly(program: chunks.Program, **options: Any) -> None:
        os.kill(os.getpid(), signal.SIGTERM)
        assert acknowledged.wait(timeout=30)
        compile_program(program, **options)

    monkeypatch.setattr(chunks.Program, "compile", compile_slowly)
    result = runner.run(
        DESIGNER, directory=tmp_path / "run", seeds=1, updates=5, progress=Acknowledging()
    )
    assert (result.interrupted_by, result.updates.max()) == (signal.SIGTERM, 0)


@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_the_chunk_and_saves(
    sent: signal.Signals, finished: runner.RunResult, tmp_path: Any
) -> None:
    handlers = [signal.getsignal(signum) for signum in (signal.SIGINT, signal.SIGTERM)]
    result = runner.run(
        DESIGNER,
        directory=tmp_path / "run",
        seeds=3,
        updates=30,
        updates_per_chunk=5,
        evaluate=DESIGNER.evaluate,
        evaluate_every=7,
        progress=Recorder(send=sent, after=12),
    )
    assert (result.interrupted, result.interrupted_by, result.updates.max()) == (True, sent, 12)
    assert [signal.getsignal(signum) for signum in (signal.SIGINT, signal.SIGTERM)] == handlers
    assert (tmp_path / "run" / "checkpoints" / "12").is_dir()
    result = runner.resume(DESIGNER, directory=tmp_path / "run", evaluate=DESIGNER.evaluate)
    assert not result.interrupted
    assert_same(result.states, finished.states)
    for name in ("metrics.csv", "evaluation.csv"):
        assert (result.directory / name).read_bytes() == (finished.directory / name).read_bytes()


def test_a_second_signal_ends_at_once(tmp_path: Any) -> None:
    class Impatient(Recorder):
        def advance(self, update: int, seconds: float, metrics: Any) -> None:
            # Signals that come before one is handled count as one with it; the second that is
            # handled ends the loop.
            for _ in range(1000):
                signal.raise_signal(signal.SIGINT)

    progress = Impatient()
    # In a shell's background, processes begin with SIGINT ignored.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with pytest.raises(KeyboardInterrupt):
            runner.run(DESIGNER, directory=tmp_path / "a", seeds=1, updates=9, progress=progress)
        assert progress.stopped == 1
        assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    finally:
        signal.signal(signal.SIGINT, before)


def test_a_program_that_is_woken_by_signals_gets_the_second(tmp_path: Any) -> None:
    """As event loops are: they have a descriptor that Python writes signals to."""

    class Sending(Recorder):
        def advance(self, update: int, seconds: float, metrics: Any) -> None:
            for _ in range(2):
                os.kill(os.getpid(), signal.SIGINT)

    reader, writer = socket.socketpair()
    writer.setblocking(False)
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    outside = signal.set_wakeup_fd(writer.fileno(), warn_on_full_buffer=False)
    try:
        with pytest.raises(KeyboardInterrupt):
            runner.run(DESIGNER, directory=tmp_path / "a", seeds=1, updates=9, progress=Sending())
        assert reader.recv(1) == bytes([signal.SIGINT])
        assert signal.set_wakeup_fd(outside) == writer.fileno()
    finally:
        signal.set_wakeup_fd(outside)
        signal.signal(signal.SIGINT, before)
        reader.close()
        writer.close()


def test_it_runs_in_any_thread(tmp_path: Any) -> None:
    results = []
    thread = threading.Thread(
        target=lambda: results.append(
            runner.run(DESIGNER, directory=tmp_path / "a", seeds=1, updates=3)
        )
    )
    thread.start()
    thread.join()
    assert results[0].updates.tolist() == [3]


ANSWERING = """
import sys
from jaxmech.runner.interruption import answering
assert "jax" not in sys.modules and "numpy" not in sys.modules

def answer(received):
    print("answered", received.name, flush=True)

with answering(answer):
    print("ready", flush=True)
    {busy}
print("went on", flush=True)
"""

BUSY = {
    "within C": "import hashlib; hashlib.pbkdf2_hmac('sha256', b'', b'', 10**9)",
    "asleep": "import time; time.sleep(300)",
    "in a callback of the collector": (
        "import gc, time; gc.callbacks.append(lambda *_: time.sleep(300)); gc.collect()"
    ),
    "in a loop that takes exceptions": """
    while True:
        try:
            sum(range(1000))
        except BaseException:
            pass
""",
}


def answered(code: str, *sent: signal.Signals, arguments: tuple[str, ...] = ()) -> tuple[int, str]:
    """Exit status and output of a script that is sent a signal after each line it prints."""
    process = subprocess.Popen(
        [sys.executable, "-c", code, *arguments], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    shown = []
    for one in sent:
        shown.append(process.stdout.readline())
        process.send_signal(one)
    shown.append(process.communicate(timeout=120)[0])
    return process.returncode, "".join(shown)


@pytest.mark.parametrize("busy", BUSY)
@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM])
def test_outside_training_a_signal_is_answered_at_once(busy: str, sent: signal.Signals) -> None:
    status, shown = answered(ANSWERING.format(busy=BUSY[busy]), sent)
    assert (status, shown) == (128 + sent, f"ready\nanswered {sent.name}\n")


def test_an_answer_that_cannot_be_given_holds_nothing_up() -> None:
    code = ANSWERING.format(busy="import time; time.sleep(300)")
    code = code.replace('print("answered"', 'time.sleep(300); print("answered"')
    status, shown = answered(code.replace("import sys", "import sys, time"), signal.SIGTERM)
    assert (status, shown) == (128 + signal.SIGTERM, "ready\n")


TRAINING = """
import sys, time
sys.path[:0] = [sys.argv[1], sys.argv[1] + "/.."]
from jaxmech.runner.interruption import answering

def answer(received):
    print("answered", received.name, flush=True)

with answering(answer):
    from descents import DESIGNER, Recorder
    from jaxmech import runner

    class Slow(Recorder):
        def advance(self, update, seconds, metrics):
            if update == 2:
                print("training", flush=True)
            if update >= 2:
                time.sleep({sleep})

        def stopping(self, received):
            print("stopping", received.name, flush=True)

    result = runner.run(DESIGNER, directory=sys.argv[2], seeds=1, updates=2000,
                        updates_per_chunk=1, progress=Slow())
    print(result.interrupted_by.name, result.updates[0] < 2000, flush=True)
"""


def test_in_training_the_first_signal_is_obeyed_after_the_chunk(tmp_path: Path) -> None:
    here = (str(Path(__file__).parent), str(tmp_path / "run"))
    status, shown = answered(TRAINING.format(sleep=0.05), signal.SIGINT, arguments=here)
    assert (status, shown) == (0, "training\nstopping SIGINT\nSIGINT True\n")
    assert runner.load(DESIGNER, directory=tmp_path / "run").updates[0] >= 2


def test_in_training_the_second_signal_is_answered_at_once(tmp_path: Path) -> None:
    here = (str(Path(__file__).parent), str(tmp_path / "run"))
    sent = (signal.SIGINT, signal.SIGTERM)
    status, shown = answered(TRAINING.format(sleep=300), *sent, arguments=here)
    assert status == 128 + signal.SIGTERM
    assert shown == "training\nstopping SIGINT\nanswered SIGTERM\n"


def test_handlers_are_put_back() -> None:
    before = [signal.getsignal(signum) for signum in (signal.SIGINT, signal.SIGTERM)]
    with answering(lambda received: None):
        assert signal.getsignal(signal.SIGINT) not in before
    assert [signal.getsignal(signum) for signum in (signal.SIGINT, signal.SIGTERM)] == before
    descriptor = signal.set_wakeup_fd(-1)
    assert descriptor == -1


def test_a_signal_in_the_last_chunk_is_not_lost(tmp_path: Path) -> None:
    progress = Recorder(send=signal.SIGTERM, after=5)
    result = runner.run(DESIGNER, directory=tmp_path / "run", seeds=1, updates=5, progress=progress)
    assert (result.interrupted_by, result.updates.tolist()) == (signal.SIGTERM, [5])
