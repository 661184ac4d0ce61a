"""What mechanisms are worth, with mechanisms whose worth is known."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from unkept import Unkept

from jaxmech import struct
from jaxmech.agents import Samples
from jaxmech.agents.settings.named import Inventory
from jaxmech.experiments.kept_values import question
from jaxmech.experiments.registry import study_called
from jaxmech.experiments.sequential_price import learning
from jaxmech.experiments.sequential_price.learning import certificates_of
from jaxmech.experiments.sequential_price.problem import problem_of, references_of
from jaxmech.experiments.sequential_price.worth import (
    best_seeds,
    over_seeds,
    worth_of_baselines,
    worth_of_seeds,
)

EPISODES = 8192


@struct.dataclass
class OnePrice:
    """A stand-in for what is learned: posts one price to the first agent left."""

    price: jax.Array
    num_agents: int = struct.field(pytree_node=False)

    def initial_carry(self):
        return None

    def act(self, observation, carry, key):
        scores = -jnp.arange(self.num_agents) / self.num_agents
        return jnp.append(scores, self.price), carry


def policies_of(problem, prices):
    return [OnePrice(jnp.asarray(price), problem.env.num_agents) for price in prices]


@pytest.fixture(scope="module")
def posted():
    """4 agents of value 1/2 or 1, 2 units; three seeds post prices of the best kind."""
    study = dataclasses.replace(
        study_called("brero2021/inventory"),
        setting=Inventory(num_agents=4, num_items=2),
        evaluation_episodes=EPISODES,
        validation_episodes=EPISODES,
        seeds=4,
    ).resolved()
    problem = problem_of(study)
    return problem, policies_of(problem, [0.0, 0.5, 0.75, 0.6]), Unkept()


@pytest.fixture(scope="module")
def estimate(posted):
    return over_seeds(worth_of_seeds(*posted))


def test_learned_values_are_those_of_closed_forms(estimate):
    # Price 0 sells to the first two agents: 2 * 3/4. A price from 1/2 up to 1 sells to the
    # first two who have value 1: the mean of min(2, Binomial(4, 1/2)) is 26/16.
    expected = np.array([1.5, 26 / 16, 26 / 16, 26 / 16])
    half_widths = np.array(estimate.per_seed_half_width)
    assert np.all(np.abs(np.array(estimate.per_seed) - expected) < 2 * half_widths)
    assert np.all((half_widths > 0) & (half_widths < 0.02))
    assert estimate.mean == pytest.approx(np.mean(estimate.per_seed))


def test_the_interval_over_seeds_is_students(estimate):
    means = np.array(estimate.per_seed)
    assert estimate.half_width == pytest.approx(3.182446 * means.std(ddof=1) / 2, rel=1e-5)
    assert estimate.over == "seeds"


def test_one_seed_has_an_interval_over_episodes(posted):
    problem, policies, workspace = posted
    problem = dataclasses.replace(problem, study=dataclasses.replace(problem.study, seeds=1))
    one = over_seeds(worth_of_seeds(problem, policies[:1], workspace))
    assert (one.mean, one.half_width) == (one.per_seed[0], one.per_seed_half_width[0])
    assert one.over == "episodes"
    assert best_seeds(problem, policies[:1], workspace) == [0]


def test_the_best_three_seeds_leave_out_the_worst(posted):
    assert sorted(best_seeds(*posted)) == [1, 2, 3]


def test_simulated_baselines_agree_with_exact_values(posted):
    problem, _, workspace = posted
    references = references_of(problem, workspace)
    simulated = worth_of_baselines(problem, references, workspace)
    assert set(simulated) == {
        "random_serial_dictatorship",
        "anonymous_static_prices",
        "personalised_static_prices",
        "offline_optimum",
    }
    for name, estimate in simulated.items():
        exact = references.oracles[name].value
        assert abs(estimate.mean - exact) < 2 * estimate.half_width, name
    assert references.oracles["random_serial_dictatorship"].value == pytest.approx(1.5)


class Noting(Unkept):
    """Notes what it is asked, as a workspace compares it."""

    def __init__(self):
        super().__init__()
        self.questions = []

    def kept(self, name, function, *arguments):
        self.questions.append((name, question(function, arguments)))
        return jnp.zeros(2)

    def kept_on_host(self, name, function, *arguments):
        self.questions.append((name, question(function, arguments)))
        return super().kept_on_host(name, function, *arguments)


def test_what_mechanisms_are_compared_with_is_the_same_whatever_they_see(posted):
    asked = []
    for statistic in ("prices", "allocation"):
        study = dataclasses.replace(posted[0].study, statistic=statistic)
        problem, noting = problem_of(study), Noting()
        worth_of_baselines(problem, references_of(problem, noting), noting)
        asked.append(noting.questions)
    assert len(asked[0]) > 8
    assert asked[0] == asked[1]


def test_posted_prices_are_certified(posted):
    problem, policies, workspace = posted
    found = certificates_of(problem, policies[1], workspace)
    assert set(found) == {"individually_rational", "truthful"}
    assert all(one.holds and abs(one.value) <= one.tolerance for one in found.values())
    assert "no other report serves it better; greatest mean gain" in found["truthful"].statement


def test_a_certificate_that_does_not_hold_does_not_say_what_it_would(posted, monkeypatch):
    numbers = {"lowest_utility": -1.0, "gain": 1.0, "tolerance": 0.1}
    counts = {"profiles": 2, "reports": 3, "profiles_of_reports": 2}
    monkeypatch.setattr(learning, "checked", lambda *_: numbers | counts)
    found = certificates_of(posted[0], posted[1][1], Unkept())
    assert [one.holds for one in found.values()] == [False, False]
    assert [one.statement.partition("; ")[0] for one in found.values()] == [
        "an agent was worse off than by staying away",
        "another report served an agent better",
    ]


@pytest.fixture
def samples(tmp_path):
    np.savez(tmp_path / "values.npz", values=np.random.default_rng(0).uniform(size=(50, 3, 1)))
    return str(tmp_path / "values.npz")


def sampled(samples, **fields):
    """10 of 50 samples of three agents' values are held out."""
    study = dataclasses.replace(
        study_called("own_values"), samples=samples, evaluation_episodes=100, **fields
    ).resolved()
    return problem_of(study)


def first_above(values, price):
    """Value of the first agent of each sample whose value is above the price, or 0."""
    return np.array([next((v for v in sample[:, 0] if v > price), 0.0) for sample in values])


def test_held_out_samples_are_each_played_once(samples):
    problem = sampled(samples, seeds=2)
    workspace, prices = Unkept(), [0.3, 0.6]
    held_out = np.asarray(problem.held_out.values)
    assert len(held_out) == 10
    worth = np.array([first_above(held_out, price) for price in prices])
    estimate = over_seeds(worth_of_seeds(problem, policies_of(problem, prices), workspace))
    t_9, t_1 = 2.262157, 12.706205
    errors = worth.std(axis=1, ddof=1) / np.sqrt(10)
    np.testing.assert_allclose(estimate.per_seed, worth.mean(axis=1), rtol=1e-5)
    np.testing.assert_allclose(estimate.per_seed_half_width, t_9 * errors, rtol=1e-4)
    # Over samples and over seeds, in quadrature.
    by_sample = t_9 * worth.mean(axis=0).std(ddof=1) / np.sqrt(10)
    by_seed = t_1 * worth.mean(axis=1).std(ddof=1) / np.sqrt(2)
    assert estimate.half_width == pytest.approx(np.hypot(by_sample, by_seed), rel=1e-4)
    references = references_of(problem, workspace)
    simulated = worth_of_baselines(problem, references, workspace)
    offline = simulated["offline_optimum"].mean
    assert offline == pytest.approx(held_out.max(axis=1).mean(), rel=1e-5)
    # However often a random mechanism is played, there are only ten samples.
    assert simulated["random_serial_dictatorship"].half_width > 0.04


def test_seeds_are_chosen_without_the_held_out_samples(samples):
    problem = sampled(samples, seeds=2, validation_episodes=4000)
    policies = policies_of(problem, [0.9, 0.3])
    chosen = best_seeds(problem, policies, Unkept())
    worthless = Samples(problem.test_params.distribution.values * 0, problem.env.demand)
    blind = dataclasses.replace(
        problem, test_params=dataclasses.replace(problem.test_params, distribution=worthless)
    )
    train = np.asarray(problem.params.distribution.values)
    better = int(first_above(train, 0.3).mean() > first_above(train, 0.9).mean())
    assert chosen == best_seeds(blind, policies, Unkept()) == [better, 1 - better]
