"""The multi-lane game: equilibria and welfare on the grid, against theory and plain NumPy."""

from __future__ import annotations

import itertools
import re

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import linen as nn
from scipy.optimize import brentq, minimize

from jaxmech.agents.responses.game import equilibrium
from jaxmech.agents.responses.transfers import (
    NetworkTransfer,
    PiecewiseLinear,
    Polynomial,
    Table,
    WithSubsidy,
)
from jaxmech.checks import InvalidValueError
from jaxmech.environments.multilane import Multilane, params_of
from jaxmech.oracles.multilane import UniformLanes

GAME = Multilane()
"""Five logit agents and a quadratic transfer, on the grid of the tabled values."""

SMALL = Multilane(num_agents=3, num_positions=7, num_actions=9)


@pytest.fixture(autouse=True)
def _double():
    with jax.enable_x64(True):
        yield


def welfare(game, mechanism, params):
    return game.objective(game.equilibrium(mechanism, params).point, mechanism, params)


@pytest.fixture(scope="module")
def slopes_of_game():
    """Welfare of ``GAME`` in equilibrium, and its slopes by the mechanism."""
    with jax.enable_x64(True):
        yield jax.jit(jax.value_and_grad(lambda w, params: welfare(GAME, w, params)))


def plain_equilibrium(num_agents, mechanism, temperature):
    """Mean terminal position and welfare, written anew; costs 10 and .1, length 1."""
    starts, moves = (np.arange(101) + 0.5) / 202, np.linspace(0, 0.5, 201)
    prior = np.r_[0.5, np.ones(199), 0.5]
    ends = starts[:, None] + moves

    def policies(mean):
        paid = sum(w * ends ** (j + 1) for j, w in enumerate(mechanism))
        value = paid - 10 * (num_agents - 1) * (ends - mean) ** 2 - 0.1 * moves
        weight = prior * np.exp((value - value.max(1, keepdims=True)) / temperature)
        return weight / weight.sum(1, keepdims=True)

    def mean_of(p):
        return (p * ends).sum(1).mean()

    mean = brentq(lambda mean: mean_of(policies(mean)) - mean, 0, 1, xtol=1e-15)
    p = policies(mean)
    variance = (p * ends**2).sum(1).mean() - mean**2
    moved = (p * moves).sum(1).mean()
    return mean, -20 * num_agents * (num_agents - 1) * variance - 0.1 * num_agents * moved


def test_welfare_without_a_mechanism_and_its_slopes(slopes_of_game):
    value, slopes = slopes_of_game(jnp.zeros(2), params_of(GAME))
    np.testing.assert_allclose(value, -4.0516, atol=1e-4)
    np.testing.assert_allclose(slopes, [-0.0062, -0.0904], atol=5e-5)


@pytest.mark.parametrize(
    ("num_agents", "mechanism", "temperature"),
    [(5, (0.0, 0.0), 0.1), (5, (60.0, -70.0), 1.0), (20, (99.5, -100.0), 1.0), (2, (3.0,), 0.3)],
)
def test_equilibria_are_those_of_plain_numpy(num_agents, mechanism, temperature):
    game = Multilane(num_agents, transfer=Polynomial(len(mechanism)))
    params, given = params_of(game, temperature=temperature), jnp.asarray(mechanism)
    found = jax.jit(game.equilibrium)(given, params)
    mean, value = plain_equilibrium(num_agents, mechanism, temperature)
    assert found.residual < 1e-13 and found.steps < 64
    moments = game.moments(found.point, given, params)
    np.testing.assert_allclose(moments.mean, mean, atol=1e-12)
    np.testing.assert_allclose(game.objective(found.point, given, params), value, rtol=1e-11)
    again = jax.jit(game.respond)(found.point, given, params)
    np.testing.assert_allclose(again, found.point, atol=1e-12)


@pytest.mark.parametrize(("bound", "best"), [(10.0, -3.3587), (100.0, -1.3887), (1000.0, -0.3049)])
def test_the_best_quadratic_transfer_is_found_along_implicit_gradients(slopes_of_game, bound, best):
    params = params_of(GAME, bound=bound)
    space = GAME.mechanism_space(params)

    def loss(share):
        value, slopes = slopes_of_game(space.high * jnp.asarray(share), params)
        return -float(value), -bound * np.asarray(slopes)

    found = [
        minimize(loss, start, jac=True, method="L-BFGS-B", bounds=[(-1, 1)] * 2)
        for start in ([0.0, 0.0], [-0.5, 0.5])
    ]
    np.testing.assert_allclose([one.fun for one in found], -best, atol=1e-4)
    assert all(space.contains(bound * one.x) for one in found)


@pytest.mark.parametrize(
    ("num_agents", "linear", "unaided", "best"),
    [(10, 99.1316, -8.8248, -4.5207), (20, 99.5125, -18.5377, -12.5614)],
)
def test_the_best_quadratic_transfer_for_more_agents(num_agents, linear, unaided, best):
    # Found by the scan of ``test_a_scan_of_mechanisms_finds_no_better_one`` and refined.
    game = Multilane(num_agents)
    params = params_of(game, bound=100.0)
    both = jax.jit(jax.value_and_grad(lambda w: welfare(game, w, params)))
    value, slopes = both(jnp.array([linear, -100.0]))
    np.testing.assert_allclose([value, both(jnp.zeros(2))[0]], [best, unaided], atol=1e-4)
    # The second coefficient is at its bound, and welfare would rise beyond.
    assert abs(slopes[0]) < 1e-5 and slopes[1] < -0.02


def plain_welfares(num_agents, mechanisms):
    """Welfare in the best equilibrium of each mechanism on a coarse grid, by plain NumPy."""
    starts, moves = (np.arange(21) + 0.5) / 42, np.linspace(0, 0.5, 41)
    prior = np.r_[0.5, np.ones(39), 0.5]
    ends, means = starts[:, None] + moves, np.linspace(0, 1, 201)
    # What is paid and what crowding takes multiply: all sums over moves are products of matrices.
    crowding = -10 * (num_agents - 1) * (ends[..., None] - means) ** 2
    crowded = np.exp(crowding - crowding.max(1, keepdims=True))
    first, second = (column[:, None] for column in mechanisms.T)
    total, ended, squared, moved = np.zeros((4, 21, len(mechanisms), 201))
    for start, at in enumerate(ends):
        paid = first * at + second * at**2 - 0.1 * moves
        p = prior * np.exp(paid - paid.max(1, keepdims=True))
        total[start] = p @ crowded[start]
        ended[start] = (p * at) @ crowded[start]
        squared[start] = (p * at**2) @ crowded[start]
        moved[start] = (p * moves) @ crowded[start]
    reached, square, move = ((sums / total).mean(0) for sums in (ended, squared, moved))
    variance = square - reached**2
    welfare = -20 * num_agents * (num_agents - 1) * variance - 0.1 * num_agents * move
    gap = reached - means
    found = []
    for one, worth in zip(gap, welfare, strict=True):
        at = np.flatnonzero((one[:-1] >= 0) != (one[1:] >= 0))
        share = one[at] / (one[at] - one[at + 1])
        found.append(np.max(worth[at] + share * (worth[at + 1] - worth[at])))
    return np.array(found)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("num_agents", "linear", "best"),
    [(5, 98.2, -1.3887), (10, 99.13, -4.5207), (20, 99.5, -12.5614)],
)
def test_a_scan_of_mechanisms_finds_no_better_one(num_agents, linear, best):
    scan = np.linspace(-100, 100, 41)
    mechanisms = np.stack(np.meshgrid(scan, scan), axis=-1).reshape(-1, 2)
    welfare = plain_welfares(num_agents, mechanisms)
    first, second = mechanisms[np.argmax(welfare)]
    assert second == -100 and abs(first - linear) <= 5
    # Along the edge where the best one lies, step by step.
    edge = np.stack([np.linspace(80, 100, 81), np.full(81, -100.0)], axis=-1)
    of_edge = plain_welfares(num_agents, edge)
    assert np.max(of_edge) >= np.max(welfare)
    assert abs(edge[np.argmax(of_edge), 0] - linear) <= 1.0
    np.testing.assert_allclose(np.max(of_edge), best, rtol=2e-3)


@pytest.mark.parametrize("mechanism", [(0.0, 0.0), (60.0, -70.0), (-30.0, 20.0)])
def test_slopes_of_the_equilibrium_are_differences(slopes_of_game, mechanism):
    params, step = params_of(GAME), 1e-5
    _, slopes = slopes_of_game(jnp.asarray(mechanism), params)
    for index in range(2):
        high, low = (
            slopes_of_game(jnp.asarray(mechanism).at[index].add(sign * step), params)[0]
            for sign in (1, -1)
        )
        np.testing.assert_allclose(slopes[index], (high - low) / (2 * step), rtol=1e-5, atol=1e-9)


def test_slopes_by_costs_length_and_temperature_are_differences():
    mechanism, params, step = jnp.array([3.0, -5.0]), params_of(SMALL), 1e-5
    both = jax.jit(jax.value_and_grad(lambda params: welfare(SMALL, mechanism, params)))
    _, slopes = both(params)
    for name in ("mismatch_cost", "move_cost", "length", "temperature"):
        high, low = (
            both(params.replace(**{name: getattr(params, name) + sign * step}))[0]
            for sign in (1, -1)
        )
        expected = (high - low) / (2 * step)
        assert abs(expected) > 1e-4
        np.testing.assert_allclose(getattr(slopes, name), expected, rtol=1e-6)


def test_the_game_s_own_way_to_an_equilibrium_is_newton_s_in_policies():
    params, mechanism = params_of(SMALL), jnp.array([3.0, -5.0])
    import optimistix

    solver = optimistix.Newton(rtol=1e-12, atol=1e-12)
    own, newton = jax.jit(
        lambda w: (equilibrium(SMALL, w, params), equilibrium(SMALL, w, params, solver=solver))
    )(mechanism)
    np.testing.assert_allclose(own.point, newton.point, atol=1e-10)


def test_replies_rise_with_the_mean_by_the_variance_of_moves():
    params, mechanism = params_of(SMALL, temperature=0.7), jnp.array([20.0, 10.0])
    reply = jax.jit(
        jax.vmap(jax.value_and_grad(lambda mean: SMALL.mean_reply(mean, mechanism, params)))
    )
    replies, _ = reply(jnp.linspace(0, 1, 41))
    assert np.all(np.diff(replies) > 0)
    policies = np.asarray(jax.jit(SMALL.equilibrium)(mechanism, params).point)
    actions = np.linspace(0, 0.5, 9)
    mean = np.mean(policies @ actions) + 0.25
    variances = policies @ actions**2 - (policies @ actions) ** 2
    expected = 2 * 10 * 2 / 0.7 * np.mean(variances)
    np.testing.assert_allclose(reply(jnp.full(41, mean))[1][0], expected, rtol=1e-10)
    assert expected <= 1


def test_a_transfer_that_makes_up_for_ending_apart_leaves_several_equilibria():
    # The transfer cancels the square of the loss, so that only the others' mean pulls.
    params, mechanism = params_of(GAME), jnp.array([-39.9, 40.0])
    reply = jax.jit(jax.vmap(jax.value_and_grad(lambda m: GAME.mean_reply(m, mechanism, params))))
    means = jnp.linspace(0, 1, 401)
    replies, _ = reply(means)
    above = np.asarray(replies > means)
    assert np.sum(above[1:] != above[:-1]) == 3
    found = jax.jit(GAME.equilibrium)(mechanism, params)
    assert found.residual < 1e-13
    mean = GAME.moments(found.point, mechanism, params).mean
    assert reply(means.at[0].set(mean))[1][0] < 1


def test_utilities_depend_on_others_by_the_mean_and_variance_of_where_they_end():
    params, mechanism = params_of(SMALL), jnp.array([2.0, -3.0])
    policies = jax.random.dirichlet(jax.random.key(0), jnp.ones(9), (7,))
    ends = np.asarray(SMALL.terminal_positions(params))
    weights = np.full((7, 1), 1 / 7) * np.asarray(policies)
    # Over all joint terminal positions of oneself and another.
    apart = np.sum(weights * (ends[:, :, None, None] - ends) ** 2, axis=(2, 3))
    paid = 2 * ends - 3 * ends**2
    expected = paid - 0.1 * np.linspace(0, 0.5, 9) - 10 * 2 * apart
    shown = SMALL.interim_utilities(policies, mechanism, params)
    np.testing.assert_allclose(shown, expected, rtol=1e-12)
    np.testing.assert_allclose(
        SMALL.utilities(policies, mechanism, params), np.full(3, np.sum(weights * expected))
    )
    total = np.sum(weights * (expected - paid)) * 3
    np.testing.assert_allclose(SMALL.objective(policies, mechanism, params), total)

    # Mass of one position moved by (1, -3, 3, -1) changes neither mean nor variance.
    shift = jnp.zeros(9).at[2:6].set(jnp.array([1, -3, 3, -1]) * 0.3 * jnp.min(policies[3]))
    other = policies.at[3].add(shift)
    assert np.max(np.abs(other - policies)) > 1e-3
    for shown_of in (SMALL.interim_utilities, SMALL.respond):
        np.testing.assert_allclose(
            shown_of(other, mechanism, params), shown_of(policies, mechanism, params), rtol=1e-10
        )


def test_what_is_paid_for_initial_positions_changes_nothing():
    game = Multilane(paid_position="initial")
    params = params_of(game)
    value = jax.jit(lambda w: welfare(game, w, params))
    paid = jnp.array([70.0, -90.0])
    np.testing.assert_allclose(value(paid), value(jnp.zeros(2)), rtol=0, atol=1e-12)
    policies = game.initial_policies(params)
    gain = game.utilities(policies, paid, params) - game.utilities(policies, 0 * paid, params)
    starts = np.asarray(params.positions)
    np.testing.assert_allclose(gain, np.mean(70 * starts - 90 * starts**2), rtol=1e-12)


FINE = {"num_positions": 401, "num_actions": 1001}


@pytest.mark.parametrize("curvature", [0.5, 90.0])
def test_a_quadratic_transfer_leads_blind_agents_to_the_first_best(curvature):
    game, exact = Multilane(10, blind=True, **FINE), UniformLanes(10)
    params = params_of(game, temperature=0.0)
    unaided = welfare(game, jnp.zeros(2), params)
    np.testing.assert_allclose(unaided, exact.welfare_without_moves, rtol=1e-4)
    value = welfare(game, jnp.asarray(exact.transfer_for_blind(curvature)), params)
    np.testing.assert_allclose(value, exact.welfare_of_first_best, atol=3e-4)


def test_a_linear_transfer_moves_rational_agents_from_the_equilibrium_to_the_first_best():
    game, exact = Multilane(transfer=Polynomial(1), **FINE), UniformLanes(5)
    params = params_of(game, temperature=0.0)
    find = jax.jit(game.equilibrium)
    for mechanism, expected in (
        (jnp.zeros(1), exact.welfare_of_equilibrium),
        (jnp.asarray(exact.transfer_for_rational), exact.welfare_of_first_best),
    ):
        found = find(mechanism, params)
        # Replies jump, but never down: there is an equilibrium, and bisection finds one.
        assert found.residual < 1e-13
        np.testing.assert_array_equal(game.respond(found.point, mechanism, params), found.point)
        value = game.objective(found.point, mechanism, params)
        np.testing.assert_allclose(value, expected, atol=3e-5)


def test_blind_agents_are_logit_agents_without_others():
    game = Multilane(3, blind=True, num_positions=7, num_actions=9)
    params, mechanism = params_of(game, temperature=0.5), jnp.array([2.0, -3.0])
    alone = SMALL.respond(
        SMALL.initial_policies(params), mechanism, params.replace(mismatch_cost=jnp.array(0.0))
    )
    found = game.equilibrium(mechanism, params)
    np.testing.assert_allclose(found.point, alone, rtol=1e-12)
    np.testing.assert_allclose(game.respond(alone, mechanism, params), alone, rtol=1e-12)
    assert found.residual == 0


def test_at_a_high_temperature_moves_are_uniform():
    params = params_of(GAME, temperature=1e9)
    policies = GAME.equilibrium(jnp.zeros(2), params).point
    np.testing.assert_allclose(policies, GAME.initial_policies(params), rtol=1e-6)
    # Twice the variance of a uniform number on [0, 1/2], and a quarter to move on average.
    expected = -2 * 10 * 5 * 4 * 2 * 0.25 / 12 - 0.1 * 5 * 0.25
    np.testing.assert_allclose(GAME.objective(policies, jnp.zeros(2), params), expected, rtol=1e-3)


@pytest.mark.parametrize("num_agents", [2, 4])
def test_the_deviation_is_that_over_all_that_can_happen(num_agents):
    game = Multilane(num_agents, num_positions=2, num_actions=3)
    params = params_of(game, position_weights=[1.0, 2.0])
    policies = jax.random.dirichlet(jax.random.key(0), jnp.ones(3), (2,))
    ends = np.asarray(game.terminal_positions(params)).ravel()
    moves = np.tile(game.actions(params), 2)
    chances = (np.array([[1], [2]]) / 3 * np.asarray(policies)).ravel()
    values, weights = [], []
    for each in itertools.product(range(6), repeat=num_agents):
        x = ends[list(each)]
        apart = np.sum((x[:, None] - x) ** 2)
        values.append(-10 * apart - 0.1 * np.sum(moves[list(each)]))
        weights.append(np.prod(chances[list(each)]))
    mean = np.dot(weights, values)
    expected = np.sqrt(np.dot(weights, (np.array(values) - mean) ** 2))
    np.testing.assert_allclose(game.objective(policies, jnp.zeros(2), params), mean, rtol=1e-12)
    np.testing.assert_allclose(game.deviation(policies, params), expected, rtol=1e-12)


def test_where_nothing_varies_the_deviation_is_nothing_and_has_slopes():
    params = params_of(SMALL, position_weights=np.r_[1, np.zeros(6)])
    policies = jnp.zeros((7, 9)).at[:, 2].set(1.0)
    value, slopes = jax.value_and_grad(SMALL.deviation)(policies, params)
    assert value == 0 and np.all(np.isfinite(slopes))


def test_a_point_for_all_to_start_from_leaves_nobody_apart():
    positions, weights = np.linspace(0, 0.5, 7), np.r_[0, 0, 3, 0, 0, 0, 0]
    params = params_of(SMALL, temperature=0.0, positions=positions, position_weights=weights)
    policies = SMALL.equilibrium(jnp.zeros(2), params).point
    assert policies[2, 0] == 1
    np.testing.assert_allclose(SMALL.objective(policies, jnp.zeros(2), params), 0, atol=1e-12)


def test_a_subsidy_changes_no_policy_and_makes_up_for_what_agents_lose():
    game = Multilane(3, transfer=WithSubsidy(Polynomial(2)), num_positions=7, num_actions=9)
    params = params_of(game)
    assert game.mechanism_space(params).shape == (3,)
    without = jnp.array([0.0, 3.0, -5.0])
    policies = game.equilibrium(without, params).point
    lost = game.utilities(policies, without, params)[0]
    assert lost < 0
    paid = without.at[0].set(-lost)
    again = game.equilibrium(paid, params).point
    np.testing.assert_allclose(again, policies, rtol=1e-10)
    np.testing.assert_allclose(game.utilities(again, paid, params), np.zeros(3), atol=1e-12)
    np.testing.assert_allclose(
        game.objective(again, paid, params), game.objective(policies, without, params)
    )


@pytest.mark.parametrize("temperature", [0.0, 1.0])
def test_the_objective_is_the_mean_of_episodes(temperature):
    weights = np.r_[1.0, 2, 3, 4, 3, 2, 1]
    params = params_of(SMALL, temperature=temperature, position_weights=weights)
    mechanism, plays = jnp.array([3.0, -5.0]), 20_000
    policies = SMALL.equilibrium(mechanism, params).point
    keys = jax.random.split(jax.random.key(1), plays)
    play = jax.jit(jax.vmap(lambda key: SMALL.play(key, policies, mechanism, params)))
    drawn = play(keys)
    error = np.std(drawn) / np.sqrt(plays)
    assert error > 0
    np.testing.assert_allclose(SMALL.deviation(policies, params), np.std(drawn), rtol=0.03)
    assert abs(np.mean(drawn) - SMALL.objective(policies, mechanism, params)) < 4 * error
    np.testing.assert_array_equal(drawn, play(keys))


@pytest.mark.parametrize(
    "transfer",
    [
        PiecewiseLinear((0.0, 0.3, 0.6, 1.0)),
        Table((0.25, 0.5, 0.75)),
        NetworkTransfer(nn.Dense(1)),
    ],
    ids=repr,
)
def test_other_transfers_have_slopes_too(transfer):
    game = Multilane(3, transfer=transfer, num_positions=7, num_actions=9)
    params = params_of(game)
    mechanism = jnp.linspace(-1.0, 1.5, transfer.num_coefficients)
    both = jax.jit(jax.value_and_grad(lambda w: welfare(game, w, params)))
    _, slopes = both(mechanism)
    steps = 1e-5 * jnp.eye(len(mechanism))
    expected = [(both(mechanism + s)[0] - both(mechanism - s)[0]) / 2e-5 for s in steps]
    np.testing.assert_allclose(slopes, expected, rtol=1e-5, atol=1e-8)
    assert np.max(np.abs(slopes)) > 1e-3


def test_games_alone_and_in_a_batch_are_the_same_in_single_precision_too():
    mechanisms = [[0.0, 0.0], [3.0, -5.0], [-40.0, 20.0]]
    find = jax.jit(SMALL.equilibrium)
    exact = [find(jnp.array(w), params_of(SMALL)).point for w in mechanisms]
    with jax.enable_x64(False):
        params, given = params_of(SMALL), jnp.array(mechanisms)
        batch = jax.jit(jax.vmap(SMALL.equilibrium, (0, None)))(given, params)
        assert batch.point.dtype == jnp.float32 and batch.steps.dtype == jnp.int32
        assert np.all(batch.residual < 1e-5)
        for index, one in enumerate(exact):
            alone = find(given[index], params).point
            np.testing.assert_allclose(batch.point[index], alone, atol=1e-5)
            np.testing.assert_allclose(alone, one, atol=1e-4)


def test_equilibria_outside_of_jit_compile_once(caplog):
    params = params_of(SMALL)
    SMALL.equilibrium(jnp.array([3.0, -5.0]), params)
    with jax.log_compiles():
        SMALL.equilibrium(jnp.array([1.0, -2.0]), params)
    assert not [record for record in caplog.records if "ompiling" in record.getMessage()]


def test_equal_games_are_one_configuration():
    assert Multilane() == Multilane() and hash(Multilane()) == hash(Multilane())
    assert Multilane(transfer=Polynomial(3)) != Multilane()
    params = params_of(Multilane(), bound=7.0)
    space = Multilane(transfer=Polynomial(3)).mechanism_space(params)
    assert space.shape == (3,) and space.low == -7 and space.high == 7


@pytest.mark.parametrize("transfer", ["quadratic", Polynomial, None, 2])
def test_what_is_no_transfer_is_refused(transfer):
    with pytest.raises(InvalidValueError, match="transfer: got"):
        Multilane(transfer=transfer)


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"num_agents": 1}, "num_agents"),
        ({"blind": 1}, "blind"),
        ({"paid_position": "last"}, "paid_position"),
        ({"num_positions": 0}, "num_positions"),
        ({"num_actions": 1}, "num_actions"),
    ],
)
def test_bad_games_are_refused(fields, field):
    with pytest.raises(InvalidValueError) as refused:
        Multilane(**fields)
    assert refused.value.field == field


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"mismatch_cost": -1.0}, "mismatch_cost"),
        ({"move_cost": -0.1}, "move_cost"),
        ({"length": 0.0}, "length"),
        ({"temperature": -1e-9}, "temperature"),
        ({"temperature": float("nan")}, "temperature"),
        ({"bound": float("inf")}, "bound"),
        ({"bound": 0.0}, "bound"),
        ({"positions": np.zeros(3)}, "positions"),
        ({"positions": np.full(7, 0.6)}, "positions"),
        ({"position_weights": np.full(7, -1.0)}, "position_weights"),
        ({"position_weights": np.zeros(7)}, "position_weights"),
    ],
)
def test_bad_parameters_are_refused(given, field):
    with pytest.raises(InvalidValueError, match=f"^{re.escape(field)}:"):
        params_of(SMALL, **given)


def test_a_mechanism_of_another_size_is_refused():
    params = params_of(SMALL)
    with pytest.raises(InvalidValueError, match="mechanism"):
        SMALL.equilibrium(jnp.zeros(3), params)
