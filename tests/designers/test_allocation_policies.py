"""Allocations that are not trained: shares in every case, and the rules they are named after."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import jaxmech
from jaxmech.agents import SellerObservation
from jaxmech.designers import (
    Exp3Shares,
    FixedShares,
    KnownDemand,
    LearnedDemand,
    LearnedSellerDemand,
    ProportionalShares,
    UCB1Shares,
)
from jaxmech.designers.allocation_policies.baselines import baselines
from jaxmech.designers.allocation_policies.demand import DemandEstimates, trained_demand
from jaxmech.evaluation import evaluate
from jaxmech.wrappers import state_observed

SELLERS, ROUNDS = 7, 2
HIGH = 1.0
POLICIES = {
    "equal": FixedShares.equal(SELLERS),
    "revenue": ProportionalShares("revenue"),
    "transactions": ProportionalShares("transactions"),
    "learned": LearnedDemand(HIGH),
    "learned of each seller": LearnedSellerDemand(LearnedDemand(HIGH), num_sellers=SELLERS),
    "ucb1": UCB1Shares(HIGH, SELLERS),
    "exp3": Exp3Shares(HIGH, num_sellers=SELLERS),
}


def observation_of(seed, present_share=0.7):
    random = np.random.default_rng(seed)
    impressions = random.dirichlet(np.ones(SELLERS) * 0.2, ROUNDS)
    prices = random.uniform(0, 1, (ROUNDS, SELLERS))
    sold = impressions * (1 - prices)
    records = np.stack([impressions, prices, sold, prices * sold], axis=-1)
    records *= random.integers(0, 2)
    present = random.uniform(0, 1, SELLERS) < present_share
    asked = random.uniform(0, 1, SELLERS) * present
    return SellerObservation(*(jnp.asarray(x) for x in (records, present, asked)))


@jax.jit
def acted(policy, seen, carry):
    return policy.act(seen.rows(), carry, None)


@pytest.mark.parametrize("name", POLICIES)
@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 2**31), present_share=st.sampled_from([0.0, 0.7, 1.0]))
def test_every_allocation_is_one_of_those_present(name, seed, present_share):
    policy, seen = POLICIES[name], observation_of(seed, present_share)
    shares, _ = acted(policy, seen, policy.initial_carry())
    assert (shares >= 0).all()
    np.testing.assert_allclose(shares.sum(), 1, rtol=1e-5)
    if seen.present.any():
        assert (shares[~seen.present] == 0).all()


def test_shares_follow_what_was_sold():
    seen = observation_of(3)
    assert (seen.records[..., 3] > 0).any()
    for to, column, rounds in (("revenue", 3, [-1]), ("transactions", 2, [0, 1])):
        sold = np.where(seen.present, np.asarray(seen.records)[rounds, :, column].sum(axis=0), 0)
        shares, _ = acted(ProportionalShares(to), seen, None)
        np.testing.assert_allclose(shares, sold / sold.sum(), rtol=1e-5)


def make(**options):
    return jaxmech.make("impression_allocation", **{"num_sellers": 20, **options})


def test_bandits_are_the_published_rules():
    """One seller shown in turn by UCB1; weights of Exp3, which are told what each share earned."""
    random = np.random.default_rng(0)
    worth = random.uniform(0, 1, SELLERS)
    everybody = jnp.ones(SELLERS, bool)

    def told(shares):
        """The record of a round in which each seller sells for ``worth`` a buyer."""
        shares = np.asarray(shares)
        record = np.stack([shares, np.ones(SELLERS), shares * worth, shares * worth], axis=-1)
        return SellerObservation(jnp.asarray(record[None]), everybody, jnp.ones(SELLERS))

    nothing = told(np.zeros(SELLERS))
    counts, totals = np.zeros(SELLERS), np.zeros(SELLERS)
    policy, seen, same = UCB1Shares(HIGH, SELLERS), nothing, 0
    carry = policy.initial_carry()
    for _ in range(150):
        shares, carry = acted(policy, seen, carry)
        assert shares.max() == 1
        tried = counts > 0
        bound = np.where(
            tried,
            totals / np.where(tried, counts, 1)
            + np.sqrt(2 * np.log(max(counts.sum(), 1)) / np.where(tried, counts, 1)),
            np.inf,
        )
        same += int(np.argmax(shares) == np.argmax(bound))
        # Near ties are decided by rounding: both go on from what the policy did.
        counts += np.asarray(shares)
        totals += np.asarray(shares) * worth
        seen = told(shares)
    assert same >= 145
    assert np.argmax(counts) == np.argmax(worth)

    policy, seen, weights = Exp3Shares(HIGH, 0.3, num_sellers=SELLERS), nothing, np.ones(SELLERS)
    carry = policy.initial_carry()
    for _ in range(40):
        shares, carry = acted(policy, seen, carry)
        expected = 0.7 * weights / weights.sum() + 0.3 / SELLERS
        np.testing.assert_allclose(shares, expected, rtol=1e-4)
        # The mean over draws of exp(gamma x / (K p)) in the exponent: x, whatever p.
        weights *= np.exp(0.3 * worth / SELLERS)
        seen = told(shares)


def test_known_demand_is_the_best_of_a_round():
    env, params = make(appeal_spread=0.5, reputation=0.3, prices_shown=False)
    shown = state_observed(env)
    policy = KnownDemand(params)

    @jax.jit
    def rewards(key):
        observation, state = shown.reset(key, params)
        shares, _ = policy.act(observation, None, None)
        candidates = jnp.concatenate([shares[None], jnp.eye(20), jnp.full((1, 20), 1 / 20)])
        return jax.vmap(lambda action: env.step_env(key, state, action, params)[2])(candidates)

    for seed in range(5):
        found = rewards(jax.random.key(seed))
        assert found[0] >= found.max() - 1e-7


def test_what_is_learned_or_known_earns_more():
    """By their theory: with demand 1 - p known, nothing earns more in a round; at reputation 0
    that is 1/4 at most, and the learned demand comes near."""
    env, params = make(reputation=0.0, num_rounds=60)

    @jax.jit
    def worth(key):
        policies = baselines(env, params)
        seen = ("equal shares", "proportional to revenue", "learned demand")
        of_seen = [evaluate(env, params, policies[name], key, 40).mean for name in seen]
        trained = trained_demand(env, params, jax.random.key(1), 5)
        of_trained = evaluate(env, params, trained, key, 40).mean
        known = evaluate(state_observed(env), params, KnownDemand(params), key, 40).mean
        return *of_seen, of_trained, known

    equal, by_revenue, learned, trained, known = worth(jax.random.key(0))
    assert equal < by_revenue < known <= 0.25
    # It tries each of its 20 bins of prices once, from the highest.
    assert known - learned <= 20 / 60 * known and learned > equal
    # Then a bin of prices 1/20 wide is all that it does not know.
    assert learned < trained <= known and trained > 0.98 * known


def test_the_demand_of_each_seller_is_its_share_of_what_all_would_sell():
    """Two rounds at one price, of which only the sales differ: worked out seller by seller."""
    policy = LearnedSellerDemand(LearnedDemand(HIGH), 2.0, num_sellers=SELLERS)
    everybody, prices = jnp.ones(SELLERS, bool), jnp.full(SELLERS, 0.5)
    sold, shown = np.zeros(SELLERS), np.zeros(SELLERS)
    expected = np.zeros(SELLERS)
    carry = policy.initial_carry()
    for impressions, chances in (
        (np.array([0.5, 0.5, 0, 0, 0, 0, 0]), np.array([0.2, 0.8, 0, 0, 0, 0, 0])),
        (np.array([0, 0.5, 0.5, 0, 0, 0, 0]), np.array([0, 0.6, 0.1, 0, 0, 0, 0])),
    ):
        sales = impressions * chances
        record = np.stack([impressions, prices, sales, prices * sales], axis=-1)
        seen = SellerObservation(jnp.asarray(record[None], float), everybody, prices)
        shares, carry = acted(policy, seen, carry)
        sold, shown = sold + sales, shown + impressions
        expected += impressions * sold.sum() / shown.sum()
    np.testing.assert_allclose(carry.transactions, sold, rtol=1e-6)
    np.testing.assert_allclose(carry.expected_transactions, expected, rtol=1e-6)
    assert np.argmax(shares) == np.argmax((sold + 2) / (expected + 2)) == 1
    # The others sold less than expected, so without it the first who was never shown is taken.
    absent = SellerObservation(seen.records, everybody.at[1].set(False), prices)
    assert np.argmax(acted(policy, absent, carry)[0]) == 3


def test_withheld_prices_are_expected_to_be_those_on_record():
    """Seller by seller, the mean over the rounds in which it was there of price times demand."""
    known = DemandEstimates(jnp.ones(20), jnp.linspace(1, 0.05, 20))
    policy = LearnedDemand(HIGH, known, prices_shown=False)
    for seed in range(5):
        seen = observation_of(seed, 1.0)
        # One was not there in the first round, and nobody was shown in either.
        prices = np.array(seen.records[..., 1])
        prices[0, 2] = 0
        records = jnp.stack(
            [jnp.zeros_like(prices), jnp.asarray(prices), *2 * (jnp.zeros_like(prices),)], -1
        )
        seen = SellerObservation(records, seen.present, seen.prices)
        worth = np.zeros(SELLERS)
        for seller in range(SELLERS):
            asked = prices[prices[:, seller] > 0, seller]
            chances = np.asarray(known.transactions)[(asked * 20).astype(int)]
            worth[seller] = (asked * chances).mean() if asked.size else 0
        np.testing.assert_allclose(policy.worth(known, seen), worth, rtol=1e-5)
        assert np.argmax(acted(policy, seen, known)[0]) == np.argmax(worth)


@pytest.mark.parametrize("name", ["ucb1", "exp3", "learned of each seller"])
def test_who_takes_the_place_of_another_is_not_known(name):
    """A seller who has left is forgotten, and nothing of the others."""
    policy, seen = POLICIES[name], observation_of(3, 1.0)
    assert (seen.records[..., 3] > 0).any()
    _, with_all = acted(policy, seen, policy.initial_carry())
    left = SellerObservation(seen.records, seen.present.at[4].set(False), seen.prices)
    _, without = acted(policy, left, policy.initial_carry())
    changed = 0
    for before, after in zip(jax.tree.leaves(with_all), jax.tree.leaves(without), strict=True):
        if before.shape == (SELLERS,):
            assert after[4] == 0
            np.testing.assert_array_equal(np.delete(before, 4), np.delete(after, 4))
            changed += int(before[4] != 0)
    assert changed


def test_a_demand_of_each_seller_earns_more_where_appeal_is_hidden():
    env, params = make(appeal_spread=0.5, reputation=0.0, num_rounds=60)

    @jax.jit
    def worth(key):
        policies = baselines(env, params)
        names = ("learned demand", "learned demand of each seller")
        common, each = (evaluate(env, params, policies[name], key, 160) for name in names)
        known = evaluate(state_observed(env), params, KnownDemand(params), key, 160)
        return common.mean, each.mean, each.half_width, known.mean

    common, each, half_width, known = worth(jax.random.key(0))
    assert common + 3 * half_width < each < known


def test_shares_that_are_no_numbers_stay_so():
    """Those of a transformation are not looked into, and must not become others in silence."""
    seen = observation_of(3, 1.0)
    shares = jnp.full(SELLERS, 1 / SELLERS).at[2].set(jnp.nan)
    acted_on = jax.jit(lambda shares: FixedShares(shares).act(seen.rows(), None, None)[0])(shares)
    assert jnp.isnan(acted_on).any()


def test_known_demand_says_that_it_needs_the_state():
    env, params = make()
    with pytest.raises(ValueError, match="observation: got .* wrap the environment by state_obs"):
        evaluate(env, params, KnownDemand(params), jax.random.key(0), 2)


@pytest.mark.parametrize(
    ("make_policy", "message"),
    [
        (lambda: FixedShares(np.array([0.5, 0.6])), "shares: got shares that sum to 1.1"),
        (lambda: FixedShares(np.array([-0.5, 1.5])), "shares: got"),
        (lambda: FixedShares([float("nan"), 1.0]), "shares: got"),
        (lambda: FixedShares(jnp.array([0.5, jnp.nan, 0.5])), "shares: got"),
        (lambda: FixedShares(jnp.array([2.0, 0.0])), "shares: got shares that sum to 2"),
        (lambda: FixedShares((0.5, 0.6)), "shares: got shares that sum to 1.1"),
        (lambda: FixedShares.equal(0), "num_sellers: got 0"),
        (lambda: ProportionalShares("price"), "to: got 'price'"),
        (lambda: LearnedDemand(1.0, num_bins=0), "num_bins: got 0"),
        (lambda: LearnedDemand(0.0), "price_high: got 0.0"),
        (lambda: UCB1Shares(-1.0, 3), "price_high: got -1.0"),
        (lambda: UCB1Shares(1.0, 0), "num_sellers: got 0"),
        (lambda: Exp3Shares(0.0, num_sellers=3), "price_high: got 0.0"),
        (lambda: Exp3Shares(1.0, 0.0, num_sellers=3), "exploration: got 0.0"),
        (
            lambda: LearnedSellerDemand(LearnedDemand(1.0), 0.0, num_sellers=3),
            "prior_transactions: got 0.0",
        ),
    ],
)
def test_bad_policies_are_refused(make_policy, message):
    with pytest.raises(ValueError, match=message):
        make_policy()
