"""The notebooks are Python by default; slowly they run from top to bottom, on a small budget."""

import ast
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

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
