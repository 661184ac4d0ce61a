"""Tree search against enumeration, against the same search in plain Python, and in batches."""

from __future__ import annotations

import sys
from functools import partial
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from plan_models import MOVES, Moody, moody_plan, moody_planning
from tiers import slowly

from jaxmech import struct
from jaxmech.designers.planning.plans import ExhaustiveSearch, Moves, Plan, Planning, best_move
from jaxmech.designers.planning.tree_search import (
    TreeSearch,
    search_by_paths,
    upper_confidence_move,
)

KEY = jax.random.key(4)
BACKUPS = ("mean", "max", "sarsa_lambda")
MOODS = jnp.array([0.05, 0.2, 0.4, 0.7, 1.5])

searched = jax.jit(lambda search, *problem: search.search(*problem))
searched_for_many = jax.jit(jax.vmap(searched, (None, None, 0, None)))
exhaustive_values = jax.jit(jax.vmap(ExhaustiveSearch().values, (None, 0, None)))
step_of = jax.jit(Planning.step)


@pytest.fixture
def plain_search(monkeypatch: pytest.MonkeyPatch):
    benchmarks = str(Path(__file__).parents[2] / "benchmarks")
    monkeypatch.syspath_prepend(benchmarks)
    from plain_tree_search import search

    yield search
    del sys.modules["plain_tree_search"]


@jax.jit
def plans(moods=MOODS):
    return jax.vmap(lambda mood: Plan.start(mood, jnp.ones(1)))(moods)


@pytest.mark.parametrize("backup", ["max", *slowly("mean", "sarsa_lambda")])
def test_depth_one_with_every_move_is_exhaustive_search(backup):
    search = TreeSearch(num_simulations=MOVES.num_moves, backup=backup)
    for leaf_value in ("none", "held_forever"):
        planning = moody_planning(1, leaf_value)
        found = searched_for_many(search, planning, plans(), KEY)
        expected = exhaustive_values(planning, plans(), KEY)
        np.testing.assert_array_equal(found.values, expected)
        np.testing.assert_array_equal(found.visits, 1)


@pytest.mark.parametrize("depth", [2, *slowly(3)])
def test_the_greatest_value_of_enough_simulations_is_that_of_all_plans(depth):
    search = TreeSearch(num_simulations=150, backup="max")
    planning = moody_planning(depth)
    found = searched_for_many(search, planning, plans(), KEY)
    expected = exhaustive_values(planning, plans(), KEY)
    np.testing.assert_allclose(found.values, expected, rtol=1e-6)
    assert (found.visits.sum(axis=-1) == 150).all()


@pytest.mark.slow
@pytest.mark.parametrize("backup", ["mean", "sarsa_lambda"])
def test_means_approach_the_best_plans_from_below(backup):
    planning = moody_planning(3)
    expected = exhaustive_values(planning, plans(), KEY)
    best = jnp.max(expected, axis=-1)
    lost = []
    for num_simulations in (40, 1000):
        search = TreeSearch(num_simulations=num_simulations, backup=backup)
        found = searched_for_many(search, planning, plans(), KEY)
        # A mean over plans is never above the best of them.
        assert (found.values <= expected + 1e-5).all()
        lost.append(float(jnp.mean(1 - jnp.max(found.values, axis=-1) / best)))
    assert lost[1] < 0.05
    assert lost[1] < lost[0] / 3


@pytest.mark.parametrize("backup", BACKUPS)
@pytest.mark.parametrize(("depth", "leaf_value"), [(4, "none"), *slowly((6, "held"))])
def test_same_tree_as_plain_python(plain_search, backup, depth, leaf_value):
    planning = moody_planning(depth, leaf_value, 0.9)
    search = TreeSearch(num_simulations=60, backup=backup, trace=0.6)

    def python_step(plan, move, day):
        assert plan.day == day
        plan, value = step_of(planning, plan, np.int32(move), KEY)
        return plan, float(plan.revenue), float(value)

    for mood in (0.2, 0.7):
        found = searched(search, planning, moody_plan(mood), KEY)
        root = plain_search(
            python_step,
            moody_plan(mood),
            num_moves=MOVES.num_moves,
            num_simulations=60,
            depth=depth,
            backup=backup,
            trace=0.6,
            gamma=0.9,
        )
        np.testing.assert_array_equal(found.visits, root.visits)
        np.testing.assert_allclose(found.values, root.values, rtol=1e-5)


def test_own_search_with_whole_traces_is_mctx():
    planning = moody_planning(5, "held")
    of_mctx = searched(TreeSearch(num_simulations=80, backup="mean"), planning, moody_plan(), KEY)
    own = jax.jit(search_by_paths)
    for search in (
        TreeSearch(num_simulations=80, backup="sarsa_lambda", trace=1.0),
        TreeSearch(num_simulations=80, backup="mean"),
    ):
        found = own(search, planning, moody_plan(), KEY)
        np.testing.assert_array_equal(found.visits, of_mctx.visits)
        np.testing.assert_allclose(found.values, of_mctx.values, rtol=1e-5)


@pytest.mark.parametrize("backup", ["mean", *slowly("max", "sarsa_lambda")])
def test_a_search_is_the_same_again_and_in_a_batch(backup):
    # Of the sizes of the search above, with which it shares a program.
    search = TreeSearch(num_simulations=80, backup=backup)
    planning = Planning(Moody(noise=0.3), MOVES, 5, "held", 0.9)
    keys = jax.random.split(KEY, len(MOODS))
    batched = jax.jit(jax.vmap(partial(search.search, planning)))
    together = batched(plans(), keys)
    again = batched(plans(), keys)
    turned = batched(plans(MOODS[::-1]), keys[::-1])
    alone = searched(search, planning, moody_plan(MOODS[1]), keys[1])
    other = searched(search, planning, moody_plan(MOODS[1]), keys[2])
    np.testing.assert_array_equal(together.values, again.values)
    np.testing.assert_array_equal(together.values, turned.values[::-1])
    np.testing.assert_array_equal(together.visits[1], alone.visits)
    np.testing.assert_allclose(together.values[1], alone.values, rtol=1e-6)
    assert not np.allclose(alone.values, other.values, rtol=1e-3)


def test_bounds_prefer_moves_never_tried_then_seldom_tried():
    choose = jax.jit(upper_confidence_move)
    values = np.float32([5.0, 1.0, 3.0])
    assert choose(values, np.array([4, 0, 0]), 1.4) == 1
    assert choose(values, np.array([4, 4, 4]), 1.4) == 0
    assert choose(values, np.array([400, 4, 1]), 1.4) == 2
    assert choose(values, np.array([400, 4, 1]), 0.0) == 0
    # Scaled: adding a constant to all values, or multiplying them, changes nothing.
    assert choose(np.float32(1000 + 0.1 * values), np.array([9, 2, 6]), 1.4) == choose(
        values, np.array([9, 2, 6]), 1.4
    )


def test_every_move_needs_a_simulation():
    with pytest.raises(ValueError, match="num_simulations: got 2; needed is"):
        TreeSearch(num_simulations=2).values(moody_planning(1), moody_plan(), KEY)


@pytest.mark.parametrize("backup", ["sarsa_lambda", *slowly("mean", "max")])
def test_undiscounted_days_count_in_full(backup):
    """No discount, no leaf value: the value of the only plan is the sum of its revenues."""
    planning = Planning(Moody(), Moves(1, factors=(1.0,)), 3, "none", 1.0)
    found = searched(TreeSearch(num_simulations=60, backup=backup), planning, moody_plan(), KEY)
    plan, total = moody_plan(), 0.0
    for _ in range(3):
        plan, _ = step_of(planning, plan, np.int32(0), KEY)
        total += float(plan.revenue)
    # Both moves leave the reserve as it is: every whole plan earns the same. Means also count
    # the shorter plans that were tried on the way.
    if backup == "max":
        np.testing.assert_allclose(found.values, total, rtol=1e-5)
    assert (found.values <= total * (1 + 1e-5)).all() and (found.values > 0.5 * total).all()


@struct.dataclass
class Worthless:
    """Days that earn nothing."""

    def step(self, state, reserves, key):
        return state, jnp.zeros(())


@pytest.mark.parametrize("backup", ["max", *slowly("mean", "sarsa_lambda")])
def test_where_nothing_can_be_earned_all_moves_are_tried_alike_and_the_first_is_made(backup):
    planning = Planning(Worthless(), MOVES, 2, "held", 0.9)
    found = searched(TreeSearch(num_simulations=60, backup=backup), planning, moody_plan(), KEY)
    np.testing.assert_array_equal(found.values, 0)
    np.testing.assert_array_equal(found.visits, 20)
    assert best_move(found.values) == 0


@pytest.mark.parametrize("backup", ["mean", *slowly("max", "sarsa_lambda")])
def test_at_the_upper_bound_moving_up_is_worth_what_keeping_is(backup):
    moves = Moves(1, factors=(0.8, 1.25), low=0.5, high=1.0)
    planning = Planning(Moody(), moves, 1, "none")
    search = TreeSearch(num_simulations=3, backup=backup)
    values = np.asarray(searched(search, planning, moody_plan(), KEY).values)
    assert values[2] == values[0] != values[1]
