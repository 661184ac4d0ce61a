import sys
from pathlib import Path

# noisy_descent.py is shared with the tests of the runner.
sys.path.insert(0, str(Path(__file__).parents[1] / "runner"))
