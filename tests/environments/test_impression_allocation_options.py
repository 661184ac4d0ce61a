"""Impression allocation as users ask for it: what they may give, and what is refused."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxmech
from jaxmech import struct
from jaxmech.agents import Beta, Empirical, Logistic, LogNormal
from jaxmech.environments.impression_allocation import ImpressionAllocation, params_of
from jaxmech.spaces import Simplex


def make(sellers="resampling", **options):
    options = {"sellers": sellers, "action_form": "shares", **options}
    return jaxmech.make("impression_allocation", **options)


def test_shares_that_are_none_are_refused_or_seen_in_the_reward():
    env, params = make(num_sellers=3)
    _, state = env.reset(jax.random.key(0), params)
    for shares, message in (
        ([0.5, 0.4, 0.2], "action: got shares that sum to 1.1"),
        ([1.2, -0.2, 0.0], "action: got .*allowed are finite numbers from 0"),
        ([0.5, float("nan"), 0.5], "action: got"),
        ([0.5, 0.5], r"action: got shape \(2,\)"),
    ):
        with pytest.raises(ValueError, match=message):
            env.step(jax.random.key(1), state, jnp.asarray(shares), params)
    traced = jax.jit(lambda shares: env.step_env(jax.random.key(1), state, shares, params)[2])
    assert np.isnan(traced(jnp.asarray([0.5, 0.4, 0.2])))
    assert np.isfinite(traced(jnp.asarray([0.5, 0.3, 0.2])))
    scores, params = make(num_sellers=3, action_form="scores")
    with pytest.raises(ValueError, match="action: got"):
        scores.step_env(jax.random.key(1), state, jnp.asarray([0.0, jnp.nan, 1.0]), params)


class Indifferent:
    """Buys at any price; not a PyTree."""

    def survival(self, value):
        return jnp.ones_like(value)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"num_sellers": 0}, "num_sellers: got 0"),
        ({"sellers": ["exp3"], "num_sellers": 2}, "num_sellers: got 2 with 1 sellers"),
        ({"sellers": ["exp3"], "num_sellers": np.array([1, 2])}, r"num_sellers: got \[1 2\]"),
        ({"num_sellers": np.array([1, 2])}, r"num_sellers: got \[1 2\]"),
        ({"sellers": 3}, "sellers: got 3"),
        ({"sellers": []}, "sellers: got none"),
        ({"num_records": 0}, "num_records: got 0"),
        ({"num_rounds": 0}, "num_rounds: got 0"),
        ({"rounds_per_cost": 0}, "rounds_per_cost: got 0"),
        ({"num_buyers": 0}, "num_buyers: got 0"),
        ({"action_form": "simplex"}, "action_form: got 'simplex'"),
        ({"prices_shown": 1}, "prices_shown: got 1"),
        ({"cost_low": -0.1}, "cost_low: got -0.1"),
        ({"cost_high": -0.1}, "cost_high: got -0.1"),
        ({"cost_low": 0.3, "cost_high": 0.2}, "cost_high: got 0.2"),
        ({"cost_high": float("nan")}, "cost_high: got nan"),
        ({"cost_high": [0.1, 0.2]}, r"cost_high: got shape \(2,\)"),
        ({"reputation": -0.1}, "reputation: got -0.1"),
        ({"half_sales": 0.0}, "half_sales: got 0.0"),
        ({"appeal_spread": 1.0}, "appeal_spread: got 1.0"),
        ({"entry_rate": 1.5}, "entry_rate: got 1.5"),
        ({"exit_rate": -0.5}, "exit_rate: got -0.5"),
        ({"willingness": 0.5}, "willingness: got 0.5"),
        ({"willingness": Logistic(np.full(4, 0.5), 0.1)}, "willingness: got .*each of 50 sellers"),
        ({"reputation": np.array(-0.1)}, "reputation: got -0.1"),
        ({"reputation": jnp.array(jnp.nan)}, "reputation: got nan"),
        ({"half_sales": jnp.array(0.0)}, "half_sales: got 0.0"),
        ({"appeal_spread": np.array(1.0)}, "appeal_spread: got 1.0"),
        ({"cost_low": jnp.full(50, -0.1)}, "cost_low: got .*finite numbers from 0"),
        (
            {"willingness": Logistic(np.full(50, np.nan))},
            "is nan at price 0 and nan at the highest",
        ),
        (
            {"willingness": Logistic(0.5, jnp.array(-0.1))},
            "needed are .* do not rise with the price",
        ),
        ({"willingness": Indifferent()}, "willingness: got .*allowed are a PyTree"),
        ({"reputations": 0.5}, "did you mean 'reputation'"),
    ],
)
def test_bad_options_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        make(**options)


@pytest.mark.parametrize(
    ("kinds", "message"),
    [
        ((), "kinds: got none"),
        ("ucb1", "kinds: got 'ucb1'; allowed are lists"),
        (("ucb2",), "kinds: got 'ucb2'; did you mean 'ucb1'"),
        (["ucb1"], r"kinds: got \['ucb1'\]; allowed are hashable"),
    ],
)
def test_kinds_of_sellers_that_there_are_not(kinds, message):
    with pytest.raises(ValueError, match=message):
        ImpressionAllocation(3, kinds=kinds)


def test_parameters_of_other_sellers_are_refused():
    env, _ = make(num_sellers=3)
    for number in (1, 5):
        _, params = make(num_sellers=number)
        match = rf"params.population.kind: got shape \({number},\); allowed are .* \(3,\)"
        with pytest.raises(ValueError, match=match):
            env.reset(jax.random.key(0), params)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"num_rounds": 7}, "params.max_steps_in_episode: got 7; needed are num_rounds .* 100"),
        ({"sellers": ["exp3"] * 3}, r"params.population.kinds: got \('exp3',\); .* resampling"),
        ({"exit_rate": 0.9}, "params.exit_rate: got 0.9; needed is 0, or an env.* with turnover"),
        ({"entry_rate": 0.1}, "params.entry_rate: got 0.1; needed is 0"),
    ],
)
def test_parameters_of_another_environment_are_refused(options, message):
    env, _ = make(num_sellers=3)
    own, params = make(**{"num_sellers": 3, **options})
    for reset in (env.reset, jax.jit(lambda key, _: env.reset(key, params))):
        with pytest.raises(ValueError, match=message):
            reset(jax.random.key(0), params)
    observation, _ = own.reset(jax.random.key(0), params)
    assert observation.shape == own.observation_space(params).shape


def test_fewer_kinds_and_no_turnover_are_parameters_of_the_same_environment():
    env, _ = make(sellers=["resampling", "ucb1", "ucb1"], exit_rate=0.5)
    _, params = make(sellers=["ucb1"] * 3)
    _, state = env.reset(jax.random.key(0), params)
    _, state, *_ = env.step(jax.random.key(1), state, jnp.full(3, 1 / 3), params)
    assert state.present.all()


@pytest.mark.parametrize("form", ["shares", "scores"])
def test_actions_and_numbers_of_sellers_may_be_any_arrays_or_lists(form):
    numbers = [0.2, 0.3, 0.5]
    rewards = []
    for array in (list, np.array, jnp.array):
        given = array(numbers)
        env, params = make(
            num_sellers=3,
            action_form=form,
            cost_low=given,
            cost_high=given,
            noise=given,
            exploration=given,
            willingness=Logistic(given, 0.1),
        )
        _, state = env.reset(jax.random.key(0), params)
        rewards.append(env.step(jax.random.key(1), state, given, params)[2])
    assert rewards[0] == rewards[1] == rewards[2] > 0


@pytest.mark.parametrize(
    "options_of",
    [
        lambda number: {"willingness": Logistic(number, number / 4)},
        lambda number: {"reputation": number, "half_sales": number, "appeal_spread": number},
        lambda number: {"cost_low": number / 2, "cost_high": [number, number, 1.0]},
        lambda number: {"entry_rate": number, "exit_rate": number},
        lambda number: {"exploration": number, "noise": number, "discount": number},
    ],
)
def test_numbers_can_be_swept_as_they_are_made(options_of):
    def params_of_number(number):
        return make(["ucb1", "resampling", "exp3"], **options_of(number))[1]

    swept = jax.vmap(params_of_number)(jnp.array([0.4, 0.6]))
    for place, number in enumerate((0.4, 0.6)):
        alone = params_of_number(number)
        for one, other in zip(jax.tree.leaves(swept), jax.tree.leaves(alone), strict=True):
            np.testing.assert_allclose(one[place], other, rtol=1e-6)


def test_sellers_may_leave_at_a_rate_that_is_traced():
    @jax.jit
    def absent(rate):
        env, params = make(num_sellers=3, exit_rate=rate)
        _, state = env.reset(jax.random.key(0), params)
        _, state, *_ = env.step(jax.random.key(1), state, jnp.full(3, 1 / 3), params)
        return jnp.sum(~state.present)

    assert absent(1.0) == 3 and absent(0.0) == 0


def test_demand_is_checked_in_one_program():
    traced = []

    @struct.dataclass
    class Indifferent:
        share: jax.Array

        def survival(self, value):
            traced.append(value)
            return self.share + 0 * value

    for share, price_high in ((0.5, 1.0), (0.25, 3)):
        make(num_sellers=3, willingness=Indifferent(share), price_high=price_high)
    assert len(traced) == 1


def test_demand_can_be_the_users_own():
    owns = Logistic(0.4, 0.1), Empirical(np.linspace(0.1, 0.9, 20)), Beta(2.0, 3.0), LogNormal()
    for willingness in owns:
        env, params = make(num_sellers=3, willingness=willingness, reputation=0.0)
        _, state = env.reset(jax.random.key(0), params)
        _, after, *_ = env.step_env(jax.random.key(1), state, jnp.full(3, 1 / 3), params)
        expected = willingness.survival(state.prices) / 3
        np.testing.assert_allclose(after.records.transactions[-1], expected, rtol=1e-5)


def test_parameters_by_themselves():
    env, params = make(num_sellers=4)
    again = params_of(params.population, num_records=5, num_rounds=100)
    assert jax.tree.structure(again) == jax.tree.structure(params)
    assert isinstance(env.action_space(params), Simplex)
