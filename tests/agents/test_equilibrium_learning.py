"""Learned bid functions against the closed forms of their equilibria."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from tiers import slowly

from jaxmech import mechanisms
from jaxmech.agents import Uniform
from jaxmech.agents.bidders.bid_functions import BidFunctions, l2_distance, tabulated, value_grid
from jaxmech.agents.bidders.equilibrium import learn_equilibrium
from jaxmech.agents.bidders.interim_rules import (
    all_pay,
    chance_of_highest,
    first_price,
    second_price,
    war_of_attrition,
)
from jaxmech.certificates import interim_exploitability


def uniform(level):
    return level


def twice_uniform(level):
    return 2 * level


def square_root(level):
    """Of the cdf v^2."""
    return jnp.sqrt(level)


def exponential(level):
    return -jnp.log1p(-level)


def exponential_bid(value):
    positive = jnp.maximum(value, 1e-6)
    return 1 - positive / jnp.expm1(positive)


def first_price_bid(bidders):
    return lambda value: (bidders - 1) / bidders * value


def all_pay_bid(bidders):
    return lambda value: (bidders - 1) / bidders * value**bidders


def weak_or_strong_bid(k):
    """Krishna, Auction Theory, section 4.3.1."""
    return lambda value: (1 - jnp.sqrt(1 - k * value**2)) / (k * jnp.maximum(value, 1e-6))


@pytest.mark.parametrize("bidders", [2, *slowly(5, 10)])
@pytest.mark.parametrize(
    ("rule", "exact"), [(first_price, first_price_bid), (all_pay, all_pay_bid)]
)
def test_symmetric_uniform_equilibria(rule, exact, bidders):
    learned = learn_equilibrium(rule, [uniform], [bidders])
    assert l2_distance(learned, [exact(bidders)])[0] < 0.003
    found = interim_exploitability(rule, learned)
    assert -1e-6 < found.mean < 1e-3
    assert found.is_lower_bound and found.half_width == 0 and found.budget.responses == 1024


@pytest.mark.parametrize(
    ("quantile", "bidders", "exact"),
    [
        # A bid in first price is the mean of the highest other value, given that it is lower.
        (square_root, 3, lambda value: 4 / 5 * value),
        (exponential, 2, exponential_bid),
    ],
)
def test_first_price_of_other_distributions(quantile, bidders, exact):
    learned = learn_equilibrium(first_price, [quantile], [bidders], iterations=400)
    assert l2_distance(learned, [exact])[0] < 0.005
    assert interim_exploitability(first_price, learned).mean < 1e-3


def test_asymmetric_first_price():
    exact = [weak_or_strong_bid(0.75), weak_or_strong_bid(-0.75)]
    learned = learn_equilibrium(first_price, [uniform, twice_uniform], [1, 1], iterations=400)
    assert np.all(l2_distance(learned, exact) < 0.004)
    assert np.all(interim_exploitability(first_price, learned).per_bidder < 1e-3)
    # The weak bidder bids more at equal values, and both reach the same highest bid.
    weak, strong = learned(jnp.array([0.8, 0.8]))
    assert weak > strong + 0.05
    np.testing.assert_allclose(learned.bids[:, -1], 2 / 3, atol=0.02)


def test_equal_groups_bid_as_one_group():
    one = learn_equilibrium(first_price, [uniform], [3], iterations=50)
    two = learn_equilibrium(first_price, [uniform, uniform], [1, 2], iterations=50)
    np.testing.assert_allclose(two.bids, jnp.broadcast_to(one.bids, two.bids.shape), atol=1e-3)


def test_second_price_learns_the_truth():
    learned = learn_equilibrium(second_price, [uniform], [5], iterations=400)
    assert l2_distance(learned, [lambda value: value])[0] < 0.01
    assert interim_exploitability(second_price, learned).mean < 1e-4


def first_price_from_half(bids, chance):
    winning = jnp.where(bids >= 0.5, chance, 0.0)
    return winning, bids * winning


def test_a_rule_of_the_users_own():
    """First price with reserve r: (v^2 + r^2) / 2v for two uniform bidders."""
    learned = learn_equilibrium(
        first_price_from_half, [uniform], [2], lowest_bid=0.25, highest_bid=1.0, iterations=400
    )
    value = jnp.linspace(0.55, 1, 20)
    bid = jnp.interp(value, learned.values[0], learned.bids[0])
    np.testing.assert_allclose(bid, (value**2 + 0.25) / (2 * value), atol=0.015)


def test_rules_on_a_grid():
    """Payments against two uniform bids on [0, 1], at a bid of b."""
    bids = jnp.linspace(0, 1, 501)
    chance = bids**2
    for rule, payment in [
        (first_price, bids**3),
        (all_pay, bids),
        (second_price, 2 / 3 * bids**3),
        (war_of_attrition, 2 / 3 * bids**3 + bids * (1 - bids**2)),
    ]:
        winning, paid = rule(bids, chance)
        np.testing.assert_allclose(winning, chance)
        np.testing.assert_allclose(paid, payment, atol=1e-5)


def test_chance_of_highest_leaves_the_own_bid_out():
    cdfs = jnp.array([[0.5], [0.2]])
    np.testing.assert_allclose(chance_of_highest(cdfs, (3, 1))[:, 0], [0.25 * 0.2, 0.125])


@pytest.mark.parametrize("rule", [first_price, all_pay])
def test_closed_forms_are_not_exploitable(rule):
    exact = {first_price: first_price_bid, all_pay: all_pay_bid}[rule](5)
    assert interim_exploitability(rule, tabulated([exact], [uniform], [5])).mean < 1e-6


def test_the_learner_runs_under_vmap_over_distributions():
    def bids(high):
        return learn_equilibrium(
            first_price, [lambda level: high * level], [2], iterations=20, num_bids=32
        ).bids[0]

    highs = jnp.array([1.0, 2.0])
    by_one = jnp.stack([bids(high) for high in highs])
    np.testing.assert_allclose(jax.vmap(bids)(highs), by_one, atol=1e-4)


def test_profiles_bid_for_every_bidder():
    profile = tabulated(
        [lambda value: value / 2, lambda value: value], [uniform, uniform], [2, 1], num_values=8
    )
    assert profile.num_bidders == 3
    np.testing.assert_allclose(profile(jnp.array([0.2, 0.4, 0.6])), [0.1, 0.2, 0.6], rtol=1e-6)
    np.testing.assert_allclose(l2_distance(profile, [lambda value: value / 2] * 2)[0], 0, atol=1e-6)
    np.testing.assert_allclose(
        l2_distance(profile, [lambda value: value / 2 + 0.1] * 2)[0], 0.1, rtol=1e-5
    )


def test_an_unbounded_value_ends_half_a_step_beyond_the_grid():
    levels, values = value_grid([exponential], [2], 10)
    assert levels[0] == 0 and levels[-1] == 1
    assert values[0, -1] == pytest.approx(1.5 * values[0, -2] - 0.5 * values[0, -3])


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"group_sizes": [2, 2]}, "group_sizes"),
        ({"group_sizes": [0]}, "group_sizes"),
        ({"num_values": 1}, "num_values"),
        ({"num_bids": 2}, "num_bids"),
        ({"iterations": 0}, "iterations"),
        ({"step_size": 0.0}, "step_size"),
        ({"step_decay": 1.0}, "step_decay"),
        ({"highest_bid": 0.0}, "highest_bid"),
        ({"distributions": [lambda level: level - 1]}, "distributions"),
        ({"distributions": [lambda level: level * jnp.nan]}, "distributions"),
    ],
)
def test_what_cannot_be_learned_is_refused(change, named):
    arguments = {"distributions": [uniform], "group_sizes": [2]} | change
    with pytest.raises(ValueError, match=f"^{named}: got"):
        learn_equilibrium(first_price, **arguments)


def test_distances_need_one_function_for_each_group():
    profile = BidFunctions(jnp.zeros(3), jnp.zeros((1, 3)), jnp.zeros((1, 3)), (2,))
    with pytest.raises(ValueError, match="^exact: got 2"):
        l2_distance(profile, [uniform, uniform])
    with pytest.raises(ValueError, match="^functions: got 2"):
        tabulated([uniform, uniform], [uniform], [2])


@pytest.mark.parametrize("rule", ["first_price", mechanisms.first_price])
def test_another_rule_than_an_interim_one_is_refused(rule):
    with pytest.raises(ValueError, match="^rule: got .* agents.interim_rules.first_price"):
        learn_equilibrium(rule, [Uniform()], [2])


@pytest.mark.parametrize("shape", [(), (2,), (4, 3)])
def test_bids_are_asked_for_one_auction(shape):
    profile = tabulated([lambda v: v / 2], [Uniform()], [3])
    np.testing.assert_allclose(profile(jnp.asarray([0.2, 0.4, 0.6])), [0.1, 0.2, 0.3], atol=1e-6)
    with pytest.raises(ValueError, match=r"^values: got shape .*\[bidders\], here \(3,\)"):
        profile(jnp.zeros(shape))


def test_a_bid_function_of_another_shape_is_refused():
    with pytest.raises(ValueError, match="^bid function: got bids of shape"):
        tabulated([lambda v: v[:2]], [Uniform()], [3])
