"""How many rounds a second a repeated auction plays, values drawn afresh each round.

    python benchmarks/repeated_auction.py            some seconds
    python benchmarks/repeated_auction.py --quick    checks that everything runs

The limit is drawing as many uniform numbers as a round needs. auction-gym, a Python simulator,
plays about 10,300 rounds a second of 2 of 6 bidders on one core of a machine as ours was.
"""

from __future__ import annotations

import statistics
from dataclasses import dataclass
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import tyro
from compiling import compile_timed
from rich.console import Console
from rich.table import Table
from turns import in_turns

import jaxmech


@dataclass(frozen=True)
class Options:
    """What to measure."""

    quick: bool = False
    """A smoke run; its figures mean nothing."""
    repetitions: int = 9
    """Timed runs of each contender, in turns."""
    environments: int = 16_384
    """Repeated auctions side by side."""
    rounds: int = 20
    """Rounds of each."""


POPULATIONS = (
    ("truthful", 6, 2),
    ("truthful", 6, 6),
    ("shading", 6, 2),
    ("hedge", 6, 2),
)
"""Kind of bidder, how many there are, and how many take part in a round."""


def main(options: Options) -> None:
    """Measures and prints."""
    if options.quick:
        options = Options(quick=True, repetitions=2, environments=64, rounds=3)
    table = Table("Bidders", title="Millions of rounds a second", title_justify="left")
    for column in ("play", "draw alone", "share of drawing's", "compile s"):
        table.add_column(column, justify="right")
    for kind, bidders, participants in POPULATIONS:
        play, draw, compile_seconds = measure(options, kind, bidders, participants)
        table.add_row(
            f"{participants} of {bidders}, {kind}",
            f"{play / 1e6:.2f}",
            f"{draw / 1e6:.2f}",
            f"{100 * play / draw:.0f} %",
            f"{compile_seconds:.1f}",
        )
    Console(width=100).print(table)


def measure(
    options: Options, kind: str, bidders: int, participants: int
) -> tuple[float, float, float]:
    """Rounds a second played, and those whose numbers could be drawn; seconds of compiling."""
    env, params = jaxmech.make(
        "repeated_auction",
        bidders=kind,
        num_bidders=bidders,
        num_participants=participants,
        num_rounds=options.rounds,
    )
    action = jnp.asarray([0.5, 1.0])

    def play(keys: jax.Array) -> jax.Array:
        def one_round(state: Any, keys: jax.Array) -> tuple[Any, jax.Array]:
            observation, state, reward, _, _ = jax.vmap(env.step_env, in_axes=(0, 0, None, None))(
                keys, state, action, params
            )
            return state, jnp.sum(reward) + jnp.sum(observation)

        _, state = jax.vmap(env.reset, in_axes=(0, None))(keys[0], params)
        return jnp.sum(jax.lax.scan(one_round, state, keys[1:])[1])

    def draw(keys: jax.Array) -> jax.Array:
        def one_round(total: jax.Array, keys: jax.Array) -> tuple[jax.Array, None]:
            # Values of those who take part, and who they are.
            numbers = jax.vmap(lambda key: jax.random.uniform(key, (2 * participants,)))(keys)
            return total + jnp.sum(numbers), None

        return jax.lax.scan(one_round, jnp.zeros(()), keys[1:])[0]

    shape = (options.rounds + 1, options.environments)
    keys = jax.random.split(jax.random.key(0), shape)
    play_compiled, compile_seconds = compile_timed(play, keys)
    contenders = {
        "play": partial(play_compiled, keys),
        "draw": partial(compile_timed(draw, keys)[0], keys),
    }
    seconds = in_turns(contenders, options.repetitions)
    rounds = options.rounds * options.environments
    played, drawn = (rounds / statistics.median(of_one) for of_one in seconds.values())
    return played, drawn, compile_seconds


if __name__ == "__main__":
    main(tyro.cli(Options))
