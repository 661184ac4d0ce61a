"""Regret and exploitability against gains known in closed form."""

from __future__ import annotations

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxmech.agents import (
    AffiliatedSignals,
    CopulaValueQuality,
    CorrelatedUniform,
    MineralRights,
    Uniform,
    UnitDemand,
)
from jaxmech.agents.bidders import interim_rules
from jaxmech.agents.bidders.bid_functions import tabulated
from jaxmech.agents.bidders.equilibrium import learn_equilibrium
from jaxmech.certificates import (
    exploitability,
    incentive_regret,
    interim_exploitability,
    quasilinear_in_clicks,
)
from jaxmech.mechanisms import (
    Outcome,
    all_pay,
    first_price,
    generalized_second_price,
    position_vcg,
    second_price,
    soft_first_price,
)

KEY = jax.random.key(4)
CLICK_RATES = (0.6, 0.4, 0.1)


class Profiles:
    """Profiles of several values for each bidder."""

    def __init__(self, shape):
        self.shape = shape

    def sample(self, key):
        return jax.random.uniform(key, self.shape)


def one_each(rule):
    """A separate auction of every item, values and reports [bidders, items]."""
    return lambda reports: jax.vmap(rule, in_axes=1, out_axes=1)(reports)


def summed(rule):
    def both(reports):
        outcome = one_each(rule)(reports)
        return Outcome(outcome.allocation, outcome.payments.sum(axis=-1))

    return both


# One object, so that tests share what is compiled for it.
SUMMED_FIRST_PRICE = summed(first_price)


def truth(value):
    return value


TRUTHFUL = tabulated([truth], [Uniform()], [2])


@pytest.mark.parametrize("notion", ["ex_post", "interim"])
def test_second_price_has_no_regret(notion):
    found = incentive_regret(second_price, Uniform(), KEY, num_bidders=3, notion=notion)
    assert found.notion == notion and found.is_lower_bound
    assert found.per_bidder.shape == (3,)
    # Where bins of the value choose the response, its noise may even cost a little.
    assert -2e-3 < found.mean < 1e-6


@pytest.mark.parametrize(
    ("mechanism", "notion", "exact"),
    [
        (first_price, "ex_post", 1 / 6),  # E (v - w)+: the winner bids just above the other
        (first_price, "interim", 1 / 12),  # E v^2 / 4: bids half its value
        (all_pay, "ex_post", 1 / 3),  # E min(v, |v - w|) of the winner, E v of the loser
        (all_pay, "interim", 1 / 6),  # E v - v^2: bids nothing
    ],
)
def test_regret_of_truth_between_two_uniform_bidders(mechanism, notion, exact):
    found = incentive_regret(mechanism, Uniform(), KEY, num_bidders=2, notion=notion)
    assert np.all(found.per_bidder_half_width < 0.02)
    # A lower bound, but not a lazy one: it misses at most 2 % of the gain.
    assert np.all(found.per_bidder < exact + found.per_bidder_half_width)
    assert np.all(found.per_bidder > 0.98 * exact - found.per_bidder_half_width)
    assert found.mean == found.per_bidder.max()


def test_ascent_improves_on_a_coarse_grid():
    def regret(**search):
        return incentive_regret(
            first_price, Uniform(), KEY, num_bidders=2, num_reports=4, **search
        ).mean

    grid_alone = regret(ascent_steps=0)
    ascended = regret(ascent_steps=30)
    soft = regret(ascent_steps=30, search_mechanism=partial(soft_first_price, temperature=0.05))
    assert grid_alone < 0.12
    assert ascended > grid_alone + 0.02
    assert soft > grid_alone + 0.005
    assert max(ascended, soft) < 1 / 6 + 0.01


def test_regret_of_vector_reports():
    values = Profiles((2, 3))
    clean = incentive_regret(summed(second_price), values, KEY, num_profiles=512)
    assert abs(clean.mean) < 1e-6
    found = incentive_regret(SUMMED_FIRST_PRICE, values, KEY, num_profiles=512)
    # Three separate auctions, each with 1/6 to gain, searched by random reports and ascent.
    assert 0.1 < found.mean < 0.5 + found.half_width


def test_a_utility_of_the_users_own():
    def half_of_the_value(values, outcome):
        return values / 2 * outcome.allocation - outcome.payments

    found = incentive_regret(second_price, Uniform(), KEY, num_bidders=2, utility=half_of_the_value)
    # Truthful bids are twice too high: who loses more than half its value by winning stays out.
    assert found.mean == pytest.approx(1 / 24, abs=0.01)


@pytest.mark.parametrize(
    ("mechanism", "rule", "exact"),
    [
        (first_price, interim_rules.first_price, 1 / 12),
        (all_pay, interim_rules.all_pay, 1 / 6),
        (second_price, interim_rules.second_price, 0.0),
    ],
)
def test_exploitability_of_truth(mechanism, rule, exact):
    sampled = exploitability(mechanism, Uniform(), [truth, truth], KEY)
    assert sampled.is_lower_bound and sampled.budget.value_bins == 64
    assert sampled.mean == pytest.approx(exact, abs=sampled.half_width + 0.002)
    assert interim_exploitability(rule, TRUTHFUL).mean == pytest.approx(exact, abs=1e-4)


def test_exploitability_names_the_bidder_who_gains():
    shaded = [truth, lambda value: value / 2]
    found = exploitability(first_price, Uniform(), shaded, KEY)
    # Half the value is the best response to the truth.
    np.testing.assert_allclose(found.per_bidder[1], 0, atol=2e-3)
    assert found.per_bidder[0] > 0.1
    assert found.mean == found.per_bidder[0]


def test_exploitability_of_a_learned_asymmetric_profile():
    values = [Uniform(), Uniform(0.0, 2.0)]
    learned = learn_equilibrium(interim_rules.first_price, values, [1, 1], iterations=400)
    found = exploitability(first_price, values, learned, KEY)
    assert np.all(np.abs(found.per_bidder) < 2e-3 + found.per_bidder_half_width)


def test_bids_that_tie_do_not_hide_a_gain():
    """All bid 1/2: ties go to the higher value, and whoever bids a little more always wins."""
    pooled = tabulated([lambda value: 0 * value + 0.5], [Uniform()], [2])
    # Values below 1/2 rather bid 0; the others gain (v - 1/2)(1 - v): 1/24 + 1/48.
    gain = interim_exploitability(interim_rules.first_price, pooled, num_bids=4096).mean
    below = np.mean([(0.5 - v) * v for v in np.linspace(0, 0.5, 2001)]) / 2
    above = np.mean([(v - 0.5) * (1 - v) for v in np.linspace(0.5, 1, 2001)]) / 2
    assert gain == pytest.approx(below + above, abs=1e-3)


@pytest.mark.parametrize(
    ("rule", "bid", "bidders", "gain"),
    [
        # Bids 0, or .6 with a value above that, instead of E v^2 - .5 - .1 v.
        (interim_rules.all_pay, lambda value: 0.5 + 0.1 * value, 2, 0.08 - (1 / 3 - 0.55)),
        (interim_rules.first_price, lambda value: 0 * value + 0.5, 1, 0.5),
        # Next to nothing wins always: E v - E v^2.
        (interim_rules.first_price, lambda value: 0 * value, 2, 1 / 6),
    ],
)
def test_bids_beyond_the_profiles_are_tried(rule, bid, bidders, gain):
    found = interim_exploitability(rule, tabulated([bid], [Uniform()], [bidders]))
    assert found.mean == pytest.approx(gain, abs=2e-3)
    lowest, highest = found.budget.response_range
    top = float(bid(jnp.ones(())))
    assert lowest == 0 and top < highest < top + 0.002


def test_budgets_state_the_range_of_responses():
    found = exploitability(first_price, Uniform(), [truth, truth], KEY, highest_bid=0.7)
    assert found.budget.response_range == (0.0, 0.7)
    found = incentive_regret(first_price, Uniform(0.0, 2.0), KEY, num_bidders=2)
    lowest, highest = found.budget.response_range
    assert lowest == 0 and 1.9 < highest <= 2


@pytest.mark.parametrize("profile", [truth, 0.5, [0.5, 0.5]])
def test_a_single_policy_is_refused(profile):
    with pytest.raises(ValueError, match="single policy has no exploitability"):
        exploitability(first_price, Uniform(), profile, KEY)
    with pytest.raises(ValueError, match="^profile: got"):
        interim_exploitability(interim_rules.first_price, profile)


@pytest.mark.parametrize(
    ("call", "named"),
    [
        (lambda: incentive_regret(first_price, Uniform(), KEY), "num_bidders"),
        (
            lambda: incentive_regret(first_price, [Uniform()] * 2, KEY, num_bidders=3),
            "num_bidders",
        ),
        (
            lambda: incentive_regret(first_price, Uniform(), KEY, num_bidders=2, notion="ex"),
            "notion",
        ),
        (
            lambda: incentive_regret(summed(first_price), Profiles((2, 3)), KEY, notion="interim"),
            "notion",
        ),
        (
            lambda: incentive_regret(first_price, Uniform(), KEY, num_bidders=2, num_profiles=1),
            "num_profiles",
        ),
        (lambda: exploitability(first_price, [Uniform()] * 3, [truth] * 2, KEY), "num_bidders"),
        (lambda: exploitability(first_price, Profiles((2, 2)), [truth] * 2, KEY), "profile"),
        (lambda: exploitability(first_price, Uniform(), [truth] * 2, KEY, num_bins=0), "num_bins"),
        (lambda: exploitability(first_price, Profiles((3,)), [truth] * 2, KEY), "num_bidders"),
        (lambda: incentive_regret(first_price, MineralRights(), KEY), "num_bidders"),
        (
            lambda: incentive_regret(first_price, [MineralRights()] * 2, KEY),
            "distribution",
        ),
        (lambda: incentive_regret(first_price, 0.5, KEY, num_bidders=2), "distribution"),
        (
            lambda: incentive_regret(
                first_price, Uniform(), KEY, num_bidders=2, utility=quasilinear_in_clicks
            ),
            "utility",
        ),
        (
            lambda: incentive_regret(
                lambda bids: Outcome(jnp.ones((2, 3)), bids), Uniform(), KEY, num_bidders=2
            ),
            "utility",
        ),
    ],
)
def test_what_cannot_be_certified_is_refused(call, named):
    with pytest.raises(ValueError, match=f"^{named}: got"):
        call()


def test_joint_distributions_of_the_library_are_drawn_whole():
    values = CorrelatedUniform(delta=jnp.array(1.0), num_agents=2, demand=UnitDemand(3))
    found = incentive_regret(SUMMED_FIRST_PRICE, values, KEY, num_profiles=512)
    # Equal values: who bids less loses to the other's truth, and who bids more pays too much.
    np.testing.assert_allclose(found.per_bidder, 0, atol=1e-6)


def test_equilibrium_with_signals_is_not_exploitable():
    """Krishna, section 6.6: two bidders, V the mean of affiliated signals."""

    def equilibrium(signal):
        return 2 / 3 * signal

    values = AffiliatedSignals()
    found = exploitability(first_price, values, [equilibrium] * 2, KEY)
    assert np.all(np.abs(found.per_bidder) < 2e-3 + found.per_bidder_half_width)
    # In the second price, each bids its signal: the value if the other's were the same.
    assert abs(exploitability(second_price, values, [truth] * 2, KEY).mean) < 2e-3
    assert exploitability(first_price, values, [truth] * 2, KEY).mean > 0.1


@pytest.mark.slow
def test_naive_bids_for_a_common_value_are_a_curse():
    """Who bids the signal, up to twice the value, wins where the others bid too much too."""
    values = MineralRights()
    found = incentive_regret(second_price, values, KEY, num_bidders=3, notion="interim")
    assert found.mean > 4 * found.half_width and found.per_bidder.shape == (3,)


@pytest.mark.slow
@pytest.mark.parametrize("notion", ["ex_post", "interim"])
def test_regret_of_position_auctions(notion):
    """Generalised second price is not truthful where a lower slot is worth its clicks; VCG is."""

    def regret(rule):
        quality = (1.0, 0.8, 0.6, 0.9)
        auction = partial(rule, quality=quality, click_rates=CLICK_RATES)
        return incentive_regret(
            auction, Uniform(), KEY, num_bidders=4, notion=notion, utility=quasilinear_in_clicks,
            num_profiles=2048, num_reports=32, ascent_steps=4, num_bins=16,
        )  # fmt: skip

    assert regret(generalized_second_price).mean > 0.01
    assert -2e-3 < regret(position_vcg).mean < 1e-5


@pytest.mark.slow
def test_drawn_qualities_reach_the_mechanism():
    def regret(rule):
        def auction(bids, quality):
            return rule(bids, quality, CLICK_RATES)

        return incentive_regret(
            auction, CopulaValueQuality(), KEY, num_bidders=4, utility=quasilinear_in_clicks,
            num_profiles=2048, ascent_steps=0, highest_report=6.0,
        )  # fmt: skip

    found = regret(generalized_second_price)
    assert found.mean > 2 * found.half_width
    assert abs(regret(position_vcg).mean) < 1e-5


@pytest.mark.parametrize("factor", [float("nan"), -1.0, float("inf")])
def test_bids_that_no_rule_takes_are_refused(factor):
    profile = [lambda v: v, lambda v: factor * v]
    with pytest.raises(ValueError, match="^profile: got a bid of .* by bidder 1; allowed are"):
        exploitability(first_price, Uniform(), profile, KEY, num_profiles=64)


def test_interim_bids_that_are_not_finite_are_refused():
    profile = tabulated([lambda v: v * float("nan")], [Uniform()], [2])
    with pytest.raises(ValueError, match="^profile: got bids that are NaN or infinite"):
        interim_exploitability(interim_rules.first_price, profile)


def test_a_constant_policy_is_exploited_by_bidding_just_above():
    """Against .25 a bid just above wins; one of the others, at .25, wins the ties."""
    found = exploitability(
        first_price, Uniform(), [lambda v: 0.25, lambda v: 0.25], KEY, highest_bid=0.5
    )
    # The first wins all ties: it gains by not bidding where its value is below.
    assert found.per_bidder[0] == pytest.approx(0.25**2 / 2, abs=0.005)
    # The second bids .254 where its value is above.
    assert found.per_bidder[1] == pytest.approx(0.746**2 / 2, abs=0.02)


@pytest.mark.parametrize("rule", ["first_price", first_price])
def test_only_interim_rules_have_interim_exploitability(rule):
    profile = tabulated([lambda v: 0.3], [Uniform()], [2])
    np.testing.assert_allclose(profile.bids, 0.3)
    with pytest.raises(ValueError, match="^rule: got .* agents.interim_rules.first_price"):
        interim_exploitability(rule, profile)
