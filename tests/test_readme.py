"""What the README shows works as written, on the package that is installed."""

import ast
import inspect
import json
import os
import re
import subprocess
import sys
import textwrap
from importlib.metadata import distribution
from pathlib import Path

import numpy as np
import pytest

import jaxmech
from jaxmech.designers import planning
from jaxmech.environments.incentives import incentive_design
from jaxmech.oracles import LinearCournot

README = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")


def test_the_installed_package_is_what_is_tested():
    origin = json.loads(distribution("jaxmech").read_text("direct_url.json") or "{}")
    if origin.get("dir_info", {}).get("editable"):
        return  # the checkout is the installed package
    assert Path(jaxmech.__file__).is_relative_to(sys.prefix)


EXAMPLES = re.findall(r"```python\n(.*?)```", README, flags=re.DOTALL)


@pytest.mark.parametrize("place", range(len(EXAMPLES)))
def test_examples_are_python_and_import_what_there_is(place):
    imports = [
        node
        for node in ast.walk(ast.parse(EXAMPLES[place]))
        if isinstance(node, ast.Import | ast.ImportFrom)
    ]
    assert imports
    exec(compile(ast.Module(imports, []), "README.md", "exec"), {})


def run(example, folder):
    """What an example prints, compiled quickly."""
    done = subprocess.run(
        [sys.executable, "-c", example],
        capture_output=True,
        text=True,
        cwd=folder,
        env={**os.environ, "JAX_DISABLE_MOST_OPTIMIZATIONS": "1"},
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.slow
def test_the_example_of_learning_runs(tmp_path):
    quick = EXAMPLES[0].replace("updates=50", "updates=1").replace("10_000", "100")
    assert quick != EXAMPLES[0]
    assert "Estimate(mean=" in run(quick, tmp_path)


def test_the_example_of_incentives_prints_what_is_shown_beside_it(tmp_path):
    shown = re.findall(r"[\d.]{3,}", EXAMPLES[1].partition("# ")[2])
    known = re.findall(r"they are ([\d.]+) and ([\d.]+)\. `gradient", README)
    printed = [float(number) for number in re.findall(r"[\d.]+", run(EXAMPLES[1], tmp_path))]
    market = LinearCournot(
        (1.0, 2.0, 3.0), 10.0, curvatures=0.5, emissions=(1.0, 0.6, 0.2), damage=2.0
    )
    best = market.best_tax(), market.welfare(market.quantities(market.best_tax()))
    assert [f"{best[0]:.7f}", f"{best[1]:.6f}"] == list(known[0])
    np.testing.assert_allclose(printed, [float(number) for number in shown], rtol=1e-6)
    np.testing.assert_allclose(printed, best, rtol=1e-6)


def test_the_example_of_a_game_of_ones_own_finds_its_best_subsidy(tmp_path):
    shown = inspect.getdoc(incentive_design).partition("for all::")[2].partition("Args:")[0]
    printed = run(textwrap.dedent(shown), tmp_path)
    # Each of three is to give what is worth 0.5 to every one of them: 1.5, of which 0.5 unpaid.
    assert float(printed.strip("[] \n")) == pytest.approx(1, abs=1e-4)


def test_the_example_of_auctions_agrees_with_the_closed_form(tmp_path):
    revenues, learned = run(EXAMPLES[2], tmp_path).strip().split("\n", 1)
    simulated, exact = map(float, revenues.split())
    assert simulated == pytest.approx(exact, abs=0.002)
    assert float(learned.split()[-1]) < 1e-3


@pytest.mark.slow
def test_the_example_of_planning_on_own_logs_plans_a_row_for_each_keyword(tmp_path):
    rows = ["keyword,day,bidder,bid,reserve,impressions,clicks,cost,quality"] + [
        f"{keyword},{day},{bidder},{1 + day % 3 + bidder},0.3,1,0.1,0.05,0.2"
        for keyword, bidders in ((1, 2), (2, 3))
        for day in range(15)
        for bidder in range(bidders)
    ]
    (tmp_path / "bids.csv").write_text("\n".join(rows))
    example = textwrap.dedent(planning.__doc__.partition("::\n")[2])
    quick = example.replace("num_steps=300", "num_steps=2").replace('"lstm"', '"linear"')
    assert "num_steps=2)" in quick and '"linear")' in quick
    shown = [float(number) for number in re.findall(r"[\d.]+", run(quick, tmp_path))]
    assert len(shown) == 2 * 3
    # Who only fills up the first keyword keeps a reserve of 0.
    assert shown[2] == 0 and min(shown[:2] + shown[3:]) > 0


def test_readme_stays_short():
    assert len(README.splitlines()) <= 180
