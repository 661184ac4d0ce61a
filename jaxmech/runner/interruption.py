"""Ending a loop at a good moment when the user or the system asks."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable
from queue import SimpleQueue
from types import FrameType, TracebackType
from typing import Any, Self

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


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
        self._acknowledge = acknowledge
        self._to_acknowledge: SimpleQueue[signal.Signals | None] = SimpleQueue()
        self._thread = threading.Thread(target=self._wait, daemon=True)

    def __enter__(self) -> Self:
        if threading.current_thread() is threading.main_thread():
            for signum in _SIGNALS:
                self._previous[signum] = signal.signal(signum, self._note)
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._restore()
        self._to_acknowledge.put(None)
        self._thread.join()

    def _note(self, signum: int, frame: FrameType | None) -> None:
        if self.received is not None:
            self._restore()
            signal.raise_signal(signum)
            return
        self.received = signal.Signals(signum)
        self._to_acknowledge.put(self.received)

    def _wait(self) -> None:
        received = self._to_acknowledge.get()
        if received is not None:
            self._acknowledge(received)

    def _restore(self) -> None:
        for signum, handler in self._previous.items():
            # None: the handler was not installed from Python and cannot be put back.
            signal.signal(signum, signal.SIG_DFL if handler is None else handler)
        self._previous = {}
