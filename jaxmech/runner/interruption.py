"""Signals: training ends at a good moment, everything else at once."""

from __future__ import annotations

import os
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from types import FrameType

_SIGNALS = (signal.SIGINT, signal.SIGTERM)

_ANSWER_SECONDS = 2.0
"""How long an answer may take, e.g. to be printed to a console that nobody reads."""


@contextmanager
def answering(answer: Callable[[signal.Signals], None]) -> Iterator[None]:
    """Within its context SIGINT and SIGTERM end the process at once, with an answer.

    A thread waits for them, so that they are answered while the main thread compiles, or
    computes outside of Python. No ``KeyboardInterrupt`` is raised, so that none can get lost in
    a callback. The process ends by ``os._exit`` with 128 + the signal's number, without
    finishing what it does, so all that it writes must be written whole (``runner.files``).

    Within ``noting`` the first signal is left to that, and the second answered.

    Args:
      answer: called with the signal, in a thread of its own; says how to go on. It has two
        seconds.

    Raises:
      ValueError: it is not entered in the main thread.
    """

    def end_process(received: signal.Signals) -> bool:
        saying = threading.Thread(target=answer, args=(received,), daemon=True)
        saying.start()
        saying.join(_ANSWER_SECONDS)
        os._exit(128 + received)

    with _watched(end_process, handled=lambda received: True):
        yield


class Interruption:
    """The first SIGINT or SIGTERM that came, in ``received``; see ``noting``."""

    def __init__(self, acknowledge: Callable[[signal.Signals], None]) -> None:
        self.received: signal.Signals | None = None
        self._acknowledge = acknowledge
        self._acknowledging: threading.Thread | None = None
        self._was_handled = False

    def heard(self, received: signal.Signals) -> bool:
        """Whether a signal is the first that the thread hears of."""
        if self._acknowledging is not None:
            return False
        self.received = self.received or received
        self._acknowledging = threading.Thread(
            target=self._acknowledge, args=(received,), daemon=True
        )
        self._acknowledging.start()
        return True

    def handled(self, received: signal.Signals) -> bool:
        """Whether a signal is the first that the main thread is interrupted by."""
        self.received = self.received or received
        first, self._was_handled = not self._was_handled, True
        return first

    def end(self) -> None:
        """Returns when the signal has been acknowledged, if one came."""
        if self._acknowledging is not None:
            self._acknowledging.join()


@contextmanager
def noting(acknowledge: Callable[[signal.Signals], None]) -> Iterator[Interruption]:
    """Within its context the first SIGINT or SIGTERM is only noted.

    A second one does what it would have done outside. Python delivers signals to the main
    thread alone; in any other, nothing is changed and none is noted.

    Args:
      acknowledge: called with the signal, in a thread of its own, since a handler must not
        wait for a console that the interrupted code may be writing to.
    """
    interruption = Interruption(acknowledge)
    in_main_thread = threading.current_thread() is threading.main_thread()
    watched = _watched(interruption.heard, interruption.handled)
    try:
        with watched if in_main_thread else nullcontext():
            yield interruption
    finally:
        interruption.end()


class _Handler:
    """A handler of signals that is ours, told from one of the program around."""

    def __init__(self, handle: Callable[[int], None]) -> None:
        self._handle = handle

    def __call__(self, signum: int, frame: FrameType | None) -> None:
        self._handle(signum)


@contextmanager
def _watched(
    heard: Callable[[signal.Signals], bool], handled: Callable[[signal.Signals], bool]
) -> Iterator[None]:
    """Within its context signals are told to two functions, which say whether they take one.

    Args:
      heard: called in a thread, as soon as a signal comes: Python writes its number into a socket
        that the thread reads. What it does not take goes to the socket of outside, if there is one.
      handled: called in the main thread, when that is next in Python, once for signals that come
        together. What it does not take, nor a thread of outside, does what it would have done.
    """
    reader, writer = socket.socketpair()
    writer.setblocking(False)

    def listen() -> None:
        while number := reader.recv(1):
            taken = number[0] in _SIGNALS and heard(signal.Signals(number[0]))
            if not taken and outside >= 0:
                os.write(outside, number)

    def on_signal(signum: int) -> None:
        if not handled(signal.Signals(signum)) and not is_within_another:
            restore()
            signal.raise_signal(signum)

    def restore() -> None:
        for signum, handler in previous.items():
            # None: the handler was not installed from Python and cannot be put back.
            signal.signal(signum, signal.SIG_DFL if handler is None else handler)

    thread = threading.Thread(target=listen, name="signals", daemon=True)
    handler = _Handler(on_signal)
    previous = {signum: signal.signal(signum, handler) for signum in _SIGNALS}
    is_within_another = isinstance(previous[signal.SIGINT], _Handler)
    outside = signal.set_wakeup_fd(writer.fileno(), warn_on_full_buffer=False)
    thread.start()
    try:
        yield
    finally:
        signal.set_wakeup_fd(outside)
        restore()
        writer.close()
        thread.join()
        reader.close()
