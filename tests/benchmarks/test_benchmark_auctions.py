"""The peers of the auction benchmark clear the same auctions, and it runs."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Iterator
from pathlib import Path

import jax
import numpy as np
import pytest

from jaxmech import mechanisms

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


@pytest.fixture(autouse=True)
def benchmarks_importable(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    before = set(sys.modules)
    yield
    for name in set(sys.modules) - before:
        if Path(getattr(sys.modules[name], "__file__", None) or "/").parent == BENCHMARKS:
            del sys.modules[name]


@pytest.mark.parametrize("library", ["numpy", "torch"])
@pytest.mark.parametrize(
    ("rule", "slots"),
    [
        ("first_price", 0),
        ("second_price", 0),
        ("generalized_second_price", 3),
        ("generalized_second_price", 5),
    ],
)
def test_peers_clear_the_same_auctions(rule: str, slots: int, library: str) -> None:
    if importlib.util.find_spec(library) is None:
        pytest.skip(f"{library} is not installed")
    import batched_auctions

    random = np.random.default_rng(0)
    inputs = [random.random((50, 5), np.float32) for _ in range(2 if slots else 1)]
    extra = [np.linspace(1, 0.2, slots, dtype=np.float32)] if slots else []
    ours = jax.vmap(lambda *one: getattr(mechanisms, rule)(*one, *extra))(*inputs)
    arguments = [*inputs, *extra]
    if library == "torch":
        import torch

        arguments = [torch.as_tensor(array) for array in arguments]
    allocation, payments = getattr(batched_auctions, f"{library}_{rule}")(*arguments)
    np.testing.assert_array_equal(ours.allocation, np.asarray(allocation))
    np.testing.assert_allclose(ours.payments, np.asarray(payments), rtol=1e-5, atol=1e-7)


def test_a_row_times_every_contender_and_notices_disagreement(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    import auctions

    monkeypatch.setattr(auctions, "find_spec", lambda name: None)
    options = auctions.Options(repetitions=2, numbers=256, chunk=64)
    row = auctions.measure(auctions.Size("generalized_second_price", 8, 4), options)
    assert row.auctions == 32
    assert set(row.seconds) == {
        "jaxmech",
        "NumPy",
        auctions.DRAW,
        auctions.DRAW_AND_CLEAR,
        auctions.COPY,
    }
    assert all(len(times) == 2 and min(times) > 0 for times in row.seconds.values())
    # Bids, qualities, payments and, times four, the allocation.
    assert row.bytes_moved == 32 * 8 * 4 * (2 + 1 + 4)
    assert row.bandwidth > 0
    assert row.disagreements == []
    monkeypatch.setattr(auctions.peers, "numpy_second_price", auctions.peers.numpy_first_price)
    row = auctions.measure(auctions.Size("second_price", 8), options)
    assert len(row.disagreements) == 1 and "NumPy" in row.disagreements[0]


def test_rounds_of_a_repeated_auction_are_timed_beside_their_draws() -> None:
    import repeated_auction

    options = repeated_auction.Options(repetitions=2, environments=8, rounds=2)
    play, draw, compile_seconds = repeated_auction.measure(options, "truthful", 3, 2)
    assert play > 0 and draw > 0 and compile_seconds > 0
