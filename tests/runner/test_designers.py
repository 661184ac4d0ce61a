"""Which designers are taken, and that states of every kind come back as they were."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from descents import DESIGNER

from jaxmech import runner, struct
from jaxmech.runner import chunks


def designer_of(init: Any, update: Any) -> Any:
    return type("Odd", (), {"init": staticmethod(init), "update": staticmethod(update)})()


@pytest.mark.parametrize(
    ("designer", "message"),
    [
        (object(), r"designer: got object, which has no init\(\)"),
        (designer_of(lambda k: jnp.zeros(2), lambda s: s), "must return"),
        (
            designer_of(lambda k: {"a": jnp.zeros(2)}, lambda s: ({"a": s["a"][:1]}, {})),
            r"state.a goes from float32 \[2\] to float32 \[1\]",
        ),
        (
            designer_of(lambda k: {"a": jnp.zeros(2)}, lambda s: ({"b": s["a"]}, {})),
            "not built like",
        ),
        (
            designer_of(lambda k: jnp.zeros(2), lambda s: (s, {"m": s})),
            r"metric 'm' has shape \[2\]",
        ),
        (designer_of(lambda k: jnp.zeros(2), lambda s: (s, {"seed": s[0]})), "metric 'seed'"),
        (designer_of(lambda k: jnp.zeros(2), lambda s: (s, s[0])), "must be a dict"),
        (designer_of(lambda k: jnp.zeros(2), lambda s: (s, {})), "at least one scalar"),
    ],
)
def test_unfit_designers_are_refused(designer: Any, message: str, tmp_path: Any) -> None:
    with pytest.raises(ValueError, match=message):
        runner.run(designer, directory=tmp_path / "run", seeds=2, updates=1)
    assert not (tmp_path / "run").exists()


def test_states_of_all_kinds_survive_a_checkpoint(tmp_path: Any) -> None:
    """Weak types, Python numbers, booleans, old-style and other keys, empty arrays."""

    @struct.dataclass
    class Odds:
        count: Any
        flag: Any
        raw_key: Any
        other_key: Any
        nothing: Any
        nested: Any

    def init(key: jax.Array) -> Odds:
        raw = jax.random.key_data(key)
        other = jax.random.key(7, impl="rbg")
        return Odds(0, True, raw, other, jnp.zeros((0, 2)), {"a.b": (1.5, None, [raw[0]])})

    def update(state: Odds) -> tuple[Odds, dict[str, jax.Array]]:
        return state.replace(count=state.count + 1, flag=~state.flag), {"count": state.count * 1.0}

    designer = designer_of(init, update)
    result = runner.run(designer, directory=tmp_path / "run", seeds=2, updates=5)
    loaded = runner.load(designer, directory=tmp_path / "run")
    assert loaded.states.other_key.dtype == result.states.other_key.dtype
    np.testing.assert_array_equal(loaded.states.count, [5, 5])
    np.testing.assert_array_equal(loaded.states.flag, [False, False])
    assert loaded.states.nothing.shape == (2, 0, 2)
    assert loaded.states.nested["a.b"][1] is None
    keyless = [s.replace(other_key=jax.random.key_data(s.other_key)) for s in
               (loaded.states, result.states)]  # fmt: skip
    jax.tree.map(np.testing.assert_array_equal, *keyless)


def test_the_state_is_donated() -> None:
    program = chunks.Program(DESIGNER, jax.random.split(jax.random.key(0)))
    program.compile()
    training = program.start()
    program.chunk(training, 1)
    assert training.state.position.is_deleted()
