"""What the checks refuse, and how they say it."""

from __future__ import annotations

import pickle
import re
import subprocess
import sys

import jax.numpy as jnp
import numpy as np
import pytest

from jaxmech import checks

NAN = float("nan")
INFINITE = float("inf")


def refused(text):
    return pytest.raises(checks.InvalidValueError, match=f"^{re.escape(text)}$")


def test_the_error_holds_field_value_and_what_is_allowed():
    error = checks.InvalidValueError("search.depth", 0, "integers from 1")
    assert (error.field, error.value, error.allowed) == ("search.depth", 0, "integers from 1")
    assert str(error) == "search.depth: got 0; allowed are integers from 1"
    copy = pickle.loads(pickle.dumps(error))
    assert (copy.field, copy.value, copy.allowed, str(copy)) == (
        error.field,
        error.value,
        error.allowed,
        str(error),
    )


@pytest.mark.parametrize("good", [1, 3, np.int32(2), np.array(2), jnp.array(3)])
def test_integers_pass(good):
    assert checks.integer("n", good, low=1, high=3) == int(good)
    assert type(checks.integer("n", good)) is int


@pytest.mark.parametrize("bad", [0, 4, True, 2.0, "2", None, NAN])
def test_what_is_no_integer_in_range_is_refused(bad):
    with refused(f"n: got {bad!r}; allowed are integers from 1 to 3"):
        checks.integer("n", bad, high=3)


@pytest.mark.parametrize(
    ("bounds", "good", "bad", "words"),
    [
        ({}, [-1e30, 0], [INFINITE, NAN], "finite numbers"),
        ({"low": 0}, [0, 1e30], [-1e-9, INFINITE, NAN], "finite numbers from 0"),
        ({"above": 0}, [1e-30], [0, INFINITE, NAN], "finite numbers above 0"),
        ({"low": 0, "high": 1}, [0, 1], [1.1, NAN], "numbers from 0 to 1"),
        ({"low": 0, "below": 1}, [0, 0.9], [1, -1], "numbers from 0 to below 1"),
        ({"above": 0, "finite": False}, [INFINITE], [0, -INFINITE, NAN], "numbers above 0"),
    ],
)
def test_numbers_have_bounds(bounds, good, bad, words):
    for one in good:
        assert checks.number("x", one, **bounds) == one
        checks.numbers("x", np.array([one, one]), **bounds)
    checks.numbers("x", good, **bounds)
    for one in bad:
        with refused(f"x: got {one}; allowed are {words}"):
            checks.number("x", one, **bounds)
        with refused(f"x: got ({good[0]}, {one}); allowed are {words}"):
            checks.numbers("x", (good[0], one), **bounds)
        with pytest.raises(checks.InvalidValueError, match=words):
            checks.numbers("x", jnp.array([good[0], one], jnp.float32), **bounds)


@pytest.mark.parametrize("bad", ["1", None, True, 1j, [1.0]])
def test_what_is_no_number_is_refused(bad):
    with refused(f"x: got {bad!s}; allowed are finite numbers".replace("got 1;", "got '1';")):
        checks.number("x", bad)


def test_an_integer_beyond_every_float_is_within_bounds_or_not():
    with refused("x: got an integer of 1001 bits; allowed are numbers from 0 to 1"):
        checks.number("x", 2**1000, low=0, high=1)


def test_leaves_that_are_no_numbers_pass():
    checks.leaf("rate", jnp.array(-1.0), above=0)
    checks.leaf("rate", object(), above=0)
    with refused("rate: got -1.0; allowed are finite numbers above 0"):
        checks.leaf("rate", -1.0, above=0)


def test_ends_ascend():
    checks.above_low(1, 2)
    checks.above_low(jnp.array(3.0), 2)
    for high in (1, 0.5, NAN, INFINITE):
        with refused(f"high: got {high}; allowed are finite numbers above low (1)"):
            checks.above_low(1, high)


def test_one_of_lists_what_is_allowed():
    assert checks.one_of("rule", "vcg", ("gsp", "vcg")) == "vcg"
    for bad, text in (("Vcg", "'Vcg'"), (["vcg"], "['vcg']"), (np.zeros(2), "[0. 0.]")):
        with refused(f"rule: got {text}; allowed are 'gsp', 'vcg'"):
            checks.one_of("rule", bad, ("gsp", "vcg"))


def test_entries_that_stand_there_twice_are_refused():
    checks.distinct("sizes", (1, 2))
    with refused("sizes: got (1, 2, 1); allowed are each of them once"):
        checks.distinct("sizes", (1, 2, 1))


def test_some_and_shape():
    checks.some("factors", (0.5,))
    with refused("factors: got none; needed is at least one"):
        checks.some("factors", ())
    for no_entries in ("ann", b"ann", 3, None):
        with refused(f"factors: got {no_entries!r}; allowed are lists and tuples"):
            checks.some("factors", no_entries)
    checks.shape("bids", np.zeros(2), "[bidders]", (2,))
    with refused(
        "bids: got shape (3,); allowed are a number or [bidders], here () or (2,) (batches go "
        "through jax.vmap)"
    ):
        checks.shape("bids", np.zeros(3), "a number or [bidders]", (), (2,))


@pytest.mark.parametrize(
    ("bad", "text"),
    [
        (NAN, "NaN is not allowed"),
        (INFINITE, "values must be finite"),
        (-1.0, "values must not be negative"),
    ],
)
def test_what_no_agent_can_value_a_bundle_at(bad, text):
    assert checks.worth("row 1", 2.5, "2.5") == 2.5
    with refused(f"row 1: got 'cell'; {text}"):
        checks.worth("row 1", bad, "cell")


def test_values_are_shown_as_they_are_when_short():
    for value in ("it's", (1,), (1.5, "a"), [1, [2]], {"a": 1}, None, 2.5):
        assert checks.shown(value) == repr(value)
    assert checks.shown(np.float32(0.5)) == "0.5"
    assert checks.shown(np.array([1.0, 2.0])) == "[1. 2.]"


def test_messages_are_short_whatever_was_given():
    bomb = "lol"
    for _ in range(40):
        bomb = [bomb] * 9
    deep = []
    for _ in range(100_000):
        deep = [deep]
    for value in ("x" * 1_000_000, bomb, deep, list(range(10**6)), 10**10_000, np.zeros(2000)):
        with pytest.raises(checks.InvalidValueError) as raised:
            checks.number("field", value, low=0, high=1)
        assert len(str(raised.value)) < 300
        assert str(raised.value).startswith("field: got ")
    assert checks.shown("x" * 1_000_000).endswith("xxx...")


def test_starts_without_jax_and_numpy():
    code = "import sys, jaxmech.checks; print([m for m in ('jax', 'numpy') if m in sys.modules])"
    shown = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    assert shown.stdout.strip() == "[]"
