"""The sequential price environment as Gymnasium users write it, in NumPy.

Setting ``correlated`` (identical items, unit demand), statistic ``prices``, objective
welfare less the offline optimum, purchases at strictly positive utility only. The actions
and observations are those of ``jaxmech.environments.SequentialPrice``: agent scores, then
the price; agents left, units left, allocation, prices faced.
"""

from __future__ import annotations

from typing import Any

import gymnasium
import numpy as np
from gymnasium.vector import AutoresetMode
from gymnasium.vector.utils import batch_space


def _observation_space(num_agents: int) -> gymnasium.spaces.Box:
    return gymnasium.spaces.Box(0.0, 1.0, (3 * num_agents + 1,), np.float32)


def _action_space(num_agents: int) -> gymnasium.spaces.Box:
    low = np.append(-np.ones(num_agents), 0).astype(np.float32)
    return gymnasium.spaces.Box(low, np.ones_like(low), dtype=np.float32)


class SequentialPriceEnv(gymnasium.Env[np.ndarray, np.ndarray]):
    """One environment.

    ``reset(options={"values": ...})`` plays given values, float [agents].
    """

    def __init__(self, num_agents: int = 20, num_units: int = 5, delta: float = 0.0) -> None:
        self.num_agents, self.num_units, self.delta = num_agents, num_units, delta
        self.observation_space = _observation_space(num_agents)
        self.action_space = box = _action_space(num_agents)
        self.low, self.high = box.low, box.high

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[np.ndarray, dict[str, Any]]:
        super().reset(seed=seed)
        if options is not None and "values" in options:
            self._values = np.asarray(options["values"], np.float32)
        else:
            uniform = self.np_random.random(self.num_agents + 1, np.float32)
            centre = (1 + self.delta * (2 * uniform[0] - 1)) / 2
            self._values = centre + (1 - self.delta) * (uniform[1:] - np.float32(0.5))
        self._offline_optimum = np.sort(self._values)[-self.num_units :].sum()
        self._agents_left = np.ones(self.num_agents, bool)
        self._units_left = self.num_units
        self._welfare = 0.0
        self._observation = np.zeros(3 * self.num_agents + 1, np.float32)
        self._observation[: self.num_agents + 1] = 1
        return self._observation.copy(), {}

    def step(self, action: np.ndarray) -> tuple[np.ndarray, float, bool, bool, dict[str, Any]]:
        n = self.num_agents
        agent = int(np.argmax(np.where(self._agents_left, action[:n], -np.inf)))
        price = min(max(float(action[n]), 0.0), 1.0)
        self._agents_left[agent] = False
        self._observation[agent] = 0
        self._observation[2 * n + 1 + agent] = price
        if self._values[agent] > price:
            self._welfare += float(self._values[agent])
            self._units_left -= 1
            self._observation[n] = self._units_left / self.num_units
            self._observation[n + 1 + agent] = 1
        terminated = self._units_left == 0 or not self._agents_left.any()
        reward = self._welfare - float(self._offline_optimum) if terminated else 0.0
        return self._observation.copy(), reward, terminated, False, {}


class SequentialPriceVectorEnv(gymnasium.vector.VectorEnv[np.ndarray, np.ndarray, np.ndarray]):
    """Many environments stepped by array operations, each reset where its episode ends.

    ``reset(options={"values": ...})`` plays given values first, float [environments, agents].
    """

    def __init__(
        self,
        num_environments: int,
        num_agents: int = 20,
        num_units: int = 5,
        delta: float = 0.0,
    ) -> None:
        self.metadata = {"autoreset_mode": AutoresetMode.SAME_STEP}
        self.num_envs = num_environments
        self.num_agents, self.num_units, self.delta = num_agents, num_units, delta
        self.single_observation_space = _observation_space(num_agents)
        self.single_action_space = box = _action_space(num_agents)
        self.low, self.high = box.low, box.high
        self.observation_space = batch_space(self.single_observation_space, num_environments)
        self.action_space = batch_space(self.single_action_space, num_environments)
        self._rows = np.arange(num_environments)
        self._values = np.empty((num_environments, num_agents), np.float32)
        self._offline_optimum = np.empty(num_environments, np.float32)
        self._agents_left = np.empty((num_environments, num_agents), bool)
        self._visits = np.empty(num_environments, np.int32)
        self._units_left = np.empty(num_environments, np.int32)
        self._welfare = np.empty(num_environments, np.float32)
        self._observation = np.empty((num_environments, 3 * num_agents + 1), np.float32)

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[np.ndarray, dict[str, Any]]:
        super().reset(seed=seed)
        values = None if options is None else options.get("values")
        self._start(self._rows, values)
        return self._observation.copy(), {}

    def step(
        self, actions: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, dict[str, Any]]:
        n, rows = self.num_agents, self._rows
        agent = np.argmax(np.where(self._agents_left, actions[:, :n], -np.inf), axis=1)
        price = np.clip(actions[:, n], 0, 1)
        value = self._values[rows, agent]
        buys = value > price
        self._agents_left[rows, agent] = False
        self._visits += 1
        self._units_left -= buys
        self._welfare += np.where(buys, value, 0)
        self._observation[rows, agent] = 0
        self._observation[:, n] = self._units_left / self.num_units
        self._observation[rows, n + 1 + agent] = buys
        self._observation[rows, 2 * n + 1 + agent] = price
        terminated = (self._units_left == 0) | (self._visits == n)
        rewards = np.where(terminated, self._welfare - self._offline_optimum, 0)
        rewards = rewards.astype(np.float32)
        info: dict[str, Any] = {}
        ended = np.flatnonzero(terminated)
        if ended.size:
            info = {"final_obs": self._observation.copy(), "_final_obs": terminated}
            self._start(ended)
        truncated = np.zeros(self.num_envs, bool)
        return self._observation.copy(), rewards, terminated, truncated, info

    def _start(self, rows: np.ndarray, values: np.ndarray | None = None) -> None:
        if values is None:
            uniform = self.np_random.random((len(rows), self.num_agents + 1), np.float32)
            centre = (1 + self.delta * (2 * uniform[:, :1] - 1)) / 2
            values = centre + (1 - self.delta) * (uniform[:, 1:] - np.float32(0.5))
        values = np.asarray(values, np.float32)
        cut = self.num_agents - self.num_units
        highest = np.partition(values, cut, axis=1)[:, cut:] if cut > 0 else values
        self._values[rows] = values
        self._offline_optimum[rows] = highest.sum(axis=1)
        self._agents_left[rows] = True
        self._visits[rows] = 0
        self._units_left[rows] = self.num_units
        self._welfare[rows] = 0
        self._observation[rows] = 0
        self._observation[rows, : self.num_agents + 1] = 1
