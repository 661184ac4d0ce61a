import sys
from pathlib import Path

import pytest

# The tests here, and those of faults, share modules of this folder.
sys.path.insert(0, str(Path(__file__).parent))


@pytest.fixture(scope="session")
def finished(tmp_path_factory):
    """30 updates of seeds 0, 1, 2 with everything on."""
    from descents import DESIGNER

    from jaxmech import runner

    return runner.run(
        DESIGNER,
        directory=tmp_path_factory.mktemp("runs") / "finished",
        seeds=3,
        updates=30,
        config={"setting": "bowl", "sizes": [3, 4]},
        evaluate=DESIGNER.evaluate,
        evaluate_every=7,
    )
