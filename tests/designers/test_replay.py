"""The replay against a plain one: lists of steps in Python."""

from __future__ import annotations

from collections import Counter

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jaxmech.designers.ddpg.replay import Replay, Steps

BATCH = 4096
SIZES = [(6, 3, 2), (4, 2, 4), (3, 1, 1)]
"""Rows, environments, rows added at a time."""


def empty(num_rows, num_environments):
    one_step = Steps(
        observation=jnp.zeros((num_environments, 2), jnp.int32),
        action=jnp.zeros((num_environments, 1)),
        reward=jnp.zeros(num_environments),
        terminated=jnp.zeros(num_environments, bool),
        ended=jnp.zeros(num_environments, bool),
    )
    return Replay.empty(num_rows, one_step)


add = jax.jit(Replay.add)
draw = jax.jit(Replay.draw, static_argnums=2)


def steps_of(first, ends):
    """Steps whose observation is their time and environment.

    Args:
      first: time of the first.
      ends: int [added, environments]: 0 goes on, 1 is cut short, 2 terminates.
    """
    time, environment = np.mgrid[first : first + len(ends), : ends.shape[1]]
    return Steps(
        observation=np.stack([time, environment], -1).astype(np.int32),
        action=(time + 0.25)[..., None].astype(np.float32),
        reward=(time + environment / 8).astype(np.float32),
        terminated=ends == 2,
        ended=ends > 0,
    )


@pytest.mark.parametrize("sizes", SIZES)
@settings(max_examples=25, deadline=None)
@given(data=st.data())
def test_draws_are_the_steps_kept_but_the_newest_with_what_came_after(sizes, data):
    num_rows, num_environments, added = sizes
    replay, kept = empty(num_rows, num_environments), []
    times = data.draw(st.integers(1, 3 * num_rows // added))
    for place in range(times):
        ends = np.array(
            data.draw(
                st.lists(
                    st.lists(
                        st.integers(0, 2), min_size=num_environments, max_size=num_environments
                    ),
                    min_size=added,
                    max_size=added,
                )
            )
        )
        replay = add(replay, steps_of(place * added, ends))
        kept += list(ends)
    made = len(kept)
    first = max(0, made - num_rows)
    assert int(replay.num_transitions) == (made - first) * num_environments
    assert bool(replay.can_be_drawn_from) == (made - first > 1)
    if made - first < 2:
        return
    drawn = jax.device_get(draw(replay, jax.random.key(data.draw(st.integers(0, 99))), BATCH))
    time, environment = drawn.observation.T
    ends = np.array(kept)[time, environment]
    np.testing.assert_array_equal(drawn.action[:, 0], time + 0.25)
    np.testing.assert_array_equal(drawn.reward, time + environment / 8)
    np.testing.assert_array_equal(drawn.terminated, ends == 2)
    # What a step that was cut short led to is not known, and that alone is not.
    np.testing.assert_array_equal(drawn.known, ends != 1)
    np.testing.assert_array_equal(drawn.next_observation, np.stack([time + 1, environment], -1))
    # All that is kept but the newest row is drawn, each as often as any other.
    counts = Counter(zip(time.tolist(), environment.tolist(), strict=True))
    allowed = {(t, e) for t in range(first, made - 1) for e in range(num_environments)}
    assert set(counts) == allowed
    share = 1 / len(allowed)
    deviation = np.sqrt(BATCH * share * (1 - share))
    assert max(abs(count - BATCH * share) for count in counts.values()) <= 6 * deviation


def test_numbers_are_kept_in_the_precision_of_the_first_step():
    replay = Replay.empty(2, Steps(*(jnp.zeros((1, 1), "bfloat16"),) * 2, *(jnp.zeros(1),) * 3))
    steps = Steps(*(jnp.ones((1, 1, 1)),) * 2, *(jnp.ones((1, 1), "bfloat16"),) * 3)
    kept = replay.add(steps).steps
    assert kept.observation.dtype == jnp.bfloat16 and kept.reward.dtype == jnp.float32


def test_a_step_is_added_in_place_of_the_oldest_without_a_copy():
    replay = empty(100_000, 4)
    steps = steps_of(0, np.zeros((4, 4), int))
    program = jax.jit(Replay.add, donate_argnums=0).lower(replay, steps).compile()
    assert program.memory_analysis().temp_size_in_bytes < replay.steps.reward.nbytes / 10
