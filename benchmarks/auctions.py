"""How many auctions a second the rules clear, beside NumPy, PyTorch and the limits.

    python benchmarks/auctions.py            one table, some minutes
    python benchmarks/auctions.py --quick    checks that everything runs

PyTorch is of the extra ``bench``. All contenders of a row live in one process and take turns,
so that other load on the machine strikes all alike; medians are reported. Every result is
written to memory, and its payments are added up and compared between contenders.
"""

from __future__ import annotations

import os
import platform
import statistics
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from typing import Any

import batched_auctions as peers
import jax
import jax.numpy as jnp
import numpy as np
import tyro
from compiling import compile_timed
from rich.console import Console
from rich.table import Table
from turns import half_range, in_turns, median_ratio

from jaxmech import mechanisms

LIBRARIES = ("jaxmech", "jax", "numpy", "torch")
COPY = "copy"
DRAW = "draw"
DRAW_AND_CLEAR = "draw and clear"


@dataclass(frozen=True)
class Options:
    """What to measure."""

    quick: bool = False
    """A smoke run on tiny batches; its figures mean nothing."""
    repetitions: int = 15
    """Timed repetitions of each contender."""
    seconds: float = 0.05
    """Least time of one repetition: calls follow one another without a pause."""
    numbers: int | None = None
    """Bids of one call, shared among its auctions; by default 1,310,720 on a CPU, where more are
    no faster, and 20,971,520 on an accelerator, which fewer keep waiting for the host."""
    chunk: int | None = None
    """Bids drawn at a time where drawing is timed; by default a quarter of those of a call."""


@dataclass(frozen=True)
class Size:
    """One row of the table; ``slots`` 0 stands for one item."""

    rule: str
    bidders: int
    slots: int = 0


SIZES = (
    *(Size("first_price", bidders) for bidders in (2, 5, 10, 48, 1000)),
    *(Size("second_price", bidders) for bidders in (2, 5, 8, 10, 16, 48, 64, 256, 1000)),
    *(
        Size("generalized_second_price", bidders, slots)
        for bidders, slots in ((2, 1), (3, 3), (8, 4), (13, 12), (48, 3), (256, 12), (1000, 12))
    ),
)


def main(options: Options) -> None:
    """Measures and prints.

    Raises:
      SystemExit: contenders disagree.
    """
    console = Console(width=max(Console().width, 165))
    sizes = SIZES
    if options.quick:
        options = Options(quick=True, repetitions=2, seconds=0, numbers=4096, chunk=1024)
        sizes = tuple(size for size in SIZES if size.bidders in (2, 8, 48))
    options = _sized(options)
    load = os.getloadavg()[0]
    table = Table(title="Millions of auctions a second", title_justify="left")
    table.add_column("", no_wrap=True)
    for column in (
        "auctions\na call",
        "clear",
        "half the\nrange",
        "NumPy",
        "ours /\nNumPy",
        "PyTorch",
        "ours /\nPyTorch",
        "memory\nlimit",
        "draw",
        "draw and\nclear",
        "time over\ndrawing's",
        "compile\ns",
    ):
        table.add_column(column, justify="right")
    bandwidths, disagreements = [], []
    for size in sizes:
        with console.status(f"{size.rule}, {size.bidders} bidders"):
            row = measure(size, options)
        bandwidths.append(row.bandwidth)
        disagreements += row.disagreements
        name = size.rule + f", {size.bidders} bidders"
        table.add_row(name + f", {size.slots} slots" * bool(size.slots), *_cells(row))
    console.print(table)
    for line in _remarks(options, load, statistics.median(bandwidths)):
        console.print(line, highlight=False)
    if disagreements:
        raise SystemExit("\n".join(disagreements))


def _sized(options: Options) -> Options:
    on_cpu = jax.default_backend() == "cpu"
    numbers = options.numbers or (1_310_720 if on_cpu else 20_971_520)
    return replace(options, numbers=numbers, chunk=options.chunk or numbers // 4)


def torch_device() -> str:
    """Where PyTorch computes: on the accelerator if jaxmech does and PyTorch can."""
    import torch

    return "cuda" if jax.default_backend() == "gpu" and torch.cuda.is_available() else "cpu"


@dataclass(frozen=True)
class Row:
    """What was measured of one size.

    Attributes:
      auctions: in one call.
      seconds: of a call, the mean of every repetition, by contender.
      bytes_moved: in one call, inputs read and results written once.
      bandwidth: bytes a second of a copy of as many bytes, in turn with the rest.
      compile_seconds: of the rule without drawing.
      disagreements: of whom, in which rule.
    """

    auctions: int
    seconds: Mapping[str, list[float]]
    bytes_moved: int
    bandwidth: float
    compile_seconds: float
    disagreements: list[str]


def measure(size: Size, options: Options) -> Row:
    """Times every contender of one size in turns."""
    chunks = max(1, options.numbers // options.chunk)
    auctions = max(1, options.numbers // chunks // size.bidders) * chunks
    fields = 2 if size.slots else 1
    random = np.random.default_rng(0)
    inputs = [random.random((auctions, size.bidders), np.float32) for _ in range(fields)]
    click_rates = (1.428 ** -np.arange(size.slots)).astype(np.float32)
    extra = (click_rates,) if size.slots else ()
    one = getattr(mechanisms, size.rule)

    def clear(*inputs: jax.Array) -> tuple[jax.Array, jax.Array]:
        outcome = jax.vmap(lambda *of_one: one(*of_one, *extra))(*inputs)
        return outcome.allocation, outcome.payments

    def draw(key: jax.Array) -> list[jax.Array]:
        shape = (auctions // chunks, size.bidders)
        return [jax.random.uniform(one_key, shape) for one_key in jax.random.split(key, fields)]

    keys = jax.random.split(jax.random.key(0), chunks)
    device_inputs = [jnp.asarray(array) for array in inputs]
    compiled, compile_seconds = compile_timed(clear, *device_inputs)
    results = jax.block_until_ready(compiled(*device_inputs))
    bytes_moved = sum(array.nbytes for array in (*inputs, *results))
    copied = jnp.zeros(bytes_moved // 8, jnp.float32)
    contenders: dict[str, Callable[[], Any]] = {
        "jaxmech": partial(compiled, *device_inputs),
        DRAW: partial(compile_timed(lambda keys: jax.lax.map(draw, keys), keys)[0], keys),
        DRAW_AND_CLEAR: partial(
            compile_timed(lambda keys: jax.lax.map(lambda k: clear(*draw(k)), keys), keys)[0], keys
        ),
        COPY: partial(compile_timed(lambda array: array + 1, copied)[0], copied),
        "NumPy": partial(getattr(peers, f"numpy_{size.rule}"), *inputs, *extra),
    }
    if find_spec("torch"):
        import torch

        device = torch_device()
        clear_by_torch = getattr(peers, f"torch_{size.rule}")
        tensors = [torch.as_tensor(array, device=device) for array in (*inputs, *extra)]

        def by_torch() -> Any:
            results = clear_by_torch(*tensors)
            if device == "cuda":
                torch.cuda.synchronize()
            return results

        contenders["PyTorch"] = by_torch
    payments = {
        name: contenders[name]()[1]
        for name in contenders
        if name not in (DRAW, DRAW_AND_CLEAR, COPY)
    }
    if "PyTorch" in payments:
        payments["PyTorch"] = payments["PyTorch"].cpu()
    revenues = {
        name: float(np.asarray(of_all, np.float64).sum()) for name, of_all in payments.items()
    }
    seconds = in_turns(contenders, options.repetitions, options.seconds)
    return Row(
        auctions=auctions,
        seconds=seconds,
        bytes_moved=bytes_moved,
        bandwidth=2 * copied.nbytes / statistics.median(seconds[COPY]),
        compile_seconds=compile_seconds,
        disagreements=[
            f"{size}: {name} raises {revenue}, jaxmech {revenues['jaxmech']}"
            for name, revenue in revenues.items()
            if abs(revenue - revenues["jaxmech"]) > 1e-5 * revenue
        ],
    )


def _short(number: float) -> str:
    """Three digits, and no exponent, which the columns would cut off."""
    return f"{number:,.0f}" if number >= 100 else f"{number:.3g}"


def _cells(row: Row) -> list[str]:
    def millions(name: str) -> str:
        return _short(row.auctions / statistics.median(row.seconds[name]) / 1e6)

    def ratio(name: str, over: str) -> str:
        return f"{median_ratio(row.seconds[name], row.seconds[over]):.2f}"

    ours = row.seconds["jaxmech"]
    torch = "PyTorch" in row.seconds
    return [
        f"{row.auctions:,}",
        millions("jaxmech"),
        half_range(ours),
        millions("NumPy"),
        ratio("NumPy", "jaxmech"),
        millions("PyTorch") if torch else "n/a",
        ratio("PyTorch", "jaxmech") if torch else "",
        _short(row.auctions * row.bandwidth / row.bytes_moved / 1e6),
        millions(DRAW),
        millions(DRAW_AND_CLEAR),
        ratio(DRAW_AND_CLEAR, DRAW),
        f"{row.compile_seconds:.2f}",
    ]


def _remarks(options: Options, load: float, bandwidth: float) -> list[str]:
    versions = []
    for library in LIBRARIES:
        try:
            versions.append(f"{library} {version(library)}")
        except PackageNotFoundError:
            versions.append(f"{library} not installed")
    return [
        "clear: allocation and payments of bids in memory, reserve 0; PyTorch by topk and "
        "scatter, the form of bnelearn. memory limit: bytes read and written once, at the "
        f"bandwidth of a copy of as many bytes in the same rounds (median {bandwidth / 1e9:.1f} "
        "GB/s; small batches stay in the cache).",
        f"draw: uniform bids, and qualities where there are slots, in chunks of "
        f"{options.chunk:,} bids, written to memory; draw and clear: the same, writing "
        "outcomes instead.",
        f"Machine: {platform.machine()}, {platform.system()}, {os.cpu_count()} cores, "
        f"jaxmech on {jax.devices()[0].device_kind}"
        + (f", PyTorch on {torch_device()}" if find_spec("torch") else "")
        + f"; load average {load:.1f} before, {os.getloadavg()[0]:.1f} "
        f"after; {options.repetitions} repetitions of at least {options.seconds:g} s.",
        f"Python {platform.python_version()}, " + ", ".join(versions),
    ]


if __name__ == "__main__":
    main(tyro.cli(Options, description=__doc__))
