"""How long designers take to 95 % of what a transfer can gain in the lanes game, by gradient.

All are the two-timescale designer with its defaults, agents responding twice between two updates,
and differ in how they find the gradient. Some know the game and compute expectations; others see
values of the objective alone, expected or of a few episodes that are drawn.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from compiling import compile_timed
from leaders import Led, best_mechanism, in_equilibrium
from turns import seconds_of_a_call

import jaxmech
from jaxmech.designers import (
    ImplicitGradient,
    OnePointGradient,
    SocialGradient,
    TwoPointGradient,
    TwoTimescale,
    UnrolledGradient,
)

TARGET = 0.95
"""Of the attainable gain."""

INTERVAL = 1.1
"""Mechanisms are evaluated each time the number of updates has grown by this factor, or by those of
one call: what is found is at most so much too long."""

UPDATES_PER_CALL = 5

EPISODES = 10
"""Drawn for each mechanism that is played, where any are."""

GRADIENTS: Mapping[str, Callable[[], Any]] = {
    "implicit": ImplicitGradient,
    "unrolled, 10 responses": lambda: UnrolledGradient(10),
    "social": SocialGradient,
    "two-point": TwoPointGradient,
    "one-point": OnePointGradient,
    f"two-point, {EPISODES} episodes each": lambda: TwoPointGradient(episodes=EPISODES),
    f"one-point, {EPISODES} episodes": lambda: OnePointGradient(episodes=EPISODES),
}


@dataclass(frozen=True)
class LaneWork:
    """What is designed, and for how long.

    Attributes:
      positions, actions: of the grids of the game.
      seeds: of gradients that are random.
      cap: seconds of training of one seed, at most.
      scan: mechanisms along each coefficient that are tried to find the best one.
    """

    positions: int = 51
    actions: int = 101
    seeds: int = 3
    cap: float = 20.0
    scan: int = 9


@dataclass(frozen=True)
class Attainable:
    """What transfers can gain.

    Attributes:
      without: welfare in equilibrium without a transfer.
      scanned: the highest of the scan.
      best: where the climbs from the best of the scan and from no transfer led.
    """

    without: float
    scanned: float
    best: Led

    def share(self, welfare: float) -> float:
        """Of the attainable gain."""
        return (welfare - self.without) / (self.best.value - self.without)


@dataclass(frozen=True)
class Training:
    """How one seed got on.

    Attributes:
      seconds: of training, to the evaluation that reached the target or to the end.
      updates, episodes: as many.
      share: of the attainable gain then.
      reached: whether that evaluation and the one after it were at the target.
    """

    seconds: float = 0.0
    updates: int = 0
    episodes: int = 0
    share: float = 0.0
    reached: bool = False


@dataclass
class DesignedBy:
    """How one gradient got on.

    Attributes:
      compile_seconds: of the program that updates.
      trainings: of every seed.
    """

    compile_seconds: float = 0.0
    trainings: list[Training] = field(default_factory=list)


def make_lanes(num_agents: int, work: LaneWork) -> tuple[Any, Any]:
    """The environment and its parameters: logit agents, transfers of degree 2."""
    return jaxmech.make(
        "multilane",
        num_agents=num_agents,
        num_positions=work.positions,
        num_actions=work.actions,
    )


def attainable(env: Any, params: Any, scan: int) -> Attainable:
    """By a scan of all transfers, and climbs from its best point and from no transfer."""
    space = env.action_space(params)
    value = in_equilibrium(env.game, params.game)
    line = np.linspace(float(space.low), float(space.high), scan)
    points = np.stack(np.meshgrid(*[line] * space.shape[0]), axis=-1).reshape(-1, *space.shape)
    points = np.concatenate([np.zeros((1, *space.shape)), points])
    values = np.asarray(jax.jit(lambda points: jax.lax.map(value, points))(jnp.asarray(points)))
    starts = np.stack([points[0], points[np.argmax(values)]])
    best = best_mechanism(value, space, starts)
    return Attainable(float(values[0]), float(values.max()), best)


@dataclass
class Run:
    """One seed's training, that goes on from evaluation to evaluation.

    Attributes:
      advance: from state to state, several updates on.
      share_of: of the attainable gain, by the state.
      state: of the designer.
      episodes_per_update: drawn.
      cap: seconds of training, at most.
      ended: how it went, once it has ended.
    """

    advance: Callable[[Any], Any]
    share_of: Callable[[Any], float]
    state: Any
    episodes_per_update: int
    cap: float
    ended: Training | None = None
    _now: Training = field(default_factory=Training)
    _first: Training | None = None

    def go_on(self) -> None:
        """To the next evaluation."""

        def call() -> Any:
            self.state = self.advance(self.state)
            return self.state

        seconds, updates = self._now.seconds, self._now.updates
        pause_at = INTERVAL * updates
        while updates <= pause_at and seconds < self.cap:
            seconds += seconds_of_a_call(call)
            updates += UPDATES_PER_CALL
        episodes = updates * self.episodes_per_update
        self._now = Training(seconds, updates, episodes, self.share_of(self.state))
        # Twice in a row, so that no noisy path counts that only passes.
        if self._now.share < TARGET:
            self._first = None
        elif self._first is None:
            self._first = self._now
        else:
            self.ended = replace(self._first, reached=True)
        if self.ended is None and seconds >= self.cap:
            self.ended = self._now


def measure_lanes(
    num_agents: int, work: LaneWork, gradients: Mapping[str, Callable[[], Any]] = GRADIENTS
) -> tuple[Attainable, dict[str, DesignedBy]]:
    """What transfers can gain, and how each gradient gets there; seeds and gradients take turns."""
    env, params = make_lanes(num_agents, work)
    known = attainable(env, params, work.scan)
    value = jax.jit(in_equilibrium(env.game, params.game))
    value(jnp.zeros(env.action_space(params).shape, float))
    designed: dict[str, DesignedBy] = {}
    runs: dict[str, list[Run]] = {}
    for name, gradient in gradients.items():
        designer = TwoTimescale(env, params, gradient=gradient(), responses_per_update=2)
        keys = jax.random.split(jax.random.key(0), work.seeds if gradient().is_random else 1)
        states = [jax.jit(designer.init)(key) for key in keys]

        def advance(state: Any, designer: TwoTimescale = designer) -> Any:
            def update(state: Any, _: None) -> tuple[Any, None]:
                return designer.update(state)[0], None

            return jax.lax.scan(update, state, length=UPDATES_PER_CALL)[0]

        def share_of(state: Any, designer: TwoTimescale = designer) -> float:
            return known.share(float(value(designer.mechanism(state))))

        compiled, compile_seconds = compile_timed(advance, states[0])
        # A first call warms up.
        jax.block_until_ready(compiled(states[0]))
        designed[name] = DesignedBy(compile_seconds)
        episodes = designer.gradient.num_episodes
        runs[name] = [Run(compiled, share_of, state, episodes, work.cap) for state in states]
    while going := [run for of_one in runs.values() for run in of_one if run.ended is None]:
        for run in going:
            run.go_on()
    for name, of_one in runs.items():
        designed[name].trainings = [run.ended for run in of_one if run.ended is not None]
    return known, designed
