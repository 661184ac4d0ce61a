"""Games of finitely many players, types and actions: values, equilibria and their derivatives."""

from itertools import product

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxmech.agents.responses import principal_branch
from jaxmech.agents.responses.finite_games import (
    bayesian,
    normal_form,
    quantal_response_equilibrium,
)
from jaxmech.agents.responses.logit import logit_response
from jaxmech.checks import InvalidValueError

CHICKEN = np.array([[[0.0, 7.0], [2.0, 6.0]], [[0.0, 2.0], [7.0, 6.0]]])
"""Dare or swerve."""


equilibrium = jax.jit(quantal_response_equilibrium)
"""Compiled once for all games of the same shape."""


@pytest.fixture(autouse=True)
def _float64():
    with jax.enable_x64(True):
        yield


def random_policies(game, seed):
    draws = np.random.default_rng(seed)
    return tuple(
        jnp.array(draws.dirichlet(np.ones(policy.shape[1]), policy.shape[0]))
        for policy in game.uniform()
    )


def values_by_enumeration(payoffs, prior, policies):
    """What each action of each type is worth, by going through all types and actions."""
    players = prior.ndim
    values = [np.zeros(policy.shape) for policy in policies]
    for types in product(*map(range, prior.shape)):
        for actions in product(*map(range, payoffs.shape[1 + players :])):
            for player in range(players):
                others = np.prod(
                    [
                        policies[other][types[other], actions[other]]
                        for other in range(players)
                        if other != player
                    ]
                )
                own = np.moveaxis(prior, player, 0)[types[player]].sum()
                values[player][types[player], actions[player]] += (
                    prior[types] / own * others * payoffs[player][types][actions]
                )
    return values


@pytest.mark.parametrize(
    ("types", "actions"), [((1, 1), (3, 2)), ((2, 3), (2, 2)), ((2, 1, 2), (2, 3, 2))]
)
def test_action_values_equal_those_of_enumeration(types, actions):
    draws = np.random.default_rng(3)
    payoffs = draws.normal(size=(len(types), *types, *actions))
    prior = draws.dirichlet(np.ones(np.prod(types))).reshape(types)
    game = bayesian(payoffs, prior)
    policies = random_policies(game, 4)
    expected = values_by_enumeration(payoffs, prior, policies)
    for value, of_enumeration in zip(game.action_values(policies), expected, strict=True):
        np.testing.assert_allclose(value, of_enumeration, atol=1e-12)
    utilities = [
        np.sum(prior.sum(axis=tuple(a for a in range(len(types)) if a != i)) * (p * v).sum(axis=1))
        for i, (p, v) in enumerate(zip(policies, expected, strict=True))
    ]
    np.testing.assert_allclose(game.utilities(policies), utilities, atol=1e-12)


def test_gains_are_zero_in_an_equilibrium_alone():
    """Both mixed, 1/3 dare; one dares and the other swerves; and one of neither kind."""
    game = normal_form(CHICKEN)
    mixed = jnp.array([[1 / 3, 2 / 3]])
    dare, swerve = jnp.array([[1.0, 0.0]]), jnp.array([[0.0, 1.0]])
    np.testing.assert_allclose(game.gains((mixed, mixed)), 0, atol=1e-12)
    np.testing.assert_allclose(game.gains((dare, swerve)), 0)
    np.testing.assert_allclose(game.gains((dare, dare)), [2, 2])


def test_without_temperature_the_response_is_a_best_response():
    game = normal_form(CHICKEN)
    dare = jnp.array([[1.0, 0.0]])
    response = game.respond((dare, dare), 0.0)
    np.testing.assert_allclose(response[0], [[0, 1]])


def test_equilibrium_of_matching_pennies_with_a_higher_prize_in_closed_form():
    """Prizes 9 and 1: with logit probabilities p, q each solves its own scalar equation."""
    payoffs = np.array([[[9.0, 0.0], [0.0, 1.0]], [[0.0, 1.0], [1.0, 0.0]]])
    solution = equilibrium(normal_form(payoffs), 0.5)
    p, q = (float(policy[0, 0]) for policy in solution.point)
    assert p == pytest.approx(1 / (1 + np.exp(-(9 * q - (1 - q)) / 0.5)), abs=1e-12)
    assert q == pytest.approx(1 / (1 + np.exp(-((1 - p) - p) / 0.5)), abs=1e-12)
    assert float(solution.residual) < 1e-12


def test_equilibrium_selected_is_that_of_the_branch_from_uniform_policies():
    """A stag hunt: the branch leads to the risk-dominant hares, not to the stags that pay more."""
    stag_hunt = np.array([[[4.0, 0.0], [3.0, 2.0]], [[4.0, 3.0], [0.0, 2.0]]])
    solution = equilibrium(normal_form(stag_hunt), 0.01)
    np.testing.assert_allclose(solution.point[0], [[0, 1]], atol=1e-9)
    assert bool(solution.arrived)


def test_where_branches_part_the_equilibrium_is_one_and_players_alike_stay_alike():
    """Meeting at one of two places: below temperature 1/2 both meet more often than not, or don't.

    The branch through uniform policies stays there, and passes the singular point."""
    solution = equilibrium(normal_form(np.array([np.eye(2), np.eye(2)])), 0.1)
    np.testing.assert_allclose(solution.point, 0.5, atol=1e-12)
    assert bool(solution.arrived)


def test_an_equilibrium_that_is_not_known_to_be_on_the_branch_says_so(monkeypatch):
    """The game has a single equilibrium at temperature 2, and at .05 several."""
    monkeypatch.setattr(principal_branch, "MOST_STEPS", 2)
    cut = jax.jit(lambda temperature: quantal_response_equilibrium(game, temperature))
    game = normal_form(CHICKEN)
    found, lost = cut(2.0), cut(0.05)
    assert not bool(found.arrived) and not bool(lost.arrived)
    assert float(found.residual) < 1e-12
    assert float(lost.residual) > 0.1


def test_equilibrium_of_players_with_types():
    """Each type of the first player prefers another action whatever the other does."""
    payoffs = np.zeros((2, 2, 1, 2, 2))
    payoffs[0, 0, 0, 0, :] = 1.0
    payoffs[0, 1, 0, 1, :] = 1.0
    payoffs[1, :, 0, 0, 0] = 1.0
    payoffs[1, :, 0, 1, 1] = 1.0
    solution = quantal_response_equilibrium(bayesian(payoffs, [[3.0], [1.0]]), 0.5)
    often = 1 / (1 + np.exp(-1 / 0.5))
    np.testing.assert_allclose(solution.point[0], [[often, 1 - often], [1 - often, often]])
    first = 0.75 * often + 0.25 * (1 - often)
    follows = 1 / (1 + np.exp(-(first - (1 - first)) / 0.5))
    np.testing.assert_allclose(solution.point[1], [[follows, 1 - follows]])


def weighted(payoffs, temperature):
    """All policies of the equilibrium, weighted by their place, and its residual and arrival."""
    solution = quantal_response_equilibrium(normal_form(payoffs), temperature)
    total = sum(
        jnp.sum(policy[0] * jnp.arange(policy.size) ** 2) / (1 + player)
        for player, policy in enumerate(solution.point)
    )
    return total, (solution.residual, solution.arrived)


of_games = jax.jit(jax.vmap(jax.value_and_grad(weighted, has_aux=True), in_axes=(0, None)))
"""Weighted policies, residuals and arrivals, [games], and derivatives by the payoffs."""


def derivatives_and_differences(actions, games, temperature):
    """Derivatives along a random direction in the space of payoffs, and central differences.

    Returns:
      float [games] thrice, the last the residuals.
    """
    shape = (games, len(actions), *actions)
    payoffs, directions = jax.random.normal(jax.random.key(0), (2, *shape))
    (_, (residuals, arrived)), derivatives = of_games(payoffs, temperature)
    along = jnp.sum(derivatives * directions, axis=tuple(range(1, len(shape))))
    assert bool(jnp.all(arrived))
    step = 1e-6
    (above, _), _ = of_games(payoffs + step * directions, temperature)
    (below, _), _ = of_games(payoffs - step * directions, temperature)
    return along, (above - below) / (2 * step), residuals


def test_derivatives_equal_differences_in_random_games():
    along, differences, residuals = derivatives_and_differences((2, 3), 20, 0.5)
    assert float(jnp.max(residuals)) < 1e-12
    np.testing.assert_allclose(along, differences, atol=1e-7)


@pytest.mark.slow
@pytest.mark.parametrize("temperature", [1.0, 0.2])
@pytest.mark.parametrize("actions", [(3, 4), (2, 3, 2), (2, 2, 2, 2), (2, 2, 2, 2, 2)])
def test_derivatives_equal_differences_in_many_random_games(actions, temperature):
    along, differences, residuals = derivatives_and_differences(actions, 250, temperature)
    assert float(jnp.max(residuals)) < 1e-12
    error = jnp.abs(along - differences) / jnp.maximum(1, jnp.abs(along))
    assert float(jnp.max(error)) < 1e-5


@pytest.mark.slow
@pytest.mark.parametrize(
    ("actions", "games"),
    [((2, 3), 100), ((2, 2, 2), 50), ((2, 2, 2, 2), 20), ((2, 2, 2, 2, 2), 20)],
)
def test_second_derivatives_equal_differences_in_random_games(actions, games):
    """By the payoffs, along a random direction, and by the temperature at once."""
    payoffs, directions = jax.random.normal(jax.random.key(1), (2, games, len(actions), *actions))

    @jax.jit
    @jax.vmap
    def compared(payoffs, direction):
        def value(step):
            return weighted(payoffs + step * direction, 0.6 + 0.2 * step)[0]

        steps = jnp.array([-1e-5, 0, 1e-5])
        slopes, curvatures = jax.vmap(lambda at: jax.jvp(jax.grad(value), (at,), (1.0,)))(steps)
        return curvatures[1], (slopes[2] - slopes[0]) / 2e-5

    curvature, differences = compared(payoffs, directions)
    assert float(jnp.median(jnp.abs(curvature))) > 0.1
    np.testing.assert_allclose(curvature, differences, rtol=1e-4, atol=1e-4)


def test_nothing_is_nan_at_a_low_temperature():
    along, _, residuals = derivatives_and_differences((2, 3), 20, 1e-3)
    assert bool(jnp.all(jnp.isfinite(along)))
    assert float(jnp.max(residuals)) < 1e-9


@pytest.mark.slow
@pytest.mark.parametrize("precise", [False, True])
@pytest.mark.parametrize("actions", [(3, 4), (2, 2, 2), (2, 2, 2, 2), (2, 2, 2, 2, 2)])
def test_many_games_have_no_nan_down_to_a_low_temperature(actions, precise):
    """In either precision, lost branches included, which are almost none."""
    with jax.enable_x64(precise):
        payoffs = jax.random.normal(jax.random.key(2), (250, len(actions), *actions))
        for temperature in (1e-3, 1e-2, 1e3):
            (values, (_, arrived)), slopes = of_games(payoffs, temperature)
            assert bool(jnp.all(jnp.isfinite(values))) and bool(jnp.all(jnp.isfinite(slopes)))
            assert float(jnp.mean(arrived)) >= (0.99 if precise else 0.98)


def test_players_with_a_prior_begin_with_it_and_respond_by_it():
    """At a high temperature they do as the prior says; at any other the equilibrium is that of a
    game in which each action is paid the temperature times the logarithm of its weight more."""
    draws = np.random.default_rng(11)
    payoffs, prior = draws.normal(size=(2, 2, 3)), (np.array([[0.2, 0.8]]), np.array([[3, 1, 6.0]]))
    find = jax.jit(quantal_response_equilibrium)
    hot = find(normal_form(payoffs), 1e7, prior)
    np.testing.assert_allclose(hot.point[0], prior[0], atol=1e-6)
    np.testing.assert_allclose(hot.point[1], prior[1] / 10, atol=1e-6)
    temperature = 0.4
    found = find(normal_form(payoffs), temperature, prior)
    assert bool(found.arrived) and float(found.residual) < 1e-12
    paid = payoffs + temperature * np.stack(
        [np.broadcast_to(np.log(prior[0]).T, (2, 3)), np.broadcast_to(np.log(prior[1]), (2, 3))]
    )
    game = normal_form(payoffs)
    for one, other in zip(found.point, equilibrium(normal_form(paid), 0.4).point, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-10)
    for one, value, weights in zip(
        found.point, game.action_values(found.point), prior, strict=True
    ):
        np.testing.assert_allclose(one, logit_response(value, temperature, weights), atol=1e-12)

    def often(weight):
        return find(game, temperature, (prior[0] + jnp.array([[weight, 0]]), prior[1])).point[0][
            0, 0
        ]

    by_hand = (often(1e-5) - often(-1e-5)) / 2e-5
    assert float(jax.grad(often)(0.0)) == pytest.approx(float(by_hand), rel=1e-6)
    with pytest.raises(InvalidValueError, match="prior: got .* above 0"):
        quantal_response_equilibrium(game, 1.0, (np.array([[0.0, 1]]), prior[1]))


def test_a_high_temperature_leaves_all_actions_alike_and_a_low_one_no_gains():
    """Both limits: policies within payoffs over temperature of uniform ones, and an equilibrium
    whose players gain at most the temperature times the logarithm of the number of actions."""
    game = normal_form(np.random.default_rng(7).normal(size=(2, 2, 2)))
    hot = equilibrium(game, 1e6)
    np.testing.assert_allclose(hot.point, 0.5, atol=1e-5)
    cold = equilibrium(game, 1e-3)
    assert bool(cold.arrived)
    assert np.all(game.gains(cold.point) <= 1e-3 * np.log(2) + 1e-12)


def test_types_who_choose_numbers_respond_by_normal_distributions():
    """Continuous actions on a grid, utilities -(a - type - b / 2)^2 / 2 for the other's number b.

    A logit response has the density of a normal distribution, with the best number for its mean
    and the temperature over the curvature for its variance."""
    types, numbers, temperature = np.array([-0.5, 0.1, 0.6]), np.linspace(-4, 4, 41), 0.2
    prior = np.outer([0.2, 0.5, 0.3], [0.6, 0.3, 0.1])
    missed = numbers[:, None] - numbers[None] / 2 - types[:, None, None]
    first = np.broadcast_to(-(missed[:, None] ** 2) / 2, (3, 3, 41, 41))
    second = first.transpose(1, 0, 3, 2)
    game = bayesian(np.stack([first, second]), prior)
    state = game.uniform()
    respond = jax.jit(game.respond)
    for _ in range(60):
        state = respond(state, temperature)
    for player, policies in enumerate(state):
        weights = prior.sum(axis=1 - player)
        others = prior.sum(axis=player)
        # In equilibrium m = E[type] + m_other / 2 for both.
        own, other = weights @ types, others @ types
        mean_of_other = (other + own / 2) / (1 - 1 / 4)
        means = np.asarray(policies @ numbers)
        np.testing.assert_allclose(means, types + mean_of_other / 2, atol=1e-9)
        variances = np.asarray(policies @ numbers**2) - means**2
        np.testing.assert_allclose(variances, temperature, rtol=1e-8)
        density = np.exp(-((numbers - means[:, None]) ** 2) / (2 * temperature))
        density *= 0.2 / np.sqrt(2 * np.pi * temperature)
        np.testing.assert_allclose(policies, density, atol=1e-10)


def test_temperature_is_differentiable():
    def often(temperature):
        return weighted(jnp.array(CHICKEN), temperature)[0]

    value_and_slope = jax.jit(jax.value_and_grad(often))
    expected = (value_and_slope(1.0 + 1e-5)[0] - value_and_slope(1.0 - 1e-5)[0]) / 2e-5
    assert float(value_and_slope(1.0)[1]) == pytest.approx(float(expected), abs=1e-7)


@pytest.mark.parametrize("shape", [(2, 3), (3, 2, 2), (2, 2, 0), ()])
def test_payoffs_of_wrong_axes_are_refused(shape):
    with pytest.raises(ValueError, match="payoffs: got shape .* allowed are arrays"):
        normal_form(np.zeros(shape))


@pytest.mark.parametrize("temperature", [0.0, -1.0, float("inf")])
def test_a_temperature_that_is_not_above_zero_is_refused(temperature):
    with pytest.raises(ValueError, match="temperature: got .* allowed are finite numbers above 0"):
        quantal_response_equilibrium(normal_form(CHICKEN), temperature)


def test_a_prior_that_forgets_a_type_is_refused():
    payoffs = np.zeros((2, 2, 1, 2, 2))
    with pytest.raises(ValueError, match="prior: got .* give each type some probability"):
        bayesian(payoffs, [[1.0], [0.0]])
    with pytest.raises(ValueError, match="payoffs: got shape"):
        bayesian(payoffs, [[1.0, 1.0]])
