"""How every test compiles, what it may cost, and what comes first.

Two tiers. The default one must answer within minutes: programs are compiled quickly, and a test
above ``CPU_SECONDS`` fails unless it is marked ``slow``. ``pytest -m slow`` runs the others.
"""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from tiers import QUICKLY


def _xla_takes(flags: str) -> bool:
    """Whether XLA starts with them: newer ones end the process at a flag that they lack."""
    start = "from jaxlib import xla_client; xla_client.make_cpu_client()"
    environment = os.environ | {"XLA_FLAGS": flags}
    started = subprocess.run([sys.executable, "-c", start], env=environment, capture_output=True)
    return started.returncode == 0


_USER_CACHE = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")

# Read by JAX when it is imported, also in the commands that tests start. The level of
# optimisation is part of the key of a kept program.
os.environ.setdefault("JAX_COMPILATION_CACHE_DIR", os.path.join(_USER_CACHE, "jaxmech-tests"))
os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS", "0")
os.environ.setdefault("JAX_DISABLE_MOST_OPTIMIZATIONS", "1")
os.environ.setdefault("JAX_NUMPY_RANK_PROMOTION", "raise")
# On two processors as many threads may all come to wait for linear solves that none of them is
# left to make.
os.environ.setdefault("NPROC", "8")
_flags = os.environ.get("XLA_FLAGS", "")
if QUICKLY not in _flags and _xla_takes(f"{_flags} {QUICKLY}"):
    os.environ["XLA_FLAGS"] = f"{_flags} {QUICKLY}".strip()
# The commands import the installed package, not a checkout they happen to start in.
os.environ.setdefault("PYTHONSAFEPATH", "1")

CPU_SECONDS = 10.0
"""What a test of the default tier may take of the processors: it, the commands it waits for,
and what is set up for it. What a file sets up for all its tests is counted for the first of them.
A machine that is slower than the one it was set on gives up to three times as much."""

DEAREST = (
    "experiments/reserve_pricing/test_reserve_study.py",
    "faults/test_corruption.py",
    "environments/test_contract.py",
    "economics/test_auction_revenues.py",
    "experiments/sequential_price/test_sequential_price_runs.py",
    "environments/test_alone_or_in_a_batch.py",
    "designers/test_ppo.py",
    "faults/test_run_faults.py",
    "faults/test_kills.py",
    "test_notebooks.py",
    "designers/test_classic_control.py",
    "experiments/auctions/test_learned_reserve.py",
    "designers/test_reserve_planning.py",
    "designers/test_ddpg_known_values.py",
    "designers/test_ddpg.py",
    "designers/test_recurrent_ppo.py",
    "environments/test_repeated_auction.py",
    "designers/test_tree_search.py",
    "designers/test_static_reserves.py",
    "designers/test_bidder_model_training.py",
    "environments/test_reserve_pricing.py",
    "networks/test_bidder_models.py",
    "mechanisms/test_position_auctions.py",
    "oracles/test_oracle_adaptive_order.py",
    "designers/test_play.py",
    "runner/test_run_or_resume.py",
    "certificates/test_gain_certificates.py",
)
"""Files that take longest in either tier, in this order: they start first, so that no processor is
left with one of them at the end."""

_ROOT = Path(__file__).parent
_started = pytest.StashKey[float]()


def pytest_collection_modifyitems(items):
    order = {_ROOT / name: rank for rank, name in enumerate(DEAREST)}
    items.sort(key=lambda item: order.get(item.path, len(order)))


def _cpu_seconds():
    """Of this process and of those that it has started and that have ended."""
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


COUNTING_SECONDS = 0.09
"""What the machine that ``CPU_SECONDS`` was set on takes to count to 5,000,000."""


def _slowness():
    """How much slower this machine is, from 1 to 3."""
    before = time.thread_time()
    for _ in range(5_000_000):
        pass
    return min(max(1.0, (time.thread_time() - before) / COUNTING_SECONDS), 3.0)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_setup(item):
    item.stash[_started] = _cpu_seconds()
    return (yield)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_call(item):
    result = yield
    taken = _cpu_seconds() - item.stash[_started]
    if taken > CPU_SECONDS and item.get_closest_marker("slow") is None:
        allowed = CPU_SECONDS * _slowness()
        if taken > allowed:
            pytest.fail(
                f"took {taken:.1f} s of CPU time; tests not marked slow have {allowed:.1f} s here",
                pytrace=False,
            )
    return result


def _memory_maps_run_out():
    """More than half of the memory maps that Linux allows a process are in use."""
    try:
        allowed = int(Path("/proc/sys/vm/max_map_count").read_text())
        with open("/proc/self/maps", "rb") as maps:
            return sum(1 for _ in maps) > allowed / 2
    except OSError:  # another system, which has no such limit
        return False


@pytest.fixture(scope="module", autouse=True)
def forget_programs():
    """Each program of a CPU takes a few memory maps, and a compiler that gets no more of them
    crashes."""
    yield
    if _memory_maps_run_out():
        import jax

        jax.clear_caches()


@pytest.fixture(scope="module")
def leave_jax_as_it_is():
    """Commands called in this process do not change what its other tests compile."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("jaxmech.cli.commands._set_up_jax", lambda study: None)
        yield


@pytest.fixture(scope="module")
def optimised():
    """Programs are optimised from here to the end of the file, also those of commands started.

    Programs in memory are not told apart by how they were compiled, so none are kept.
    """
    import jax

    quickly = jax.config.values["jax_disable_most_optimizations"]
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("JAX_DISABLE_MOST_OPTIMIZATIONS", "0")
        patch.setenv("XLA_FLAGS", os.environ.get("XLA_FLAGS", "").replace(QUICKLY, ""))
        jax.clear_caches()
        jax.config.update("jax_disable_most_optimizations", False)
        yield
        jax.clear_caches()
        jax.config.update("jax_disable_most_optimizations", quickly)


@pytest.fixture
def promote_ranks(monkeypatch):
    """For tests that call gymnax, rejax or distrax, which let arrays of unlike ranks meet."""
    import jax

    monkeypatch.setenv("JAX_NUMPY_RANK_PROMOTION", "allow")
    with jax.numpy_rank_promotion("allow"):
        yield
