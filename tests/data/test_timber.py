"""The bids of real auctions that ship in a package."""

from __future__ import annotations

import importlib.util

import numpy as np
import pytest
from tiers import with_package

from jaxmech.agents import UnitDemand
from jaxmech.data import load_samples, load_timber_bids, settings_from_samples

with_data = with_package("simple_fpa")


@with_data
def test_timber_bids_are_what_the_docstring_says():
    values = load_timber_bids(5)
    assert values.shape == (1703, 5, 1)
    assert values.min() >= 1 and values.max() <= 4
    # Bidders for one tract are correlated, and no agent is systematically the highest.
    correlation = np.corrcoef(values[:, 0, 0], values[:, 1, 0])[0, 1]
    assert 0.4 < correlation < 0.6
    highest = np.bincount(values[:, :, 0].argmax(axis=1), minlength=5) / len(values)
    np.testing.assert_allclose(highest, 0.2, atol=4 * np.sqrt(0.16 / len(values)))


@with_data
def test_the_seed_shuffles_bidders_only():
    first, again, other = load_timber_bids(3), load_timber_bids(3), load_timber_bids(3, seed=1)
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)
    np.testing.assert_array_equal(np.sort(first, axis=1), np.sort(other, axis=1))


@with_data
def test_timber_bids_are_valuations():
    values = load_samples(load_timber_bids(2, highest=2.0))
    training, held_out = settings_from_samples(values, units=[1], demand=UnitDemand(1))
    assert training.distribution.num_agents == held_out.distribution.num_agents == 2


@with_data
def test_no_such_auction():
    with pytest.raises(ValueError, match="num_agents: got 10; auctions have 2 to 9 bids"):
        load_timber_bids(10)


def test_without_the_package_the_extra_is_named(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ModuleNotFoundError, match=r"jaxmech\[data\]"):
        load_timber_bids()
