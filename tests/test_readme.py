"""What the README shows works as written, on the package that is installed."""

import json
import re
import subprocess
import sys
from importlib.metadata import distribution
from pathlib import Path

import jaxmech

README = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")


def test_the_installed_package_is_what_is_tested():
    origin = json.loads(distribution("jaxmech").read_text("direct_url.json") or "{}")
    if origin.get("dir_info", {}).get("editable"):
        return  # the checkout is the installed package
    assert Path(jaxmech.__file__).is_relative_to(sys.prefix)


def test_the_python_example_runs(tmp_path):
    (example,) = re.findall(r"```python\n(.*?)```", README, flags=re.DOTALL)
    quick = example.replace("updates=50", "updates=1").replace("10_000", "100")
    assert quick != example
    done = subprocess.run(
        [sys.executable, "-c", quick], capture_output=True, text=True, cwd=tmp_path
    )
    assert done.returncode == 0, done.stderr
    assert "Estimate(mean=" in done.stdout
