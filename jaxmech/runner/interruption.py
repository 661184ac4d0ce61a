"""Signals: training ends at a good moment, everything else at once."""

from __future__ import annotations

import os
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from queue import SimpleQueue
from types import FrameType, TracebackType
from typing import Any, Self

_SIGNALS = (signal.SIGINT, signal.SIGTERM)

_ANSWER_SECONDS = 2.0
"""How long an answer may take, e.g. to be printed to a console that nobody reads."""


@contextmanager
def answering(answer: Callable[[signal.Signals], None]) -> Iterator[None]:
    """Within its context SIGINT and SIGTERM end the process at once, with an answer.

    A thread waits for them, so that they are answered while the main thread compiles, or
    computes outside of Python. No ``KeyboardInterrupt`` is raised, so that none can get lost in
    a callback. The process ends by ``os._exit`` with 128 + the signal's number, without
    finishing what it does, so all that it writes must be written whole (``runner.atomic``).

    Within an ``Interruption`` the first signal is left to that, and the second answered.

    Args:
      answer: called with the signal, in a thread of its own; says how to go on. It has two
        seconds.

    Raises:
      ValueError: it is not entered in the main thread.
    """
    watch = _Watch(answer)
    previous = {signum: signal.signal(signum, watch.on_signal) for signum in _SIGNALS}
    descriptor = signal.set_wakeup_fd(watch.written_to, warn_on_full_buffer=False)
    watch.start()
    try:
        yield
    finally:
        signal.set_wakeup_fd(descriptor)
        for signum, handler in previous.items():
            _set_handler(signum, handler)
        watch.end()


class _Watch:
    """A thread that answers signals; Python writes the number of each into a socket of it."""

    def __init__(self, answer: Callable[[signal.Signals], None]) -> None:
        self._answer = answer
        self._reader, self._writer = socket.socketpair()
        self._writer.setblocking(False)
        self._left_to: Interruption | None = None
        self._lock = threading.Lock()
        self._thread = threading.Thread(target=self._wait, name="signals", daemon=True)

    @property
    def written_to(self) -> int:
        return self._writer.fileno()

    def on_signal(self, signum: int, frame: FrameType | None) -> None:
        """The handler in the main thread. It does nothing: the thread has been told."""

    def start(self) -> None:
        self._thread.start()

    def end(self) -> None:
        self._writer.close()
        self._thread.join()
        self._reader.close()

    def leave_to(self, interruption: Interruption | None) -> None:
        """The next signal is noted by ``interruption``, if it has noted none."""
        with self._lock:
            self._left_to = interruption

    def _wait(self) -> None:
        while numbers := self._reader.recv(1):
            if numbers[0] not in _SIGNALS:
                continue
            received = signal.Signals(numbers[0])
            with self._lock:
                noted = self._left_to is not None and self._left_to.note(received)
            if not noted:
                self._end_process(received)

    def _end_process(self, received: signal.Signals) -> None:
        saying = threading.Thread(target=self._answer, args=(received,), daemon=True)
        saying.start()
        saying.join(_ANSWER_SECONDS)
        os._exit(128 + received)


class Interruption:
    """Within its context the first SIGINT or SIGTERM is only noted, in ``received``.

    A second one does what it would have done outside. Python delivers signals to the main
    thread alone; in any other, nothing is changed and ``received`` stays None.

    Args:
      acknowledge: called with the signal, in a thread of its own, since a handler must not
        wait for a console that the interrupted code may be writing to.
    """

    def __init__(self, acknowledge: Callable[[signal.Signals], None]) -> None:
        self.received: signal.Signals | None = None
        self._previous: dict[signal.Signals, Any] = {}
        self._watch: _Watch | None = None
        self._acknowledge = acknowledge
        self._to_acknowledge: SimpleQueue[signal.Signals | None] = SimpleQueue()
        self._thread = threading.Thread(target=self._wait, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        if threading.current_thread() is threading.main_thread():
            self._watch = _watch_of(signal.getsignal(signal.SIGINT))
            if self._watch is not None:
                self._watch.leave_to(self)
            else:
                for signum in _SIGNALS:
                    self._previous[signum] = signal.signal(signum, self._on_signal)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._watch is not None:
            self._watch.leave_to(None)
        self._restore()
        self._to_acknowledge.put(None)
        self._thread.join()

    def note(self, received: signal.Signals) -> bool:
        """Takes a signal down; False where one has been noted already."""
        if self.received is not None:
            return False
        self.received = received
        self._to_acknowledge.put(received)
        return True

    def _on_signal(self, signum: int, frame: FrameType | None) -> None:
        if not self.note(signal.Signals(signum)):
            self._restore()
            signal.raise_signal(signum)

    def _wait(self) -> None:
        received = self._to_acknowledge.get()
        if received is not None:
            self._acknowledge(received)

    def _restore(self) -> None:
        for signum, handler in self._previous.items():
            _set_handler(signum, handler)
        self._previous = {}


def _watch_of(handler: Any) -> _Watch | None:
    """The watch whose handler this is, if it is one's."""
    owner = getattr(handler, "__self__", None)
    return owner if isinstance(owner, _Watch) else None


def _set_handler(signum: signal.Signals, handler: Any) -> None:
    # None: the handler was not installed from Python and cannot be put back.
    signal.signal(signum, signal.SIG_DFL if handler is None else handler)
