"""Repeated auctions: accounting, closed forms of single rounds, and what learning leads to."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from tiers import slowly

import jaxmech
from jaxmech.agents.values.joint import CopulaValueQuality
from jaxmech.agents.values.numerical import Empirical
from jaxmech.agents.values.univariate import LogNormal, TruncatedEqualRevenue, Uniform
from jaxmech.checks import InvalidValueError
from jaxmech.designers import PPO, train
from jaxmech.environments import RepeatedAuction
from jaxmech.evaluation import evaluate

make = partial(jaxmech.make, "repeated_auction")


@partial(jax.jit, static_argnums=(0, 4))
def rounds(env, params, key, action, count):
    """``count`` rounds of one episode after another: rewards, states and infos, stacked."""

    def one(state, key):
        _, state, reward, _, info = env.step_env(key, state, action, params)
        return state, (reward, state.last, info)

    reset_key, key = jax.random.split(key)
    _, state = env.reset(reset_key, params)
    return jax.lax.scan(one, state, jax.random.split(key, count))


@partial(jax.jit, static_argnums=0)
def reset(env, key, params):
    return env.reset(key, params)


@partial(jax.jit, static_argnums=0)
def step_env(env, key, state, action, params):
    return env.step_env(key, state, action, params)


@partial(jax.jit, static_argnums=(0, 4, 5))
def batches_of_rounds(env, params, key, action, count, batch):
    """The same in independent episodes."""
    keys = jax.random.split(key, batch)
    return jax.vmap(lambda key: rounds(env, params, key, action, count))(keys)


def check_mean(sample, expected, error_bars=3.0):
    sample = np.asarray(sample, np.float64).ravel()
    error = sample.std(ddof=1) / np.sqrt(sample.size)
    assert abs(sample.mean() - expected) <= error_bars * error


@pytest.mark.parametrize(
    ("bidders", "reserve", "revenue"),
    [
        (3, 0.5, 0.53125),
        *slowly((2, 0.0, 1 / 3), (2, 0.5, 5 / 12), (3, 0.0, 1 / 2), (5, 0.5, 0.671875)),
    ],
)
@pytest.mark.parametrize(
    ("kind", "payment_rule"), [("truthful", "second_price"), ("equilibrium", "first_price")]
)
def test_revenue_with_a_reserve_is_the_closed_form(bidders, reserve, revenue, kind, payment_rule):
    """Truthful bids at the second price and equilibrium bids at the first earn the same."""
    env, params = make(bidders=kind, num_bidders=bidders, payment_rule=payment_rule, num_rounds=100)
    action = jnp.asarray([reserve, 1.0])
    _, (rewards, _, _) = batches_of_rounds(env, params, jax.random.key(0), action, 100, 2000)
    check_mean(rewards, revenue)


def test_two_of_six_earn_as_much_as_two_alone():
    env, params = make(num_bidders=6, num_participants=2, num_rounds=100)
    _, (rewards, last, _) = batches_of_rounds(
        env, params, jax.random.key(1), jnp.asarray([0.5, 0.0]), 100, 2000
    )
    check_mean(rewards, 5 / 12)
    counts = np.bincount(np.asarray(last.participants).ravel(), minlength=6)
    assert counts.sum() == 2 * 100 * 2000
    np.testing.assert_allclose(counts / counts.sum(), 1 / 6, atol=0.003)


@pytest.mark.slow
def test_everyone_wins_equally_often():
    """The order in which participants are drawn favours nobody."""
    env, params = make(num_bidders=6, num_participants=2, num_rounds=100)
    _, (_, last, _) = batches_of_rounds(
        env, params, jax.random.key(2), jnp.asarray([0.0, 0.0]), 100, 500
    )
    winner = np.asarray(last.participants)[np.asarray(last.allocation)[..., 0] == 1]
    assert winner.size == 50_000
    np.testing.assert_allclose(np.bincount(winner, minlength=6) / winner.size, 1 / 6, atol=0.01)


OPTIONS = [
    {"num_bidders": 5, "num_slots": 3, "quality": [0.2, 0.5, 0.9, 0.4, 0.7]},
    {"num_bidders": 6, "num_participants": 4, "num_slots": 2, "distribution": CopulaValueQuality()},
    {"bidders": ["hedge", "truthful", "exp3", "logit"], "num_participants": 3, "bid_grid": 5},
    {"num_bidders": 4, "num_slots": 2, "payment_rule": "first_price", "bidders": "shading",
     "value_draws": "once", "distribution": LogNormal(0.35, 0.71)},
    {"num_bidders": 4, "num_slots": 2, "filtering": "lazy", "personal_reserves": True},
]  # fmt: skip


@pytest.mark.parametrize("options", [OPTIONS[1], OPTIONS[2], *slowly(OPTIONS[0], *OPTIONS[3:])])
def test_accounts_of_a_round_add_up(options):
    env, params = make(num_rounds=60, objective="welfare", **options)
    reserves = env.action_space(params).shape[0] - 1
    action = jnp.asarray([*[0.3, 0.1, 0.5, 0.2][:reserves], 0.5])
    state, (rewards, last, info) = rounds(env, params, jax.random.key(3), action, 60)
    last = jax.tree.map(lambda leaf: np.asarray(leaf, np.float64), last)
    rates = np.asarray(params.click_rates)
    np.testing.assert_allclose(
        last.clicks, last.quality * (last.allocation * rates).sum(-1), rtol=1e-5, atol=1e-7
    )
    # A slot is given at most once, a bidder has at most one.
    assert last.allocation.sum(axis=1).max() <= 1 and last.allocation.sum(axis=2).max() <= 1
    welfare = (last.values * last.clicks).sum(axis=1)
    np.testing.assert_allclose(rewards, welfare, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(info["welfare"], np.cumsum(welfare), rtol=1e-4)
    np.testing.assert_allclose(info["objective"], info["welfare"])
    np.testing.assert_allclose(info["revenue"], np.cumsum(last.payments.sum(axis=1)), rtol=1e-4)
    np.testing.assert_allclose(state.totals[2], info["revenue"][-1])
    # Winners pay at least the reserve and at most their bid, per click; nobody else pays.
    reserve = last.reserve[:, None]
    if env.personal_reserves:
        reserve = np.take_along_axis(last.reserve, last.participants.astype(int), axis=1)
    assert np.all(last.payments <= last.clicks * last.bids + 1e-6)
    assert np.all(last.payments >= last.clicks * reserve - 1e-6)


@pytest.mark.parametrize("reserve", [0.0, 0.4])
def test_truthful_bidders_never_lose_at_the_second_price(reserve):
    env, params = make(num_bidders=5, num_participants=3, num_slots=2, num_rounds=500)
    _, (_, last, _) = rounds(env, params, jax.random.key(4), jnp.asarray([reserve, 1.0]), 500)
    assert np.all(last.values * last.clicks - last.payments >= -1e-6)
    assert np.all((last.clicks == 0) | (last.values >= reserve))


def test_values_are_drawn_once_or_every_round():
    for value_draws, distinct in (("once", 3), ("each_round", 3 * 40)):
        env, params = make(num_bidders=3, value_draws=value_draws, num_rounds=40)
        _, (_, last, _) = rounds(env, params, jax.random.key(5), jnp.zeros(2), 40)
        assert len(np.unique(last.values)) == distinct


def test_copula_draws_quality_with_the_value():
    env, params = make(num_bidders=4, distribution=CopulaValueQuality(0.9), num_rounds=500)
    _, (_, last, _) = rounds(env, params, jax.random.key(6), jnp.zeros(2), 500)
    ranks = [np.argsort(np.argsort(np.ravel(x))) for x in (last.values, last.quality)]
    assert np.corrcoef(ranks)[0, 1] == pytest.approx(0.9, abs=0.03)


def test_squashing_decides_between_bid_and_quality():
    """Bids 1 and .6 at qualities .3 and .9: by revenue the second wins, by bid the first."""
    env, params = make(
        bidders="shading", shading=[1.0, 0.6], num_bidders=2, quality=[0.3, 0.9],
        value_draws="once", distribution=Uniform(0.999, 1.0),
    )  # fmt: skip
    for squash, winner, per_click in ((0.0, 0, 0.6), (1.0, 1, 0.3 / 0.9)):
        _, (_, last, _) = rounds(env, params, jax.random.key(7), jnp.asarray([0.0, squash]), 1)
        assert last.allocation[0, winner, 0] == 1
        paid = last.payments[0, winner] / last.clicks[0, winner]
        np.testing.assert_allclose(paid, per_click, atol=2e-3)


def test_actions_out_of_bounds_count_as_the_bounds():
    env, params = make(num_bidders=2, squash_high=0.5)
    _, state = reset(env, jax.random.key(0), params)
    for action, reserve, squash in (
        ([-1.0, -1.0], 0, 0), ([7.0, 7.0], 1, 0.5), ([jnp.nan, jnp.nan], 1, 0.5)
    ):  # fmt: skip
        _, after, *_ = step_env(env, jax.random.key(1), state, jnp.asarray(action), params)
        assert after.last.reserve == reserve and after.last.squash == squash


def test_what_the_designer_observes():
    env, params = make(
        num_bidders=3, num_participants=2, num_rounds=4, statistic="bidders",
        distribution=Uniform(0.0, 2.0),
    )  # fmt: skip
    observation, state = reset(env, jax.random.key(0), params)
    np.testing.assert_array_equal(observation, np.zeros_like(observation))
    observation, state, reward, *_ = step_env(
        env, jax.random.key(1), state, jnp.asarray([0.2, 0.5]), params
    )
    bids = np.asarray(state.last.bids) / 2
    np.testing.assert_allclose(
        observation[:8],
        [bids.mean(), bids.min(), bids.max(), 1, reward / 2, 0.5, 0.25, 0.1],
        atol=1e-6,
    )
    took_part, seen, clicks, payments = np.asarray(observation[8:]).reshape(4, 3)
    who = np.asarray(state.last.participants)
    np.testing.assert_array_equal(np.flatnonzero(took_part), np.sort(who))
    np.testing.assert_allclose(seen[who], bids, atol=1e-6)
    np.testing.assert_allclose(clicks[who], state.last.clicks, atol=1e-6)
    np.testing.assert_allclose(payments[who], state.last.payments / 2, atol=1e-6)
    assert seen.sum() == pytest.approx(bids.sum()) and took_part.sum() == 2


def test_a_finished_episode_stays_as_it_is():
    env, params = make(bidders="hedge", num_bidders=2, num_rounds=2, bid_grid=4)
    observation, state = reset(env, jax.random.key(0), params)
    for index in range(4):
        before = (observation, state)
        observation, state, reward, terminated, _ = step_env(
            env, jax.random.key(index), state, jnp.asarray([0.0, 1.0]), params
        )
        assert terminated == (index >= 1)
        if index >= 2:
            chex.assert_trees_all_equal((observation, state), before)
            assert reward == 0


def test_same_key_same_episode():
    env, params = make(bidders=["hedge", "exp3", "logit"], num_participants=2, bid_grid=5)
    action = jnp.asarray([0.1, 1.0])
    first, again, other = (
        rounds(env, params, jax.random.key(seed), action, 20) for seed in (0, 0, 1)
    )
    chex.assert_trees_all_equal(first, again)
    assert np.any(first[1][0] != other[1][0])


def test_thousands_of_populations_differ_only_in_their_parameters():
    """One program for a sweep of kinds and learning rates, traced once."""
    env, params = make(bidders=["hedge", "truthful"], bid_grid=5, num_rounds=10)
    chex.clear_trace_counter()

    @jax.jit
    @chex.assert_max_traces(n=1)
    def revenues(kinds, rates, key):
        def one(kind, rate, key):
            learning = replace(params.population.learning, learning_rate=rate)
            population = replace(params.population, kind=kind, learning=learning)
            swept = replace(params, population=population)
            return rounds(env, swept, key, jnp.asarray([0.0, 1.0]), 10)[1][0].mean()

        return jax.vmap(one)(kinds, rates, jax.random.split(key, len(kinds)))

    rng = np.random.default_rng(0)
    for seed in range(2):
        kinds = jnp.asarray(rng.integers(0, 2, (1000, 2)), jnp.int32)
        rates = jnp.asarray(rng.uniform(0.1, 2, (1000, 2)), float)
        shown = np.asarray(revenues(kinds, rates, jax.random.key(seed)))
        truthful = np.asarray(kinds == 0).all(axis=1)
        check_mean(shown[truthful], 1 / 3, error_bars=4)


@pytest.mark.parametrize("kind", ["hedge", *slowly("regret_matching")])
def test_learners_come_to_bid_truthfully_at_the_second_price(kind):
    """Values drawn every round: the fraction 1 is dominant, and the revenue 1/3."""
    env, params = make(bidders=kind, num_bidders=2, learning_rate=1.0, bid_grid=11, num_rounds=2000)
    _, (rewards, _, _) = batches_of_rounds(
        env, params, jax.random.key(8), jnp.asarray([0.0, 1.0]), 2000, 64
    )
    assert np.mean(rewards[:, :3]) < 0.25
    assert np.mean(rewards[:, -500:]) == pytest.approx(1 / 3, abs=0.02)


@pytest.mark.slow
def test_learners_come_near_the_first_price_equilibrium():
    """Two bidders, U(0, 1): they should bid half their value, or one step of the grid less.

    On a grid of step h, .5 - h is an equilibrium too: where both bid it, .5 earns less.
    """
    env, params = make(
        bidders="hedge", num_bidders=2, learning_rate=2.0, bid_grid=21, num_rounds=2000,
        payment_rule="first_price",
    )  # fmt: skip
    _, (_, last, _) = batches_of_rounds(
        env, params, jax.random.key(9), jnp.asarray([0.0, 1.0]), 2000, 64
    )
    fractions = np.asarray(last.bids / last.values)
    # At the start any fraction from 0 to 1.
    assert np.std(fractions[:, :3]) > 0.25
    late = fractions[:, -500:]
    assert np.std(late) < 0.1
    assert 0.43 <= np.mean(late) <= 0.52


def test_ties_go_to_anyone_where_asked():
    """Equal bids: the first-drawn participant wins, or each as often."""
    for random_ties, share in ((False, 1.0), (True, 0.5)):
        env, params = make(
            num_bidders=2, distribution=Uniform(1.0, 1.0 + 1e-9), random_ties=random_ties,
            bid_high=2.0, num_rounds=2000,
        )  # fmt: skip
        _, (_, last, _) = rounds(env, params, jax.random.key(0), jnp.asarray([0.0, 1.0]), 2000)
        assert last.allocation[:, 0, 0].mean() == pytest.approx(share, abs=0.05)


@pytest.mark.slow
def test_ppo_learns_the_optimal_reserve():
    """Myerson's reserve for two truthful bidders of U(0, 1) is 1/2, worth 5/12 a round."""
    env, params = make(num_bidders=2, num_rounds=4)
    designer = PPO(
        env, params, num_environments=512, hidden=(16,), learning_rate=2e-2, gamma=0.0,
        anneal_updates=40.0,
    )  # fmt: skip
    state, metrics = jax.jit(lambda key: train(designer, key, updates=40))(jax.random.key(0))
    assert metrics["episode_length"][-1] == 4
    observation, _ = reset(env, jax.random.key(1), params)
    policy = designer.policy(state)
    action, _ = policy.act(observation, None, None)
    assert action[0] == pytest.approx(0.5, abs=0.1)
    estimate = evaluate(env, params, policy, jax.random.key(2), 20_000)
    assert estimate.mean / 4 == pytest.approx(5 / 12, abs=0.006)
    # No reserve earns 1/3.
    assert estimate.mean / 4 > 0.4


def test_default_bidders_are_of_each_kind_in_turn():
    env = RepeatedAuction(3, 1, 3, kinds=("hedge", "truthful"))
    population = env.default_params.population
    named = [population.kinds[place] for place in population.kind]
    assert named == ["hedge", "truthful", "hedge"]
    # Only who is truthful bids its value.
    _, (_, last, _) = rounds(env, env.default_params, jax.random.key(0), jnp.zeros(2), 50)
    bids_its_value = np.asarray(last.bids == last.values)
    truthful = np.asarray(last.participants) == 1
    assert bids_its_value[truthful].all() and not bids_its_value[~truthful].all()
    few = RepeatedAuction(1, 1, 1, kinds=("hedge", "truthful")).default_params.population
    assert few.kinds == ("hedge",)


@pytest.mark.parametrize("rates", [(1.0,), (0.5, 0.2)])
def test_utilities_of_drawn_qualities_fill_their_scale(rates):
    """Stakes, value times quality times click rate, are rarely above 1, and not all near 0."""
    _, params = make(
        num_bidders=6, num_slots=len(rates), click_rates=rates, distribution=CopulaValueQuality()
    )
    draw = jax.vmap(lambda key: params.distribution.sample(key, 6))
    drawn = draw(jax.random.split(jax.random.key(1), 20_000))
    stakes = np.asarray(drawn.values * drawn.quality) * rates[0] / float(params.utility_scale)
    assert 0.0002 < np.mean(stakes > 1) < 0.003
    assert stakes.max(axis=-1).mean() > 0.2


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"bidders": "truthfull"}, "kind: got 'truthfull'; did you mean 'truthful'"),
        ({"bidders": []}, "bidders: got none"),
        ({"bidders": 3}, "bidders: got 3; allowed are a kind, .*num_bidders"),
        ({"num_bidders": 0}, "num_bidders: got 0; allowed are"),
        ({"bidders": ["hedge", "exp3"], "num_bidders": 3}, "num_bidders: got 3 with 2 bidders"),
        ({"num_bidders": 3, "num_participants": 4}, "num_participants: got 4; .* from 1 to 3"),
        ({"num_bidders": 3, "num_participants": 2, "num_slots": 3}, "num_slots: got 3"),
        ({"num_slots": 1.5}, "num_slots: got 1.5"),
        ({"num_rounds": 0}, "num_rounds: got 0"),
        ({"payment_rule": "third_price"}, "payment_rule: got 'third_price'"),
        ({"filtering": "late"}, "filtering: got 'late'"),
        ({"value_draws": "never"}, "value_draws: got 'never'"),
        ({"statistic": "all"}, "statistic: got 'all'"),
        ({"objective": "revenu"}, "objective: got 'revenu'; did you mean 'revenue'"),
        ({"objective": 3}, "objective: got 3"),
        ({"distribution": "uniform"}, "distribution: got 'uniform'"),
        ({"quality": [1.0]}, r"quality: got shape \(1,\)"),
        ({"quality": [1.0, -0.5]}, "quality: got"),
        ({"click_rates": [float("nan")]}, "click_rates: got"),
        ({"num_slots": 2, "click_rates": [0.5, 0.9]}, "click_rates: got .* never rise"),
        ({"bid_high": 0.0}, "bid_high: got 0.0"),
        ({"utility_scale": float("inf")}, "utility_scale: got inf"),
        ({"squash_high": -1.0}, "squash_high: got -1.0"),
        ({"learning_rate": -1.0}, "learning_rate: got -1.0"),
        ({"bidders": "equilibrium"}, "kinds: got 'equilibrium' with payment_rule 'second_price'"),
        (
            {"bidders": "equilibrium", "num_bidders": 1},
            "num_bidders: got 1; allowed are .* at least 2",
        ),
        (
            {"bidders": "equilibrium", "num_bidders": 3, "num_participants": 1},
            "num_participants: got 1; allowed are .* at least 2",
        ),
        (
            {"bidders": "equilibrium", "payment_rule": "first_price", "personal_reserves": True},
            "kinds: got 'equilibrium' with personal_reserves True",
        ),
        (
            {"bidders": "equilibrium", "payment_rule": "first_price", "value_draws": "once"},
            "kinds: got 'equilibrium' with value_draws 'once'",
        ),
        (
            {"bidders": "equilibrium", "distribution": TruncatedEqualRevenue(1.0, 20.0)},
            "distribution: got the value 20 with positive probability",
        ),
        (
            {"bidders": "equilibrium", "distribution": Empirical(jnp.asarray([0.2, 0.7]))},
            "distribution: got the value 0.2 with positive probability",
        ),
        ({"bidders": "equilibrium", "num_slots": 2}, "kinds: got 'equilibrium' with 2 slots"),
        ({"bidders": "equilibrium", "quality": [0.5, 1.0]}, "unequal qualities"),
        ({"reserve": 0.5}, "got 'reserve'; did you mean"),
    ],
)
def test_refuses_what_makes_no_sense(options, message):
    with pytest.raises(InvalidValueError, match=message):
        make(**options)


def test_as_many_slots_as_click_rates():
    env, params = make(num_bidders=3, click_rates=[1.0, 0.5])
    assert env.num_slots == 2
    np.testing.assert_allclose(params.click_rates, [1.0, 0.5])


def test_equilibrium_of_one_participant_is_refused():
    with pytest.raises(InvalidValueError, match="^num_participants: got 1 with 'equilibrium'"):
        RepeatedAuction(3, 1, 1, kinds=("equilibrium",), payment_rule="first_price")
