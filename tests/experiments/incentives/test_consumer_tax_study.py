"""The study of consumers' taxes: what it finds is what the game says, and near the best found."""

from dataclasses import replace

import jax
import numpy as np
import pytest

from jaxmech.agents import equilibrium
from jaxmech.checks import InvalidValueError
from jaxmech.environments import make
from jaxmech.experiments.incentives.climbing import climbed
from jaxmech.experiments.incentives.consumer_tax.computing import checked
from jaxmech.experiments.incentives.consumer_tax.configuration import CONSUMER_TAX
from jaxmech.experiments.incentives.statements import followers_act_well
from jaxmech.experiments.registry import study_called
from jaxmech.experiments.workspace import Workspace

SMALL = replace(
    CONSUMER_TAX, temperatures=(0.3,), assets=21, design_assets=21, updates=100, seeds=2
)


def computed(study, directory):
    with jax.enable_x64(True):
        return Workspace(directory, say=[].append).run(study)


@pytest.mark.slow
def test_taxes_are_designed_that_are_as_good_as_the_best_found(tmp_path):
    found = computed(SMALL, tmp_path)
    assert all(one.holds for one in found.certificates.values()), found.certificates
    values = {(one.scheme, one.metric, one.seed): one.value for one in found.records}
    best = found.oracles["temperature 0.3/best found"].value
    learned = found.estimates["temperature 0.3/learned"].per_seed
    assert best - 0.02 < max(learned) < best + 1e-6
    assert values["equal rates", "objective", None] < best - 5
    # All climbs end at one and the same optimum; here both grids are one.
    ends = [values["climbs", "objective", number] for number in range(3)]
    np.testing.assert_allclose(ends, best, atol=1e-6)
    as_another = found.certificates["incentive compatibility"]
    assert "acting as one of another type" in as_another.statement
    names = [*(f"rate_on_good_{number}" for number in (1, 2, 3)), "rate_on_income"]
    with jax.enable_x64(True):
        env, params = SMALL.build(0.3, 21)
        for scheme, seed, value in (
            ("best found", None, best),
            *(("learned", seed, value) for seed, value in enumerate(learned)),
        ):
            rates = np.array([values[scheme, name, seed] for name in names])
            assert np.all((rates >= 0) & (rates <= 2))
            policies = equilibrium(env.game, jax.numpy.asarray(rates), params.game).point
            again = float(env.game.objective(policies, rates, params.game))
            assert again == pytest.approx(value, abs=1e-8)
    (tmp_path / "summary.json").unlink()
    (tmp_path / "kept" / "temperature_0.3_checked.npz").unlink()
    assert computed(SMALL, tmp_path) == found


@pytest.mark.slow
def test_consumers_gain_no_more_than_entropy_is_worth_and_more_than_by_doing_nothing():
    """The gain is between bounds that plain value iteration gives in NumPy."""
    with jax.enable_x64(True):
        env, params = SMALL.build(0.3, 21)
        rates = jax.numpy.full((1, 4), 0.3)
        found = jax.jit(checked, static_argnums=0)(env, params, rates)
        policies = env.game.equilibrium(rates[0], params.game).point
        processes = [
            env.game.process(preferences, rates[0], params.game.replace(temperature=0.0))
            for preferences in params.game.preferences
        ]
    certificates = followers_act_well([found.policies], agent="consumer", residual_tolerance=1e-8)
    assert all(one.holds for one in certificates.values()), certificates
    # Two types with different tastes lose by their errors, and gain by work and shopping.
    assert np.all(np.asarray(found.policies.gain) > 0.1)
    # Decisions are among 10 working times or fewer with 125 baskets or fewer each, for 10 periods.
    choices = env.game.choices
    most = 10 * 0.3 * np.log((choices.most_hours + 1) * len(choices.baskets))
    np.testing.assert_allclose(found.policies.allowance, most)
    # Each type as the other one, of which there are two, by swapping what it likes.
    swapped = params.game.replace(preferences=params.game.preferences[::-1])
    with jax.enable_x64(True):
        as_other = env.game.utilities(policies, rates[0], swapped)[::-1]
    np.testing.assert_allclose(found.as_another[0], as_other - found.utilities[0], atol=1e-9)
    assert np.all(np.asarray(found.utilities) > np.asarray(found.idle))
    for place, process in enumerate(processes):
        rewards, moves = np.asarray(process.rewards), np.asarray(process.transition)
        best = np.zeros(len(rewards))
        for _ in range(400):
            best = np.max(rewards + 0.9 * (moves @ best), axis=1)
        # Best rewards are above those of the own division, so that they bound what is earned.
        actions, own = np.asarray(policies.actions[place]), np.zeros(len(rewards))
        for _ in range(400):
            own = np.sum(actions * (rewards + 0.9 * (moves @ own)), axis=1)
        gain = float(found.policies.gain[0, place])
        assert np.max(best - own) <= gain <= np.max(best - own) + 10 * 0.3 * np.log(1250)


def test_a_climb_ends_at_the_best_tax_of_a_closed_form():
    with jax.enable_x64(True):
        env, params = make("cournot")
        found = climbed(env, params, np.zeros(1))
    # Firms with market power are taxed less than the marginal damage.
    np.testing.assert_allclose(found["mechanism"], [3.4662414], atol=1e-5)
    assert found["objective"] == pytest.approx(17.2651663, abs=1e-6)
    assert found["slope"] < 1e-4 and 1 < found["gradients"] < 50


def test_a_climb_needs_bounds():
    env, params = make("four_rooms")
    with pytest.raises(InvalidValueError) as refused:
        climbed(env, params, np.zeros(105))
    assert refused.value.field == "env"


def test_the_study_is_registered():
    assert study_called("incentives/consumer_tax") == CONSUMER_TAX
    assert CONSUMER_TAX.is_as_described and not SMALL.is_as_described
    assert CONSUMER_TAX.precision == "float64"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"temperatures": ()}, "temperatures: got none; needed is at least one"),
        ({"temperatures": (0.1, 0.0)}, "temperatures: got 0.0; allowed are finite numbers above 0"),
        ({"temperatures": (0.1, 0.1)}, "temperatures: got .* allowed are each of them once"),
        ({"start_rate": 2.5}, "start_rate: got 2.5; allowed are numbers from 0 to 2"),
        ({"climb_starts": ()}, "climb_starts: got none; needed is at least one"),
        ({"climb_starts": (0.3, 3.0)}, "climb_starts: got 3.0; allowed are numbers from 0 to 2"),
        ({"assets": 1}, "assets: got 1; allowed are integers from 2"),
        ({"design_assets": 1}, "design_assets: got 1; allowed are integers from 2"),
        ({"seeds": 0}, "seeds: got 0; allowed are integers from 1"),
    ],
)
def test_fields_out_of_range_are_refused(change, message):
    with pytest.raises(ValueError, match=message):
        replace(CONSUMER_TAX, **change)
