"""How often a function is traced, and so compiled."""

import jax


class Counted:
    """A jitted function of arrays that counts its traces, in ``traces``."""

    def __init__(self, function):
        self.traces = 0

        def traced(*arguments):
            self.traces += 1
            return function(*arguments)

        self._compiled = jax.jit(traced)

    def __call__(self, *arguments):
        return self._compiled(*arguments)
