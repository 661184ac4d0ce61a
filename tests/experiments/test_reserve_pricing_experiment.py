"""The study of daily reserve prices: what it computes, its folder, and what it refuses."""

import json
import re
from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from bid_files import bid_file
from command_line import command

from jaxmech.experiments import EXPERIMENTS, experiment_in, read_config
from jaxmech.experiments.computing import compute
from jaxmech.experiments.reserve_pricing.keywords import Clock, draw_keywords, population_of
from jaxmech.experiments.reserve_pricing.schemes import EXACT, SCHEMES
from jaxmech.reports import earlier_findings as findings

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
    *("--ablation.models", "lstm", "--search.larger-factors"),
]
"""Few simulations, but more than the 5 moves of two bidders."""

pytestmark = pytest.mark.usefixtures("leave_jax_as_it_is", "compile_quickly")

STATIC = ("deployed", "myerson", "static_initial", "static_model", "static_hindsight")


@pytest.fixture(scope="module")
def clock():
    """Shared, so that nothing is compiled twice."""
    return Clock()


@pytest.fixture(scope="module")
def said():
    """Lines that the quick run has printed of its stages."""
    return []


@pytest.fixture(scope="module")
def folder(tmp_path_factory, clock, said, leave_jax_as_it_is, compile_quickly):
    """The folder of a quick run, on a file of two bidders on each keyword."""
    made = tmp_path_factory.mktemp("user")
    path = bid_file(made / "bids.csv", np.random.default_rng(1).lognormal(0.35, 0.71, (9, 2)))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("jaxmech.experiments.reserve_pricing.study.Clock", lambda: clock)
        for module in ("reserve_keywords", "reserve_pricing"):
            patch.setattr(f"jaxmech.experiments.{module}.say", said.append)
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
        "The keywords compared are all that were not learned on, each once",
        "the next bidder sets does not bind",
        "days left over are not shown",
    ):
        assert words in page, words
    assert page.count("<svg") == 2


def test_every_stage_says_when_it_begins_and_is_done(folder, said):
    stages = [line.split(":")[0] for line in said]
    headings = [line for line in said if line.startswith("[")]
    # All seven but the policies.
    assert [line[:5] for line in headings] == [f"[{number}/6]" for number in range(1, 7)]
    for stage, times in (
        ("logs", 2),
        ("train lstm", 2),
        ("train persistence", 1),
        ("train persistence, 28 days", 1),
        ("play tree_search", 2),
        ("play greedy_held_exact", 1),
        ("foresight", 1),
    ):
        assert stages.count(stage) == said.count(f"{stage} ...") == times, stage
    done = [line for line in said if re.fullmatch(r".*: \d+ s, \d+ s compiling", line)]
    assert len(said) == 1 + len(headings) + 2 * len(done)
    for line in done:
        begun = said.index(line.split(":")[0] + " ...")
        assert begun < said.index(line), line


def test_a_study_that_is_stopped_says_that_it_begins_anew(monkeypatch):
    lines = []

    def stop(study):
        raise KeyboardInterrupt

    monkeypatch.setattr("jaxmech.experiments.reserve_pricing.study.population_of", stop)
    monkeypatch.setattr("jaxmech.experiments.reserve_pricing.study.say", lines.append)
    with pytest.raises(KeyboardInterrupt):
        compute(EXPERIMENTS[NAME])
    assert lines == ["stopped; jaxmech resume computes the study anew, from its beginning"]


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
    bids = population.learning.distribution.values_and_quality.values
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
        ("no search", "static best on the initial bids"),
        ("no search", "static best in hindsight"),
    ]
    for variant, scheme in (
        # A search of one move that tries them all is GREEDY.
        (("depth, simulations", "1, 5"), "greedy_from_static"),
        (("held_days", 1), "tree_search_from_static"),
        (("model", "lstm"), "tree_search_from_static"),
        (("no search", "static best on the initial bids"), "static_initial"),
        (("no search", "static best in hindsight"), "static_hindsight"),
    ):
        expected = of[scheme]["all_days"]["revenue"]["mean"]
        assert varied[variant]["revenue"]["mean"] == pytest.approx(expected, rel=1e-5), variant
    assert varied["model", "lstm"]["against_usual"]["mean"] == 0
    assert varied["depth, simulations", "1, 5"]["against_usual"]["mean"] != 0


def test_schemes_differ_by_their_start_and_patience(results):
    of = {name: one["all_days"]["revenue"] for name, one in schemes(results["reacting"]).items()}
    left_out = ("tree_search_larger_moves", "policy_gradient", "ppo")
    assert list(of) == list(SCHEMES[: -len(left_out)])
    planned = [name for name in of if name.startswith(("greedy", "tree_search"))]
    assert len({of[name]["mean"] for name in planned}) == len(planned) == 7
    still = schemes(results["never_reacting"])
    assert list(still) == [name for name in of if name != EXACT]


def test_models_are_compared_with_the_entropy_and_the_truth(results):
    for one in results["cross_entropy"]:
        assert one["above_entropy"]["mean"] > 0, one
    assert [one["days_ahead"] for one in results["foresight"]] == [1, 5, 10] * 2
    assert [one["model"] for one in results["cross_entropy"]] == [
        "persistence",
        "persistence, 28 days",
        "lstm",
        "lstm, 7 days",
    ]
    for one in results["foresight"]:
        assert one["absolute_percent"]["mean"] >= abs(one["bias_percent"]["mean"])


def test_the_same_seed_gives_the_same_results(folder, results, clock, monkeypatch):
    monkeypatch.setattr("jaxmech.experiments.reserve_pricing.study.Clock", lambda: clock)
    again = compute(replace(experiment_in(folder), never_react=False, exact=False))
    for name in ("cross_entropy", "foresight", "ablation"):
        assert json.loads(json.dumps(again.results[name])) == results[name], name
    of = json.loads(json.dumps(schemes(again.results["reacting"])))
    assert of == {name: one for name, one in schemes(results["reacting"]).items() if name != EXACT}
    assert len(again.tables) == 5


def test_the_configuration_reads_back_the_same(folder):
    study = read_config(folder / "config.yaml")
    assert study.ablation.models == ("lstm",)
    assert study.ablation.depth_and_simulations == ((1, 5),)
    assert study.training.models == ("persistence",)
    assert study.kinds == EXPERIMENTS[NAME].kinds
