"""Networks over sellers treat all alike, whatever their order and number."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jaxmech.agents import SellerObservation, seller_observation
from jaxmech.networks.sellers.actor_critic import SellerActorCritic
from jaxmech.networks.sellers.allocation import PooledCritic, SellerActor, SellerCritic
from jaxmech.networks.sellers.by_position import PositionalActor, PositionalCritic
from jaxmech.networks.sellers.features import DISCOUNT, discounted_revenue

ROUNDS, SELLERS = 3, 9
VARIANTS = {
    "whole": {},
    "dense": {"encoder": "dense"},
    "no_background": {"background": False},
}


def observation_of(seed, sellers=SELLERS):
    random = np.random.default_rng(seed)
    impressions = random.dirichlet(np.ones(sellers) * 0.3, ROUNDS)
    # Few distinct numbers, so that sellers are often equal in what they are sorted by.
    prices = random.integers(0, 4, (ROUNDS, sellers)) / 4
    impressions[:, : sellers // 3] = 0
    sold = impressions * (1 - prices)
    records = np.stack([impressions, prices, sold, prices * sold], axis=-1)
    present = random.uniform(0, 1, sellers) < 0.8
    present[0] = True
    seen = SellerObservation(
        jnp.asarray(records, float),
        jnp.asarray(present),
        jnp.asarray(random.integers(0, 4, sellers) / 4, float),
    )
    return seen.rows()


def shares_of(seed, sellers=SELLERS):
    return jnp.asarray(np.random.default_rng(seed).dirichlet(np.ones(sellers)), float)


def larger(parameters):
    """With last layers that are not near 0, so that what differs shows."""
    leaves, tree = jax.tree.flatten(parameters)
    random = np.random.default_rng(0)
    return jax.tree.unflatten(
        tree, [leaf + jnp.asarray(random.normal(0, 0.2, leaf.shape), float) for leaf in leaves]
    )


@pytest.fixture(scope="module", params=[*VARIANTS, "pooled"])
def networks(request):
    """Compiled actor and critic with parameters."""
    options = VARIANTS.get(request.param, {})
    actor = SellerActor(**options)
    critic = PooledCritic() if request.param == "pooled" else SellerCritic(**options)
    inputs = observation_of(0), shares_of(0)

    @jax.jit
    def start(key):
        return actor.init(key, inputs[0]), critic.init(key, *inputs)

    of_actor, of_critic = map(larger, start(jax.random.key(0)))
    return (
        jax.jit(lambda observation: actor.apply(of_actor, observation)),
        jax.jit(lambda observation, shares: critic.apply(of_critic, observation, shares)),
    )


@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 2**31))
def test_permuted_sellers_have_permuted_scores_and_the_same_value(networks, seed):
    act, value = networks
    observation, shares = observation_of(seed), shares_of(seed)
    order = np.random.default_rng(seed).permutation(SELLERS)
    np.testing.assert_allclose(act(observation[order]), act(observation)[order], atol=1e-5)
    np.testing.assert_allclose(
        value(observation[order], shares[order]), value(observation, shares), rtol=1e-5, atol=1e-5
    )
    # What is told apart, or the test above could not fail.
    assert np.ptp(np.asarray(act(observation))[np.asarray(observation[:, -2]) > 0]) > 1e-3


def test_absent_sellers_get_nothing(networks):
    act, value = networks
    observation = observation_of(3)
    present = seller_observation(observation).present
    assert not present.all()
    shares = jax.nn.softmax(act(observation))
    assert (shares[~present] == 0).all() and (shares[present] > 0).all()
    assert np.isfinite(value(observation, shares))


def cross_differences(value, observation, shares):
    """How far a change of one seller's share matters to what another's is worth."""
    moved = [shares.at[place].add(0.2) for place in (4, 7)]
    both = moved[0].at[7].add(0.2)
    return (
        value(observation, both)
        + value(observation, shares)
        - sum(value(observation, one) for one in moved)
    )


@pytest.mark.parametrize(
    ("critic", "adds_up"),
    [(SellerCritic(), True), (PooledCritic(), False), (PositionalCritic((16,)), False)],
)
def test_the_critic_adds_up(critic, adds_up):
    observation, shares = observation_of(1), shares_of(1)
    parameters = larger(jax.jit(critic.init)(jax.random.key(0), observation, shares))
    value = jax.jit(lambda observation, shares: critic.apply(parameters, observation, shares))
    crossed = abs(float(cross_differences(value, observation, shares)))
    assert (crossed < 1e-5) == adds_up
    if adds_up:
        of_each = jax.jit(partial(critic.apply, method="of_each"))
        worth = of_each(parameters, observation, shares)
        np.testing.assert_allclose(worth.sum(), value(observation, shares), rtol=1e-5)


def test_parameters_serve_any_number_of_sellers():
    actor, critic = SellerActor(), SellerCritic()
    shapes = [
        jax.eval_shape(
            lambda sellers=sellers: (
                actor.init(jax.random.key(0), observation_of(0, sellers)),
                critic.init(jax.random.key(0), observation_of(0, sellers), shares_of(0, sellers)),
            )
        )
        for sellers in (SELLERS, 40)
    ]
    assert shapes[0] == shapes[1]


def test_repeated_sellers_score_alike_among_more():
    """A population twice over, each with half of what it had, looks the same to everybody."""
    # The background is read at ranks, which lie a little elsewhere among twice as many.
    actor = SellerActor(background=False)
    observation = observation_of(5, 64)
    parameters = larger(jax.jit(actor.init)(jax.random.key(0), observation))
    seen = seller_observation(observation)
    shared = jnp.asarray([0.5, 1.0, 0.5, 0.5])[None, None]
    twice = SellerObservation(
        jnp.concatenate([seen.records * shared] * 2, axis=-2),
        jnp.concatenate([seen.present] * 2),
        jnp.concatenate([seen.prices] * 2),
    )
    act = jax.jit(lambda rows: actor.apply(parameters, rows))
    scores, more = act(observation), act(twice.rows())
    np.testing.assert_allclose(more, jnp.concatenate([scores, scores]), atol=1e-5)


def test_revenue_is_discounted_by_age():
    seen = seller_observation(observation_of(7))
    revenue = np.asarray(seen.records)[..., 3]
    expected = sum(DISCOUNT**age * revenue[-1 - age] for age in range(ROUNDS))
    np.testing.assert_allclose(discounted_revenue(seen), expected, rtol=1e-5)


def test_dense_layers_tell_sellers_apart_by_position():
    actor = PositionalActor((16,))
    observation = observation_of(4)
    parameters = larger(jax.jit(actor.init)(jax.random.key(0), observation))
    act = jax.jit(lambda rows: actor.apply(parameters, rows))
    order = np.roll(np.arange(SELLERS), 1)
    scores, permuted = act(observation), act(observation[order])
    present = np.asarray(observation[:, -2]) > 0
    assert (np.asarray(scores)[~present] < -1e8).all()
    assert np.abs(np.asarray(permuted - scores[order]))[present[order]].max() > 1e-2


def test_a_network_over_sellers_serves_ppo():
    """Permuted sellers have permuted scores and the same value, whether alone or in a batch."""
    network = SellerActorCritic(num_records=2)
    rows = jnp.asarray(np.random.default_rng(0).uniform(0.1, 1, (3, 5, 10)), float)
    parameters = jax.jit(network.init)(jax.random.key(0), rows.reshape(3, -1))
    parameters = jax.tree.map(lambda leaf: leaf + 0.05, parameters)
    apply = jax.jit(network.apply)
    order = jnp.array([3, 0, 4, 1, 2])
    (means, log_scale), values = apply(parameters, rows.reshape(3, -1))
    (permuted, _), same = apply(parameters, rows[:, order].reshape(3, -1))
    assert means.shape == (3, 5) and values.shape == (3,) and log_scale.shape == (1,)
    np.testing.assert_allclose(permuted, means[:, order], rtol=1e-4)
    np.testing.assert_allclose(same, values, rtol=1e-4)
    assert np.ptp(np.asarray(means), axis=1).min() > 1e-4
    (of_one, _), value = apply(parameters, rows[0].reshape(-1))
    np.testing.assert_allclose(of_one, means[0], rtol=1e-5)
    np.testing.assert_allclose(value, values[0], rtol=1e-5)


def test_other_records_than_the_networks_are_refused():
    network = SellerActorCritic(num_records=2)
    with pytest.raises(
        ValueError, match=r"observation: got shape \(126,\); .*sellers x 10\], of 2"
    ):
        jax.eval_shape(network.init, jax.random.key(0), observation_of(0).ravel())


def test_an_encoder_that_there_is_not_is_refused():
    for network in (SellerActor(encoder="GRU"), SellerActorCritic(ROUNDS, encoder="lstm")):
        rows = observation_of(0) if isinstance(network, SellerActor) else observation_of(0).ravel()
        with pytest.raises(ValueError, match="encoder: got .* allowed are 'gru', 'dense'"):
            jax.eval_shape(network.init, jax.random.key(0), rows)
