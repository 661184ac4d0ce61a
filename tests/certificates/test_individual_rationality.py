"""Who loses by taking part, and when."""

from __future__ import annotations

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxmech.agents import MineralRights, Uniform
from jaxmech.certificates import individual_rationality
from jaxmech.mechanisms import Outcome, all_pay, first_price, second_price

KEY = jax.random.key(9)


def all_pay_equilibrium(values):
    return values**2 / 2


@pytest.mark.parametrize("notion", ["ex_post", "interim"])
def test_second_price_is_individually_rational(notion):
    found = individual_rationality(second_price, Uniform(), KEY, num_bidders=2, notion=notion)
    assert not found.violated
    assert found.violation_probability == 0 and found.mean_shortfall == 0
    assert np.all(found.lowest_utility >= -1e-6)


def test_no_violation_seen_bounds_its_probability():
    found = individual_rationality(second_price, Uniform(), KEY, num_bidders=2, num_profiles=1000)
    # The rule of three: -log(.05) / profiles.
    assert found.violation_upper_bound == pytest.approx(3 / 1000, rel=0.01)


def test_all_pay_is_rational_only_before_the_others_bid():
    ex_post = individual_rationality(
        all_pay, Uniform(), KEY, num_bidders=2, bids=all_pay_equilibrium
    )
    assert ex_post.violated
    # The loser always pays; it bids E min(v, w)^2 / 2 = 1/12.
    assert ex_post.violation_probability > 0.98
    assert ex_post.violation_upper_bound > ex_post.violation_probability
    assert ex_post.mean_shortfall == pytest.approx(1 / 12, abs=0.003)
    assert np.all(ex_post.lowest_utility < -0.4)
    interim = individual_rationality(
        all_pay, Uniform(), KEY, num_bidders=2, bids=all_pay_equilibrium, notion="interim"
    )
    assert not interim.violated
    assert np.all(np.abs(interim.lowest_utility) < 0.02)


def test_truth_in_all_pay_loses_on_average():
    """A bidder of value v expects v^2 - v."""
    found = individual_rationality(
        all_pay, Uniform(), KEY, num_bidders=2, notion="interim", num_profiles=65_536
    )
    assert found.violated and found.violation_probability == 1
    np.testing.assert_allclose(
        found.lowest_utility, -0.25, atol=0.01 + found.lowest_utility_half_width.max()
    )
    assert found.mean_shortfall == pytest.approx(2 / 6, abs=0.01)


@pytest.mark.parametrize("bidders", [2, 3, 5])
def test_wins_too_rare_to_be_drawn_are_allowed_for(bidders):
    """Bidders of low value pay surely and win next to never: their mean is 0 all the same."""

    def equilibrium(values):
        return (bidders - 1) / bidders * values**bidders

    for seed in range(8):
        found = individual_rationality(
            all_pay, Uniform(), jax.random.key(seed), num_bidders=bidders, bids=equilibrium,
            notion="interim",
        )  # fmt: skip
        assert not found.violated
        assert np.all(found.lowest_utility + found.lowest_utility_half_width > 0)


@pytest.mark.parametrize("bidders", [2, 3, 5])
def test_losses_on_average_are_found(bidders):
    with_fee = partial(second_price, entry_fee=0.1)
    for seed in range(4):
        found = individual_rationality(
            with_fee, Uniform(), jax.random.key(seed), num_bidders=bidders, notion="interim"
        )
        assert found.violated
        np.testing.assert_allclose(found.lowest_utility, -0.1, atol=0.01)


def test_a_known_range_bounds_what_was_not_drawn():
    """One in 10,000 wins 1,000: no draw of a few shows that the mean is above 0."""

    def lottery(bids):
        won = bids > 0.9999
        return Outcome(won.astype(jnp.int32), jnp.where(won, -1000.0, 0.01))

    def of(**options):
        return individual_rationality(
            lottery, Uniform(), jax.random.key(0), num_bidders=1, notion="interim", num_bins=1,
            num_profiles=512, **options,
        )  # fmt: skip

    assert of().violated
    assert not of(utility_range=1000.0).violated


def test_bins_that_ties_leave_empty_are_passed_over():
    class HalfOrOne:
        def sample(self, key, shape=()):
            return jnp.where(jax.random.bernoulli(key, 0.5, shape), 0.5, 1.0)

    found = individual_rationality(
        lambda bids: Outcome(0 * bids, 0 * bids + 0.2), HalfOrOne(), KEY, num_bidders=2,
        notion="interim",
    )  # fmt: skip
    assert found.violated and found.violation_probability == 1
    np.testing.assert_allclose(found.lowest_utility, -0.2, atol=1e-6)
    assert found.mean_shortfall == pytest.approx(0.4, abs=1e-5)


def test_the_winners_curse_is_a_loss():
    """Bidding the signal for a common value loses on average to who draws a high one."""
    found = individual_rationality(
        first_price, MineralRights(), KEY, num_bidders=3, notion="interim"
    )
    assert found.violated
    half = individual_rationality(
        first_price, MineralRights(), KEY, num_bidders=3, notion="interim",
        bids=lambda signals: signals / 4,
    )  # fmt: skip
    assert not half.violated


def test_bad_input_is_refused():
    with pytest.raises(ValueError, match="^num_profiles: got 1000 for 32 bins; allowed are"):
        individual_rationality(
            all_pay, Uniform(), KEY, num_bidders=2, notion="interim", num_profiles=1000
        )
    with pytest.raises(ValueError, match="^utility_range: got -1"):
        individual_rationality(all_pay, Uniform(), KEY, num_bidders=2, utility_range=-1.0)
    with pytest.raises(ValueError, match="^notion: got 'always'"):
        individual_rationality(all_pay, Uniform(), KEY, num_bidders=2, notion="always")
    with pytest.raises(ValueError, match="^num_profiles: got 0"):
        individual_rationality(all_pay, Uniform(), KEY, num_bidders=2, num_profiles=0)


@pytest.mark.parametrize("factor", [float("nan"), -1.0])
def test_bids_that_no_rule_takes_are_refused(factor):
    with pytest.raises(ValueError, match="^bids: got a bid of .* by bidder 0; allowed are"):
        individual_rationality(
            first_price, Uniform(), KEY, num_bidders=2, bids=lambda v: factor * v, num_profiles=64
        )


def test_a_constant_policy_wins_at_a_loss_where_its_value_is_lower():
    found = individual_rationality(
        first_price, Uniform(), KEY, num_bidders=2, bids=lambda v: 0.3, num_profiles=4096
    )
    assert found.violation_probability == pytest.approx(0.3, abs=0.03)
