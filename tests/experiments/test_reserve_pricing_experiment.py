"""The study of daily reserve prices: what it computes, its folder, and what it refuses."""

import csv
import importlib.util
import json
import re
from dataclasses import replace
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

from jaxmech import cli, findings
from jaxmech.agents import load_timber_bids
from jaxmech.designers.held_days import HeldDays
from jaxmech.designers.reserve_planners import local_moves
from jaxmech.designers.reserve_simulators import ExactSimulator
from jaxmech.environments import ReservePricing
from jaxmech.environments.relative_reserves import RelativeReserves
from jaxmech.experiments import (
    EXPERIMENTS,
    LearnedPolicies,
    SearchSettings,
    experiment_in,
    read_config,
)
from jaxmech.experiments.computing import compute
from jaxmech.experiments.reserve_comparison import paired, verdict
from jaxmech.experiments.reserve_keywords import Clock, Given, draw_keywords, play, population_of
from jaxmech.experiments.reserve_policies import learned_policies
from jaxmech.experiments.reserve_schemes import EXACT, SCHEMES, patient_greedy

NAME = "tang2017/reserve_pricing"

QUICK = [
    *("--keywords", "4", "--days", "16", "--last-days", "5", "--slots", "2"),
    *("--bins", "10", "--reserve-levels", "4", "--training.keywords", "8"),
    *("--training.held-out-keywords", "4", "--training.models", "persistence"),
    *("--training.days", "56", "--training.held-out-days", "3", "--training.steps", "4"),
    *("--search.depth", "2", "--search.simulations", "9", "--search.auctions", "8"),
    *("--search.leaf-value", "held_forever", "--search.held-days", "1"),
    *("--search.patience", "2", "--policies.updates", "0"),
    *("--ablation.depth-and-simulations", "1", "5", "--ablation.held-days", "1"),
    *("--ablation.models", "lstm"),
]
"""Few simulations, but more than the 5 moves of two bidders."""

STATIC = ("deployed", "myerson", "static_initial", "static_model", "static_hindsight")


def command(*arguments: str) -> int:
    with pytest.raises(SystemExit) as ended:
        cli.main(arguments)
    return ended.value.code or 0


@pytest.fixture(autouse=True)
def leave_jax_as_it_is(monkeypatch):
    monkeypatch.setattr(cli, "_set_up_jax", lambda: None)


def bid_file(path, bids):
    with path.open("w", newline="") as file:
        table = csv.writer(file)
        table.writerow(("keyword", "bidder", "bid"))
        for keyword, row in enumerate(bids):
            table.writerows((keyword, bidder, bid) for bidder, bid in enumerate(row))
    return path


@pytest.fixture(scope="module", autouse=True)
def compile_quickly():
    """Programs run for a moment here, but take long to be optimised."""
    jax.config.update("jax_disable_most_optimizations", True)
    yield
    jax.config.update("jax_disable_most_optimizations", False)


@pytest.fixture(scope="module")
def clock():
    """Shared, so that nothing is compiled twice."""
    return Clock()


@pytest.fixture(scope="module")
def said():
    """Lines that the quick run has printed of its stages."""
    return []


@pytest.fixture(scope="module")
def folder(tmp_path_factory, clock, said):
    """The folder of a quick run, on a file of two bidders on each keyword."""
    made = tmp_path_factory.mktemp("user")
    path = bid_file(made / "bids.csv", np.random.default_rng(1).lognormal(0.35, 0.71, (9, 2)))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(cli, "_set_up_jax", lambda: None)
        patch.setattr("jaxmech.experiments.reserve_pricing.Clock", lambda: clock)
        patch.setattr("jaxmech.experiments.reserve_keywords.say", said.append)
        patch.chdir(made)
        assert command("run", NAME, "--bids", str(path), *QUICK) == 0
    return made / "runs" / "tang2017-reserve_pricing-1"


@pytest.fixture(scope="module")
def results(folder):
    return json.loads((folder / "summary.json").read_text())["results"]


def schemes(compared):
    return {one["scheme"]: one for one in compared["schemes"]}


def test_a_run_writes_its_whole_folder(folder):
    for name in ("config.yaml", "summary.json", "report.html", "figures/revenue.png"):
        assert (folder / name).stat().st_size > 0, name
    assert experiment_in(folder).search.simulations == 9
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
    for words in (
        "tree search from static best",
        "search.depth",
        "paired",
        "Tang 2017",
        "has two parts",
        "trained anew on logs of bidders that never react",
    ):
        assert words in page, words
    assert page.count("<svg") == 2


def test_every_stage_says_when_it_is_done(folder, said):
    stages = [line.split(":")[0] for line in said]
    for stage, times in (
        ("logs", 2),
        ("train lstm", 2),
        ("train persistence", 1),
        ("train persistence, 28 days", 1),
        ("play tree_search", 2),
        ("play greedy_held_exact", 1),
        ("foresight", 1),
    ):
        assert stages.count(stage) == times, stage
    assert all(re.fullmatch(r".*: \d+ s, \d+ s compiling", line) for line in said)


@pytest.fixture(scope="module")
def deployed_days(folder):
    """What the deployed reserves earn in a plain roll-out, float [days, keywords]."""
    study = experiment_in(folder)
    population = population_of(study)
    env, params = population.env, population.comparing
    key = jax.random.fold_in(jax.random.key(study.seed), 2)
    keywords = draw_keywords(env, params, key, study.keywords)
    step = jax.jit(jax.vmap(env.step_env, in_axes=(0, 0, 0, None)))
    states, revenue = keywords.states, []
    bids = np.loadtxt(study.bids, delimiter=",", skiprows=1)[:, 2]
    deployed = jnp.full((study.keywords, 2), study.deployed_reserve * np.median(bids))
    for day in range(study.days):
        _, states, reward, *_ = step(keywords.day_keys[:, day], states, deployed, params)
        revenue.append(np.asarray(reward, float))
    return np.array(revenue)


def test_the_deployed_scheme_earns_what_a_plain_roll_out_does(deployed_days, results):
    found = schemes(results["reacting"])["deployed"]
    assert found["all_days"]["revenue"]["mean"] == pytest.approx(deployed_days.mean(), rel=1e-5)
    last = deployed_days[-5:].mean()
    assert found["last_days"]["revenue"]["mean"] == pytest.approx(last, rel=1e-5)


def test_curves_are_means_of_weeks(folder, deployed_days):
    found, _ = findings.read(folder)
    curves = {curve.label: curve for curve in found.figures[0].curves}
    assert curves["GREEDY"].x == (4.0, 11.0)
    weeks = [deployed_days[:7].mean(), deployed_days[7:14].mean()]
    assert curves["deployed fixed reserve"].y == pytest.approx(weeks, rel=1e-5)
    assert curves["static best in hindsight"].drawn == "reference"


def test_the_headline_is_of_a_scheme_named_in_advance(folder, results):
    found, _ = findings.read(folder)
    of = schemes(results["reacting"])["tree_search_from_static"]
    assert found.headline.startswith("Over 16 days tree search from static best earns ")
    for period in ("all_days", "last_days"):
        for other in ("deployed", "static_initial", "static_hindsight"):
            assert f"{of[period][f'against_{other}']['percent']:+.1f} %" in found.headline


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
    # The bids are known but for their bins, which are few here; this seed: .935.
    assert of["static_initial"]["revenue"]["mean"] >= 0.9 * best


def test_variants_of_the_search_earn_what_schemes_do_that_are_the_same(results):
    """On all keywords and days, as fewer of both were asked for than the ablation has."""
    of = schemes(results["reacting"])
    varied = {(one["varied"], one["value"]): one for one in results["ablation"]}
    assert list(varied) == [
        ("depth, simulations", "1, 5"),
        ("held_days", 1),
        ("model", "lstm"),
    ]
    for variant, scheme in (
        # A search of one move that tries them all is GREEDY.
        (("depth, simulations", "1, 5"), "greedy_from_static"),
        (("held_days", 1), "tree_search_from_static"),
        (("model", "lstm"), "tree_search_from_static"),
    ):
        expected = of[scheme]["all_days"]["revenue"]["mean"]
        assert varied[variant]["revenue"]["mean"] == pytest.approx(expected, rel=1e-5), variant
    assert varied["model", "lstm"]["against_usual"]["mean"] == 0
    assert varied["depth, simulations", "1, 5"]["against_usual"]["mean"] != 0


def test_schemes_differ_by_their_start_and_patience(results):
    of = {name: one["all_days"]["revenue"] for name, one in schemes(results["reacting"]).items()}
    assert list(of) == list(SCHEMES[: -len(("policy_gradient", "ppo"))])
    planned = [name for name in of if name.startswith(("greedy", "tree_search"))]
    assert len({of[name]["mean"] for name in planned}) == len(planned) == 7
    still = schemes(results["never_reacting"])
    assert list(still) == [name for name in of if name != EXACT]


def test_patient_greedy_makes_the_move_that_earns_most_over_its_days():
    env = ReservePricing(2, 2, days=9, num_bins=10, statistic="summary")
    params = env.default_params
    _, state = jax.jit(env.reset)(jax.random.key(3), params)
    exact = ExactSimulator(env, params)
    planner = patient_greedy(SearchSettings(patience=8))(env, params, exact)
    moves = local_moves(env, params)
    before = state.history.reserves[-1]
    tried = jax.vmap(moves.apply, in_axes=(None, 0))(before, jnp.arange(5))
    chosen = jax.jit(planner.reserves)(state, jax.random.key(1))

    @jax.jit
    def over_days(reserves, key):
        return jax.vmap(lambda reserves: HeldDays(exact, 8).step(state, reserves, key)[1])(reserves)

    # Many keys, as the plan draws its own of this one.
    earned = np.mean([over_days(tried, jax.random.key(run)) for run in range(40)], axis=0)
    places = [place for place, reserves in enumerate(tried) if np.allclose(reserves, chosen)]
    assert len(places) == 1
    assert earned[places[0]] >= earned.max() * (1 - 0.01)
    assert earned.min() < earned.max() * (1 - 0.02)


def test_models_are_compared_with_the_entropy_and_the_truth(results):
    for one in results["cross_entropy"]:
        assert one["above_entropy"]["mean"] > 0, one
    assert [one["days_ahead"] for one in results["foresight"]] == [1, 5, 10] * 2
    assert [one["model"] for one in results["cross_entropy"]] == [
        "persistence",
        "persistence, 28 days",
        "lstm",
    ]
    for one in results["foresight"]:
        assert one["absolute_percent"]["mean"] >= abs(one["bias_percent"]["mean"])


def test_the_same_seed_gives_the_same_results(folder, results, clock, monkeypatch):
    monkeypatch.setattr("jaxmech.experiments.reserve_pricing.Clock", lambda: clock)
    again = compute(replace(experiment_in(folder), never_react=False, exact=False))
    for name in ("cross_entropy", "foresight", "ablation"):
        assert json.loads(json.dumps(again.results[name])) == results[name], name
    of = json.loads(json.dumps(schemes(again.results["reacting"])))
    assert of == {name: one for name, one in schemes(results["reacting"]).items() if name != EXACT}
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


def test_percents_are_ratios_of_means():
    others = np.array([0.5, 2.0, 3.0, 2.5])
    same = paired(3 * others, others)
    assert same["percent"] == pytest.approx(200)
    assert same["percent_ci95"] == pytest.approx(0, abs=1e-9)
    # The delta method against many samples of a known population.
    rng = np.random.default_rng(0)
    draws = rng.lognormal(0, 0.3, (2000, 60))
    values = 1.5 * draws + 0.2 * rng.standard_normal(draws.shape)
    truth = 100 * (values.mean() / draws.mean() - 1)
    found = [paired(one, other) for one, other in zip(values, draws, strict=True)]
    covered = [abs(one["percent"] - truth) <= one["percent_ci95"] for one in found]
    assert 0.93 < np.mean(covered) < 0.97


def test_relative_reserves_are_shares_of_the_mean_bid():
    env = ReservePricing(2, 2, days=4, statistic="summary")
    params = env.default_params
    view = RelativeReserves(env)
    _, state = jax.jit(view.reset)(jax.random.key(0), params)
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


def test_learned_policies_earn_more_than_the_shares_they_begin_with():
    study = replace(
        EXPERIMENTS[NAME],
        policies=LearnedPolicies(updates=60, environments=16, rollout_days=8),
    )
    env = ReservePricing(2, 2, days=16, num_bins=16, memory=2, statistic="summary")
    params = env.default_params
    policies = learned_policies(study, env, params, Clock())
    assert list(policies) == ["policy_gradient", "ppo"]
    keywords = jax.jit(partial(draw_keywords, env, count=64))(params, jax.random.key(7))

    def mean_revenue(choose):
        of_keyword = jnp.zeros(64)
        revenue, _ = jax.jit(partial(play, env, choose))(Given(params, {}), keywords, of_keyword)
        return float(revenue.mean())

    relative = RelativeReserves(env)

    def untrained(given, of_keyword, observation, state, key):
        return relative.reserves(state, jnp.full(2, 0.5), given.params)

    before = mean_revenue(untrained)
    for name, choose in policies.items():
        assert mean_revenue(choose) > 1.02 * before, name
    none = replace(study, policies=LearnedPolicies(updates=0))
    assert learned_policies(none, env, params, Clock()) == {}


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


def test_the_default_searches_try_every_move_of_five_bidders(tmp_path):
    path = bid_file(tmp_path / "bids.csv", np.random.default_rng(0).lognormal(0, 0.5, (4, 5)))
    study = replace(EXPERIMENTS[NAME], bids=str(path))
    assert population_of(study).env.num_bidders == 5
    few = replace(study, search=replace(study.search, simulations=10))
    with pytest.raises(ValueError, match="got 10 simulations; allowed are integers from 11, the n"):
        population_of(few)


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
        (
            [range(1, 62)] * 2,
            2,
            "search.simulations: got 64 simulations; allowed are integers from 123, the number "
            "of moves with 61 bidders",
        ),
        (
            [range(1, 10)] * 2,
            2,
            "--ablation.depth-and-simulations: got 16 simulations; allowed are integers from 19",
        ),
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
        ("--last-days 241", "--last-days: got 241; allowed are integers up to days, 240"),
        ("--slots 4", "slots: got 4; allowed are integers up to the number of bidders, 3"),
        ("--bids nowhere.csv", "bids: got nowhere.csv; there is no such file"),
        ("--quality-column q", "--quality-column: got 'q' without bids"),
        ("--deployed-reserve 2", "--deployed-reserve: got 2.0; allowed are numbers from 0 to 1"),
        ("--kinds.inactive -1", "kinds: got (-1.0, "),
        ("--training.days 20", "training.days: got 20; allowed are integers from 52 above"),
        ("--search.gamma 1", "search.gamma: got 1.0; allowed are numbers from 0 to below 1"),
        ("--search.simulations 6", "search.simulations: got 6 simulations; allowed are integers"),
        ("--search.patience 0", "search.patience: got 0"),
        ("--search.depth 0", "search.depth: got 0"),
        ("--policies.environments 6", "policies.environments: got 6; allowed are multiples"),
        ("--ablation.keywords 1", "ablation.keywords: got 1; allowed are 0 and integers from 2"),
        ("--ablation.days 0", "ablation.days: got 0"),
        ("--ablation.depth-and-simulations 2 5", "--ablation.depth-and-simulations: got 5"),
        ("--ablation.depth-and-simulations 0 9", "--ablation.depth-and-simulations: got 0"),
        ("--ablation.models oracle", "oracle"),
        ("--training.models linear", "ablation.models: got 'persistence', which is not trained"),
    ],
)
def test_what_is_out_of_range_is_refused(arguments, answer, capsys):
    assert command("run", NAME, *arguments.split()) == 2
    shown = capsys.readouterr()
    assert answer in shown.err + shown.out


def test_the_configuration_reads_back_the_same(folder):
    study = read_config(folder / "config.yaml")
    assert study.ablation.models == ("lstm",)
    assert study.ablation.depth_and_simulations == ((1, 5),)
    assert study.training.models == ("persistence",)
    assert study.kinds == EXPERIMENTS[NAME].kinds


@pytest.mark.parametrize(("field", "fewer"), [("days", 60), ("keywords", 10)])
def test_fewer_days_or_keywords_need_no_other_ablation(field, fewer):
    assert getattr(replace(EXPERIMENTS[NAME], **{field: fewer}), field) == fewer


def test_held_days_are_days_in_a_row():
    env = ReservePricing(2, 2, days=9, statistic="summary")
    params = env.default_params
    _, state = jax.jit(env.reset)(jax.random.key(0), params)
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
