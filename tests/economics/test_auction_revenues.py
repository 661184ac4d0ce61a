"""Every closed form against simulated auctions, within three standard errors.

By default 131,072 auctions, slowly a million.
"""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.optimize import linprog
from tiers import as_users_compile, slowly

from jaxmech import mechanisms
from jaxmech.agents import (
    AffiliatedSignals,
    CopulaValueQuality,
    Exponential,
    LogNormal,
    MineralRights,
    Power,
    TruncatedEqualRevenue,
    Uniform,
    ironed_virtual_value,
)
from jaxmech.data import empirical
from jaxmech.oracles import (
    AffiliatedSignalsAuction,
    MineralRightsAuction,
    SymmetricAuction,
    lowest_envy_free,
    myerson_reserve,
    optimal_revenue,
)

CHUNK = 65_536
SINGLE = {
    "first_price": mechanisms.first_price,
    "second_price": mechanisms.second_price,
    "all_pay": mechanisms.all_pay,
}
SEVERAL = {
    "discriminatory_price": mechanisms.discriminatory_price,
    "uniform_price": mechanisms.uniform_price,
}


@pytest.fixture(params=[2, pytest.param(16, marks=pytest.mark.slow)])
def chunks(request):
    """How many times 65,536 auctions are drawn."""
    return request.param


def mean_and_error(auction, chunks, *, seed=0):
    """Mean and standard error of ``auction(key)``, a number, over ``chunks`` times 65,536 keys."""

    def moments(key):
        drawn = jax.vmap(auction)(jax.random.split(key, CHUNK))
        centre = jnp.mean(drawn)
        return centre, jnp.var(drawn)

    keys = jax.random.split(jax.random.key(seed), chunks)
    options = as_users_compile() if chunks > 2 else {}
    in_turn = jax.jit(lambda keys: jax.lax.map(moments, keys), compiler_options=options)
    centres, variances = in_turn(keys)
    centres, variances = np.asarray(centres, np.float64), np.asarray(variances, np.float64)
    variance = variances.mean() + centres.var()
    return centres.mean(), np.sqrt(variance / (chunks * CHUNK))


def table_of(bids, low, high):
    """The oracle's bid function, linear between 4,097 values on an even grid."""
    table = jnp.asarray(bids(np.linspace(low, high, 4097)), float)

    def at(value):
        place = jnp.clip((value - low) / (high - low) * 4096, 0, 4096)
        below = jnp.minimum(place.astype(int), 4095)
        share = place - below
        return table[below] * (1 - share) + table[below + 1] * share

    return at


CASES = [
    *[(rule, Uniform(), 5, {}) for rule in SINGLE],
    ("first_price", Uniform(), 3, {"reserve": 0.5}),
    ("all_pay", Uniform(), 2, {"reserve": 0.25}),
    ("second_price", Uniform(), 3, {"reserve": 0.3, "entry_fee": 0.05}),
    ("second_price", LogNormal(0.35, 0.71), 3, {"reserve": 1.2834}),
    ("uniform_price", Exponential(1.0), 6, {"units": 3, "reserve": 0.4}),
    ("discriminatory_price", Uniform(0.5, 2.0), 6, {"units": 3}),
    *slowly(
        *[(rule, Uniform(), 2, {}) for rule in SINGLE],
        ("second_price", Uniform(), 2, {"reserve": 0.5}),
        ("second_price", Uniform(), 5, {"reserve": 0.5}),
        *[(rule, Uniform(), 2, {"entry_fee": 0.1}) for rule in SINGLE],
        ("uniform_price", Exponential(1.0), 4, {"units": 2, "entry_fee": 0.1}),
        ("first_price", Power(2.0, 3.0), 4, {}),
        ("all_pay", Power(2.0, 3.0), 4, {}),
        ("second_price", Exponential(2.0), 10, {}),
        ("second_price", TruncatedEqualRevenue(1.0, 10.0), 3, {}),
    ),
]


@pytest.mark.parametrize(
    ("rule", "distribution", "bidders", "terms"),
    CASES,
    ids=lambda part: part if isinstance(part, str) else type(part).__name__,
)
def test_private_value_auctions(rule, distribution, bidders, terms, chunks):
    exact = SymmetricAuction(rule, distribution, bidders, **terms)
    terms = dict(terms)
    units = (terms.pop("units"),) if "units" in terms else ()
    mechanism = (SEVERAL if units else SINGLE)[rule]
    # Between the entry value and the next point of the grid the table would mix two kinds.
    entry = exact.entry_value
    bid = None
    if rule not in ("second_price", "uniform_price"):
        bid = table_of(exact.bids, entry, float(distribution.support[1]))

    def revenue(key):
        values = distribution.sample(key, (bidders,))
        bids = values if bid is None else bid(values)
        return jnp.sum(mechanism(bids, *units, takes_part=values >= entry, **terms).payments)

    mean, error = mean_and_error(revenue, chunks)
    assert abs(mean - exact.expected_revenue) < 3 * error + 1e-5


@pytest.mark.parametrize("rule", ["first_price", "second_price"])
@pytest.mark.parametrize("bidders", [2, 5])
def test_mineral_rights(rule, bidders, chunks):
    exact = MineralRightsAuction(rule, bidders)
    bid = table_of(exact.bids, 0.0, 2.0)

    def revenue(key):
        return jnp.sum(SINGLE[rule](bid(MineralRights().sample(key, bidders).signals)).payments)

    mean, error = mean_and_error(revenue, chunks)
    assert abs(mean - exact.expected_revenue) < 3 * error + 1e-5


@pytest.mark.parametrize("rule", ["first_price", "second_price"])
def test_affiliated_signals(rule, chunks):
    exact = AffiliatedSignalsAuction(rule)
    shading = float(exact.bids(1.0))

    def revenue(key):
        bids = shading * AffiliatedSignals().sample(key, 2).signals
        return jnp.sum(SINGLE[rule](bids).payments)

    mean, error = mean_and_error(revenue, chunks)
    assert abs(mean - exact.expected_revenue) < 3 * error + 1e-5


@pytest.mark.parametrize(
    "distribution",
    [empirical([1.0, 1.2, 4.0, 4.5]), *slowly(Uniform(), LogNormal(0.35, 0.71))],
    ids=["irregular", "regular", "log-normal"],
)
def test_the_optimal_auction(distribution, chunks):
    """Its payments, and the virtual values it serves, are worth what the oracle says."""
    ironed = ironed_virtual_value(distribution)

    def revenue(key):
        return jnp.sum(mechanisms.myerson(distribution.sample(key, (3,)), ironed).payments)

    def virtual_surplus(key):
        return jnp.maximum(jnp.max(ironed(distribution.sample(key, (3,)))), 0)

    exact = optimal_revenue(distribution, 3)
    for worth in (revenue, virtual_surplus):
        mean, error = mean_and_error(worth, chunks)
        assert abs(mean - exact) < 3 * error + 1e-5


def test_reserve_earns_the_most_by_simulation(chunks):
    distribution = LogNormal(0.35, 0.71)
    reserve = myerson_reserve(distribution)

    def gain(key, other):
        values = distribution.sample(key, (2,))
        best, less = (
            jnp.sum(mechanisms.second_price(values, reserve=price).payments)
            for price in (reserve, other)
        )
        return best - less

    for other in (0.6 * reserve, 1.4 * reserve):
        mean, error = mean_and_error(lambda key, other=other: gain(key, other), chunks)
        assert mean > 3 * error


SLOTS = 1.428 ** -jnp.arange(12.0)


def least_envy_free_revenue(values, quality, click_rates, squash):
    """By the definition: the least revenue of prices that make nobody want another slot."""
    weights = quality**squash
    ranked = np.argsort(-weights * values)
    rates = np.append(click_rates, np.zeros(len(values) - len(click_rates)))
    # Unknown are the money per impression of slot k and weight 1, rates[k] times the score to
    # beat; without a slot it is 0.
    own = np.repeat(np.eye(len(values)), len(values), axis=0)
    other = np.tile(np.eye(len(values)), (len(values), 1))
    kept = ((weights * values)[ranked][:, None] * (rates[:, None] - rates)).ravel()
    free = [(0, None)] * len(click_rates) + [(0, 0)] * (len(values) - len(click_rates))
    found = linprog((quality / weights)[ranked], A_ub=own - other, b_ub=kept, bounds=free)
    assert found.success
    return found.fun


def test_ranking_by_bid_against_ranking_by_revenue():
    """Lahaie and Pennock's (2007) comparison: 13 bidders, 12 slots, lowest equilibrium.

    By bid earns more than by revenue, and the more so the higher the rank correlation.
    """

    def auction(key, spearman):
        drawn = CopulaValueQuality(spearman).sample(key, 13)
        return drawn, [
            jnp.sum(lowest_envy_free(drawn.values, drawn.quality, SLOTS, squash=squash).payments)
            for squash in (0.0, 1.0)
        ]

    keys = jax.random.split(jax.random.key(0), 50_000)
    auctions = jax.jit(jax.vmap(auction, in_axes=(0, None)))
    gains, errors = [], []
    for spearman in (0.0, 0.4):
        drawn, revenues = jax.tree.map(
            lambda leaf: np.asarray(leaf, np.float64), auctions(keys, spearman)
        )
        for squash, revenue in zip((0.0, 1.0), revenues, strict=True):
            expected = [
                least_envy_free_revenue(values, quality, np.asarray(SLOTS, float), squash)
                for values, quality in zip(drawn.values[:60], drawn.quality[:60], strict=True)
            ]
            np.testing.assert_allclose(revenue[:60], expected, rtol=1e-5)
        by_bid, by_revenue = revenues
        ratio = by_bid.mean() / by_revenue.mean()
        gains.append(ratio - 1)
        errors.append(np.std(by_bid - ratio * by_revenue) / by_revenue.mean() / np.sqrt(50_000))
    assert gains[0] > 3 * errors[0]
    assert gains[1] - gains[0] > 3 * np.hypot(*errors)


def test_equilibrium_payments_are_those_of_vickrey_clarke_groves():
    distribution = CopulaValueQuality()

    def difference(key):
        drawn = distribution.sample(key, 6)
        equilibrium = lowest_envy_free(drawn.values, drawn.quality, SLOTS[:4])
        clarke = mechanisms.position_vcg(drawn.values, drawn.quality, SLOTS[:4])
        return jnp.max(jnp.abs(equilibrium.payments - clarke.payments))

    worst = jax.jit(jax.vmap(difference))(jax.random.split(jax.random.key(1), 10_000))
    assert jnp.max(worst) < 1e-5
