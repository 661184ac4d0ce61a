"""The study of daily reserve prices: what it computes, its folder, and what it refuses."""

import csv
import importlib.util
import json
from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

from jaxmech import cli, findings
from jaxmech.agents import load_timber_bids
from jaxmech.designers.held_days import HeldDays
from jaxmech.designers.reserve_simulators import ExactSimulator
from jaxmech.environments import ReservePricing
from jaxmech.environments.relative_reserves import RelativeReserves
from jaxmech.experiments import EXPERIMENTS, LearnedPolicies, experiment_in, read_config
from jaxmech.experiments.computing import compute
from jaxmech.experiments.reserve_comparison import paired, verdict
from jaxmech.experiments.reserve_keywords import Clock, draw_keywords, population_of
from jaxmech.experiments.reserve_policies import learned_policies

NAME = "tang2017/reserve_pricing"

QUICK = [
    *("--keywords", "4", "--days", "20", "--last-days", "5", "--bidders", "2", "--slots", "2"),
    *("--bins", "16", "--reserve-levels", "6", "--training.keywords", "8"),
    *("--training.held-out-keywords", "4"),
    *("--training.days", "38", "--training.held-out-days", "6", "--training.steps", "8"),
    *("--search.depth", "2", "--search.simulations", "8", "--search.auctions", "8"),
    *("--search.held-days", "2", "--ablation.held-days", "2"),
    *("--policies.updates", "0", "--ablation.keywords", "2", "--ablation.days", "6"),
    *("--ablation.depths", "2", "--ablation.simulations", "8", "--ablation.models", "lstm"),
]

STATIC = ("deployed", "myerson", "static_initial", "static_model", "static_hindsight")


def command(*arguments: str) -> int:
    with pytest.raises(SystemExit) as ended:
        cli.main(arguments)
    return ended.value.code or 0


@pytest.fixture(autouse=True)
def leave_jax_as_it_is(monkeypatch):
    monkeypatch.setattr(cli, "_set_up_jax", lambda: None)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """The folder of a quick run."""
    made = tmp_path_factory.mktemp("user")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(cli, "_set_up_jax", lambda: None)
        patch.chdir(made)
        assert command("run", NAME, *QUICK) == 0
    return made / "runs" / "tang2017-reserve_pricing-1"


@pytest.fixture(scope="module")
def results(folder):
    return json.loads((folder / "summary.json").read_text())["results"]


def schemes(compared):
    return {one["scheme"]: one for one in compared["schemes"]}


def test_a_run_writes_its_whole_folder(folder):
    for name in ("config.yaml", "summary.json", "report.html", "figures/revenue.png"):
        assert (folder / name).stat().st_size > 0, name
    assert experiment_in(folder).search.simulations == 8
    found, _ = findings.read(folder)
    assert [table.title for table in found.tables] == [
        "Revenue of 4 keywords",
        "Orderings",
        "Where bidders never react",
        "Bidder models, held out",
        "Foresight of the planner",
        "Tree search, one thing varied",
    ]
    for table in found.tables:
        assert all(len(row) == len(table.columns) for row in table.rows), table.title
    assert found.seconds > 0 and found.compile_seconds > 0
    page = (folder / "report.html").read_text()
    for words in ("tree search from static best", "search.depth", "paired", "Tang 2017"):
        assert words in page, words
    assert page.count("<svg") == 2


def test_curves_are_means_of_weeks(folder, results):
    found, _ = findings.read(folder)
    curves = {curve.label: curve for curve in found.figures[0].curves}
    assert curves["GREEDY"].x == (4.0, 11.0)
    of_days = schemes(results["reacting"])["deployed"]["all_days"]["revenue"]["mean"]
    first, second = curves["deployed fixed reserve"].y
    assert min(first, second) * 0.5 < of_days < max(first, second) * 2
    assert curves["static best in hindsight"].drawn == "reference"


def test_the_deployed_scheme_earns_what_a_plain_roll_out_does(folder, results):
    study = experiment_in(folder)
    population = population_of(study)
    env, params = population.env, population.comparing
    key = jax.random.fold_in(jax.random.key(study.seed), 2)
    keywords = draw_keywords(env, params, key, study.keywords)
    step = jax.jit(jax.vmap(env.step_env, in_axes=(0, 0, 0, None)))
    states, revenue = keywords.states, []
    deployed = jnp.full((study.keywords, 2), study.deployed_reserve * np.exp(0.35))
    for day in range(study.days):
        _, states, reward, *_ = step(keywords.day_keys[:, day], states, deployed, params)
        revenue.append(np.asarray(reward))
    found = schemes(results["reacting"])["deployed"]
    assert found["all_days"]["revenue"]["mean"] == pytest.approx(np.mean(revenue), rel=1e-5)
    assert found["last_days"]["revenue"]["mean"] == pytest.approx(np.mean(revenue[-5:]), rel=1e-5)


@pytest.mark.parametrize("population", ["reacting", "never_reacting"])
def test_the_best_in_hindsight_is_the_best_static_scheme(results, population):
    of = {name: one["all_days"] for name, one in schemes(results[population]).items()}
    for name in STATIC[:-1]:
        against = of[name]["against_static_hindsight"]
        assert against["ahead"] == 0 and against["mean"] <= 1e-6, name


def test_where_bidders_never_react_their_first_bids_tell_the_best_reserves(results):
    of = {name: one["all_days"] for name, one in schemes(results["never_reacting"]).items()}
    best = of["static_hindsight"]["revenue"]["mean"]
    assert of["static_initial"]["against_deployed"]["mean"] >= 0
    # The bids are known but for their bins.
    assert of["static_initial"]["revenue"]["mean"] >= 0.95 * best


def test_the_usual_search_differs_from_itself_by_nothing(results):
    assert [one["varied"] for one in results["ablation"]] == [
        "depth",
        "simulations",
        "held_days",
        "model",
    ]
    for one in results["ablation"]:
        assert one["against_usual"]["mean"] == one["against_usual"]["ahead"] == 0


def test_models_are_compared_with_the_entropy_and_the_truth(results):
    for one in results["cross_entropy"]:
        assert one["above_entropy"]["mean"] > 0, one
    assert [one["days_ahead"] for one in results["foresight"]] == [1, 5, 10] * 4
    for one in results["foresight"]:
        assert one["absolute_percent"]["mean"] >= abs(one["bias_percent"]["mean"])


def test_the_same_seed_gives_the_same_results(folder, results):
    again = compute(replace(experiment_in(folder), never_react=False))
    for name in ("reacting", "cross_entropy", "foresight", "ablation"):
        assert json.loads(json.dumps(again.results[name])) == results[name], name
    assert len(again.tables) == 5


def test_paired_intervals_are_students():
    values, others = np.array([1.0, 2.0, 4.0, 4.0]), np.array([0.5, 2.0, 3.0, 2.5])
    found = paired(values, others)
    test = stats.ttest_rel(values, others)
    low, high = test.confidence_interval(0.95)
    assert found["mean"] == pytest.approx((low + high) / 2)
    assert found["ci95"] == pytest.approx((high - low) / 2)
    assert found["percent"] == pytest.approx(100 * 0.75 / 2)
    assert (found["ahead"], found["behind"]) == (3, 0)
    assert verdict(found) == "not told apart"
    assert verdict({"mean": 1.0, "ci95": 0.9}) == "more"
    assert verdict({"mean": -1.0, "ci95": 0.9}) == "less"
    assert paired(values, np.zeros(4))["percent"] is None


def test_relative_reserves_are_shares_of_the_mean_bid():
    env = ReservePricing(2, 2, days=4, statistic="summary")
    params = env.default_params
    view = RelativeReserves(env)
    _, state = view.reset(jax.random.key(0), params)
    share = jnp.array([0.5, 1.0])
    reserves = np.asarray(view.reserves(state, share, params))
    bids = np.asarray(state.strategy_bids)
    # Bids scatter by .15, and bins are a ratio of 1.11 wide.
    np.testing.assert_allclose(reserves / np.asarray(share), bids, rtol=0.08)
    _, after, revenue, *_ = view.step_env(jax.random.key(1), state, share, params)
    _, expected, same, *_ = env.step_env(jax.random.key(1), state, jnp.asarray(reserves), params)
    assert float(revenue) == pytest.approx(float(same), rel=1e-6)
    np.testing.assert_allclose(after.reserves, expected.reserves, rtol=1e-6)
    # A bidder priced out keeps its reserve, in shares of which the next is.
    _, out, *_ = env.step_env(jax.random.key(1), state, params.reserve_high * jnp.ones(2), params)
    np.testing.assert_allclose(
        view.reserves(out, share, params), params.reserve_high * share, rtol=1e-6
    )


def test_learned_policies_post_reserves():
    study = replace(
        EXPERIMENTS[NAME],
        policies=LearnedPolicies(updates=1, environments=4, rollout_days=2),
    )
    env = ReservePricing(2, 2, days=4, num_bins=16, memory=2, statistic="summary")
    params = env.default_params
    policies = learned_policies(study, env, params, Clock())
    assert list(policies) == ["policy_gradient", "ppo"]
    observation, state = env.reset(jax.random.key(0), params)
    for choose in policies.values():
        reserves = choose(None, None, observation, state, None)
        assert reserves.shape == (2,)
        assert np.all((np.asarray(reserves) >= 0) & (np.asarray(reserves) < params.reserve_high))
    none = replace(study, policies=LearnedPolicies(updates=0))
    assert learned_policies(none, env, params, Clock()) == {}


def bid_file(path, bids):
    with path.open("w", newline="") as file:
        table = csv.writer(file)
        table.writerow(("keyword", "bidder", "bid"))
        for keyword, row in enumerate(bids):
            table.writerows((keyword, bidder, bid) for bidder, bid in enumerate(row))
    return path


def test_own_bids_are_learned_on_and_compared_on_apart(tmp_path):
    bids = np.random.default_rng(0).lognormal(3, 0.5, (9, 4))
    path = bid_file(tmp_path / "bids.csv", bids)
    study = replace(EXPERIMENTS[NAME], bids=str(path))
    population = population_of(study)
    assert population.env.num_bidders == 4
    parts = [
        np.asarray(params.distribution.values_and_quality.values)
        for params in (population.learning, population.comparing)
    ]
    assert [len(part) for part in parts] == [5, 4]
    together = np.concatenate(parts)
    np.testing.assert_allclose(np.sort(together[:, 0]), np.sort(bids[:, 0]), rtol=1e-6)
    for params in (population.learning, population.comparing):
        np.testing.assert_allclose(params.deployed_reserves, 0.15 * np.median(bids), rtol=1e-5)
    assert study.title == f"{NAME}: bids.csv"


def test_the_path_of_own_bids_is_kept_whole(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    bid_file(tmp_path / "bids.csv", [[1, 2, 3], [2, 3, 4]])
    study = replace(EXPERIMENTS[NAME], bids="bids.csv")
    assert study.resolved().bids == str(tmp_path / "bids.csv")


@pytest.mark.skipif(
    importlib.util.find_spec("simple_fpa") is None, reason="the extra data is not installed"
)
def test_timber_auctions_become_keywords(tmp_path):
    path = bid_file(tmp_path / "timber.csv", load_timber_bids(5)[:50, :, 0])
    population = population_of(replace(EXPERIMENTS[NAME], bids=str(path)))
    assert population.env.num_bidders == 5
    assert 1 <= population.comparing.distribution.highest_value <= 4


@pytest.mark.parametrize(
    ("bids", "slots", "answer"),
    [
        ([[1, 2, 3]], 3, "bids: got 1 keyword"),
        ([[1, 2], [2, 3]], 3, "slots: got 3; allowed are integers up to 2"),
        ([[1, -2], [2, 3]], 2, "values must not be negative"),
    ],
)
def test_bids_that_cannot_be_used_leave_no_folder(tmp_path, capsys, bids, slots, answer):
    path = bid_file(tmp_path / "bids.csv", bids)
    made = tmp_path / "run"
    asked = ("--bids", str(path), "--slots", str(slots), "--directory", str(made))
    assert command("run", NAME, *asked) == 2
    assert answer in capsys.readouterr().err
    assert not made.exists()


@pytest.mark.parametrize(
    ("arguments", "answer"),
    [
        ("--keywords 1", "keywords: got 1; allowed are integers from 2"),
        ("--days 0", "days: got 0"),
        ("--last-days 241", "last_days: got 241; allowed are integers up to days, 240"),
        ("--slots 4", "slots: got 4; allowed are integers up to the number of bidders, 3"),
        ("--bids nowhere.csv", "bids: got nowhere.csv; there is no such file"),
        ("--quality-column q", "quality_column: got 'q' without bids"),
        ("--deployed-reserve 2", "deployed_reserve: got 2.0; allowed are numbers from 0 to 1"),
        ("--kinds.inactive -1", "kinds: got (-1.0, "),
        ("--training.days 20", "training.days: got 20; allowed are integers from 31 above"),
        ("--search.gamma 1", "search.gamma: got 1.0; allowed are numbers from 0 to below 1"),
        ("--search.simulations 6", "search.simulations: got 6; allowed are integers from 7"),
        ("--search.depth 0", "search.depth: got 0"),
        ("--policies.environments 6", "policies.environments: got 6; allowed are multiples"),
        ("--ablation.keywords 41", "ablation.keywords: got 41; allowed are 0 and integers"),
        ("--ablation.days 241", "ablation.days: got 241"),
        ("--ablation.simulations 5", "ablation.simulations: got 5"),
        ("--ablation.models oracle", "oracle"),
    ],
)
def test_what_is_out_of_range_is_refused(arguments, answer, capsys):
    assert command("run", NAME, *arguments.split()) == 2
    shown = capsys.readouterr()
    assert answer in shown.err + shown.out


def test_the_configuration_reads_back_the_same(folder):
    study = read_config(folder / "config.yaml")
    assert study.ablation.models == ("lstm",)
    assert study.kinds == EXPERIMENTS[NAME].kinds


def test_held_days_are_days_in_a_row():
    env = ReservePricing(2, 2, days=9, statistic="summary")
    params = env.default_params
    _, state = env.reset(jax.random.key(0), params)
    key, reserves = jax.random.key(1), jnp.array([0.3, 0.6])
    exact = ExactSimulator(env, params)
    after, mean = HeldDays(exact, 3).step(exact.start(state), reserves, key)
    revenues = []
    for day_key in jax.random.split(key, 3):
        state, revenue = exact.step(state, reserves, day_key)
        revenues.append(float(revenue))
    assert float(mean) == pytest.approx(np.mean(revenues), rel=1e-6)
    np.testing.assert_allclose(after.strategy_bids, state.strategy_bids, rtol=1e-6)
    with pytest.raises(ValueError, match="days: got 0"):
        HeldDays(exact, 0)
