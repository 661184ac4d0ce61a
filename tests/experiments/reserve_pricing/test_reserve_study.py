"""The study of daily reserve prices as a whole: what it finds, keeps, and goes on from.

It compiles a few dozen programs, so that all of this is slow.
"""

import json
import random
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from bid_files import bid_file
from small_reserve_study import small

from jaxmech.experiments import timing
from jaxmech.experiments.reserve_pricing.keywords import draw_keywords, population_of
from jaxmech.experiments.reserve_pricing.schemes import EXACT, SCHEMES, STATIC
from jaxmech.experiments.workspace import Workspace
from jaxmech.reports import folder

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    made = tmp_path_factory.mktemp("user")
    bids = np.random.default_rng(1).lognormal(0.35, 0.71, (9, 2))
    return small(bid_file(made / "bids.csv", bids), days=16)


@pytest.fixture(scope="module")
def said():
    """Lines that the run has said."""
    return []


@pytest.fixture(scope="module")
def finished(study, said, tmp_path_factory):
    """The folder of a run, on a file of two bidders on each keyword."""
    directory = tmp_path_factory.mktemp("runs") / "run"
    Workspace(directory, say=said.append).run(study)
    return directory


@pytest.fixture(scope="module")
def findings(finished):
    return folder.read(finished).findings


@pytest.fixture(scope="module")
def numbers(findings):
    """Every number by cell, scheme and metric."""
    return {(one.cell, one.scheme, one.metric): one.value for one in findings.records}


def test_a_run_writes_its_whole_folder(finished, findings):
    for name in ("config.yaml", "summary.json", "report.html", "figures/revenue.png"):
        assert (finished / name).stat().st_size > 0, name
    assert [table.title for table in findings.tables] == [
        "Revenue of 4 keywords",
        "Orderings",
        "Where bidders never react",
        "Bidder models, held out",
        "Foresight of the planner",
        "Tree search, one thing varied",
    ]
    page = (finished / "report.html").read_text()
    for words in (
        "tree search from static best",
        "search.depth",
        "paired",
        "has two parts",
        "trained anew on logs of bidders that never react",
        "The keywords compared are all that were not learned on, each once",
        "the next bidder sets does not bind",
        "days left over are not shown",
    ):
        assert words in page, words
    assert page.count("<svg") == 2
    # On the user's own bids it reproduces nothing.
    assert "Tang 2017" not in page


def test_every_stage_is_announced(finished, said):
    headings = [line for line in said if line.startswith("[")]
    # All seven but the policies.
    assert [line[:5] for line in headings] == [f"[{number}/6]" for number in range(1, 7)]
    done = [one.name for one in timing.read(finished) if one.event == "finished"]
    assert len(set(done)) == len(done)
    assert {"logs", "train_lstm", "train_persistence_28_days", "play_tree_search"} < set(done)


@pytest.mark.parametrize("population", ["reacting", "never_reacting"])
def test_no_static_reserves_beat_those_of_hindsight(numbers, population):
    for name in STATIC[:-1]:
        against = "all_days.against_static_hindsight"
        assert numbers[population, name, f"{against}.ahead"] == 0, name
        assert numbers[population, name, against] <= 1e-6, name


def test_where_bidders_never_react_their_first_bids_tell_the_best_reserves(numbers):
    best = numbers["never_reacting", "static_hindsight", "all_days.revenue"]
    assert numbers["never_reacting", "static_initial", "all_days.against_deployed"] >= 0
    # The bids are known but for their bins, which are few here; this seed: .935.
    assert numbers["never_reacting", "static_initial", "all_days.revenue"] >= 0.9 * best


def test_variants_of_the_search_earn_what_schemes_do_that_are_the_same(numbers):
    """On all keywords and days, as fewer of both were asked for than the ablation has."""
    for variant, scheme in (
        # A search of one move that tries them all is GREEDY.
        ("depth, simulations: 1, 5", "greedy_from_static"),
        ("held_days: 1", "tree_search_from_static"),
        ("model: lstm", "tree_search_from_static"),
        ("no search: static best on the initial bids", "static_initial"),
        ("no search: static best in hindsight", "static_hindsight"),
    ):
        expected = numbers["reacting", scheme, "all_days.revenue"]
        assert numbers["ablation", variant, "revenue"] == pytest.approx(expected, rel=1e-5)
    assert numbers["ablation", "model: lstm", "against_usual"] == 0
    assert numbers["ablation", "depth, simulations: 1, 5", "against_usual"] != 0


@pytest.fixture(scope="module")
def deployed_days(study):
    """What the deployed reserves earn in a plain roll-out, float [days, keywords]."""
    population = population_of(study.resolved())
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


def test_the_deployed_scheme_earns_what_a_plain_roll_out_does(deployed_days, findings, numbers):
    whole = numbers["reacting", "deployed", "all_days.revenue"]
    assert whole == pytest.approx(deployed_days.mean(), rel=1e-5)
    last = findings.estimates["deployed"].mean
    assert last == pytest.approx(deployed_days[-5:].mean(), rel=1e-5)
    curves = {curve.label: curve for curve in findings.figures[0].curves}
    weeks = [deployed_days[:7].mean(), deployed_days[7:14].mean()]
    assert curves["deployed fixed reserve"].y == pytest.approx(weeks, rel=1e-5)
    assert curves["static best in hindsight"].drawn == "reference"


def test_schemes_differ_by_their_start_and_patience(numbers):
    def schemes(cell):
        found = {one for of, one, metric in numbers if (of, metric) == (cell, "all_days.revenue")}
        return [name for name in SCHEMES if name in found]

    left_out = ("tree_search_larger_moves", "policy_gradient", "ppo")
    assert schemes("reacting") == list(SCHEMES[: -len(left_out)])
    planned = [name for name in schemes("reacting") if name.startswith(("greedy", "tree_search"))]
    revenues = {numbers["reacting", name, "all_days.revenue"] for name in planned}
    assert len(revenues) == len(planned) == 7
    assert schemes("never_reacting") == [name for name in schemes("reacting") if name != EXACT]


def test_models_are_compared_with_the_entropy(numbers):
    models = [name for cell, name, metric in numbers if (cell, metric) == ("bidder_models", "nats")]
    assert models == ["persistence", "persistence, 28 days", "lstm", "lstm, 7 days"]
    for name in models:
        assert numbers["bidder_models", name, "above_entropy"] > 0, name


def copied(finished, tmp_path):
    """The folder without what tells that it is finished."""
    directory = tmp_path / "run"
    shutil.copytree(finished, directory)
    for name in ("manifest.json", "summary.json"):
        (directory / name).unlink()
    return directory


@pytest.mark.parametrize("lost", ["play_greedy", "foresight", "train_lstm"])
def test_what_was_lost_is_computed_again_and_nothing_else(lost, study, finished, tmp_path):
    directory = copied(finished, tmp_path)
    (directory / "kept" / f"{lost}.npz").unlink()
    begun = len(timing.read(directory))
    assert Workspace(directory, say=[].append).run(study) == folder.read(finished).findings
    again = timing.read(directory)[begun:]
    assert [(one.event, one.name) for one in again] == [("begun", lost), ("finished", lost)]


def test_the_same_seed_gives_the_same_numbers_without_what_is_left_out(study, findings, tmp_path):
    fewer = replace(
        study, never_react=False, exact=False, ablation=replace(study.ablation, keywords=0)
    )
    found = Workspace(tmp_path / "run", say=[].append).run(fewer)
    cells = ("", "reacting", "bidder_models", "foresight")
    assert list(found.records) == [
        one
        for one in findings.records
        if one.cell in cells
        and one.scheme != EXACT
        and not one.metric.endswith(f"against_{EXACT}")
        and f"against_{EXACT}." not in one.metric
    ]
    assert len(found.tables) == 4


_PROGRAM = """
import sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from small_reserve_study import small
from jaxmech.experiments.workspace import Workspace
Workspace(sys.argv[2], say=[].append).run(small(sys.argv[3], days=16))
"""


def test_killed_at_any_moment_it_goes_on_to_the_same_findings(study, finished, tmp_path):
    """What was finished is not computed twice."""
    directory = tmp_path / "run"
    call = [sys.executable, "-c", _PROGRAM, str(Path(__file__).parent), str(directory), study.bids]
    moments = random.Random(0)
    for _ in range(3):
        started = subprocess.Popen(call)
        time.sleep(moments.uniform(5, 30))
        started.send_signal(signal.SIGKILL)
        started.wait()
    subprocess.run(call, check=True)
    summaries = [json.loads((of / "summary.json").read_text()) for of in (directory, finished)]
    for summary in summaries:
        for times in ("seconds", "compile_seconds"):
            del summary[times]
    assert summaries[0] == summaries[1]
    done = [one.name for one in timing.read(directory) if one.event == "finished"]
    assert len(set(done)) == len(done)
