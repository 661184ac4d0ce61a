"""What ``sequential_price.py`` measures, each a function from ``Work`` to a ``Contender``.

Every contender does the same work: setting ``correlated`` at delta 0, statistic
``prices``, reward welfare less the offline optimum at the end of an episode; actor and
critic with two hidden layers of 64, tanh. Libraries are imported inside the functions, so
that a process that runs one contender loads no other's.

A ``run`` waits for its result and returns a checksum that depends on all of it, so that no
compiler can leave work out.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

HIDDEN = (64, 64)
NUM_EPOCHS = 4
NUM_MINIBATCHES = 4


@dataclass(frozen=True)
class Work:
    """The size of the problem.

    Attributes:
      num_agents, num_units: of the setting.
      num_environments: stepped together, where a contender is vectorised.
      updates_per_run: PPO iterations in one run of a compiled contender.
      python_rollout_length: steps of each of the 8 Python environments per iteration of
        Stable-Baselines3; the paper's library made 128.
      torch_threads: threads torch may use; None takes the faster of 1 and its default.
      seed: of training.
    """

    num_agents: int = 20
    num_units: int = 5
    num_environments: int = 1024
    updates_per_run: int = 5
    python_rollout_length: int = 128
    torch_threads: int | None = None
    seed: int = 0

    def __post_init__(self) -> None:
        if self.num_environments < 1 or self.num_environments % NUM_MINIBATCHES:
            raise ValueError(
                f"num_environments: got {self.num_environments}; "
                f"allowed are positive multiples of {NUM_MINIBATCHES}"
            )

    @property
    def rows(self) -> int:
        """Transitions in a rollout: a longest episode of every environment."""
        return self.num_agents * self.num_environments

    @property
    def minibatch_rows(self) -> int:
        return self.rows // NUM_MINIBATCHES

    @property
    def num_features(self) -> int:
        return 3 * self.num_agents + 1


class Ran(NamedTuple):
    """One run.

    Attributes:
      steps: environment steps inside episodes (or what else the contender counts).
      rows: transitions the learner processed, those after an episode's end included.
      checksum: of all results.
    """

    steps: float
    rows: float
    checksum: float


@dataclass
class Contender:
    """Something to time.

    Attributes:
      run: one repetition.
      act: for trainers, the deterministic policy so far: observations float
        [batch, features] to actions float [batch, agents + 1].
      updates_per_run: PPO iterations, or their parts, in a run; 0 where it has none.
      note: what to tell the reader of the machine it used.
    """

    run: Callable[[], Ran]
    act: Callable[[np.ndarray], np.ndarray] | None = None
    updates_per_run: int = 0
    note: str = ""


def _make_environment(work: Work) -> tuple[Any, Any]:
    import jaxmech

    return jaxmech.make(
        "sequential_price",
        setting="correlated",
        num_agents=work.num_agents,
        num_items=work.num_units,
        delta=0.0,
        statistic="prices",
        subtract_offline_optimum=True,
    )


def _compiled(
    run: Callable[..., Any], state: Any, summarise: Callable[[Any], Ran]
) -> Callable[[], Ran]:
    """Runs ``run(state) -> state, results`` over and over, compiled."""
    import jax

    jitted = jax.jit(run)

    def once() -> Ran:
        nonlocal state
        state, results = jitted(state)
        return summarise(jax.block_until_ready(results))

    return once


# Environments under a random policy.


def jaxmech_episodes(work: Work) -> Contender:
    """Episodes from start to end, all started afresh together; live steps are counted."""
    import jax
    import jax.numpy as jnp

    env, params = _make_environment(work)
    space = env.action_space(params)

    def rollout(key: jax.Array, _: None) -> tuple[jax.Array, Any]:
        key, reset_key, actions_key = jax.random.split(key, 3)
        keys = jax.random.split(reset_key, work.num_environments)
        _, state = jax.vmap(env.reset, in_axes=(0, None))(keys, params)

        def step(carry: Any, action_key: jax.Array) -> tuple[Any, Any]:
            state, live = carry
            uniform = jax.random.uniform(action_key, (work.num_environments, *space.shape))
            actions = space.low + (space.high - space.low) * uniform
            observations, state, rewards, terminated, _ = jax.vmap(
                env.step_env, in_axes=(None, 0, 0, None)
            )(key, state, actions, params)
            return (state, live & ~terminated), (observations, rewards, live)

        start: Any = (state, jnp.ones(work.num_environments, bool))
        action_keys = jax.random.split(actions_key, work.num_agents)
        _, (observations, rewards, live) = jax.lax.scan(step, start, action_keys)
        return key, (jnp.sum(live), jnp.sum(observations) + jnp.sum(rewards))

    def run(key: jax.Array) -> tuple[jax.Array, Any]:
        return jax.lax.scan(rollout, key, length=work.updates_per_run)

    def summarise(results: Any) -> Ran:
        live, checksum = results
        return Ran(
            float(live.sum()), float(work.rows * work.updates_per_run), float(checksum.sum())
        )

    return Contender(_compiled(run, jax.random.key(work.seed), summarise))


def jaxmech_steps(work: Work) -> Contender:
    """The environment's own ``step``, which resets it where the episode ends."""
    import jax
    import jax.numpy as jnp

    env, params = _make_environment(work)
    space = env.action_space(params)
    steps = work.num_agents * work.updates_per_run

    def step(carry: Any, _: Any) -> tuple[Any, Any]:
        key, state = carry
        key, step_key, action_key = jax.random.split(key, 3)
        uniform = jax.random.uniform(action_key, (work.num_environments, *space.shape))
        actions = space.low + (space.high - space.low) * uniform
        keys = jax.random.split(step_key, work.num_environments)
        observations, state, rewards, _, _, _ = jax.vmap(env.step, in_axes=(0, 0, 0, None))(
            keys, state, actions, params
        )
        return (key, state), (observations, rewards)

    def rollout(carry: Any, _: None) -> tuple[Any, jax.Array]:
        carry, (observations, rewards) = jax.lax.scan(step, carry, length=work.num_agents)
        return carry, jnp.sum(observations) + jnp.sum(rewards)

    def run(carry: Any) -> tuple[Any, jax.Array]:
        return jax.lax.scan(rollout, carry, length=work.updates_per_run)

    def summarise(checksum: jax.Array) -> Ran:
        count = float(steps * work.num_environments)
        return Ran(count, count, float(checksum.sum()))

    key, reset_key = jax.random.split(jax.random.key(work.seed))
    keys = jax.random.split(reset_key, work.num_environments)
    _, state = jax.jit(jax.vmap(env.reset, in_axes=(0, None)))(keys, params)
    return Contender(_compiled(run, (key, state), summarise))


def gymnasium_vector_steps(work: Work) -> Contender:
    """The NumPy vectorised environment."""
    from numpy_sequential_price import SequentialPriceVectorEnv

    env = SequentialPriceVectorEnv(work.num_environments, work.num_agents, work.num_units)
    env.reset(seed=work.seed)
    random = np.random.default_rng(work.seed)
    low, high = env.low, env.high

    def run() -> Ran:
        checksum = 0.0
        for _ in range(work.num_agents):
            uniform = random.random((work.num_environments, work.num_agents + 1), np.float32)
            observations, rewards, _, _, _ = env.step(low + (high - low) * uniform)
            checksum += float(observations.sum()) + float(rewards.sum())
        return Ran(work.rows, work.rows, checksum)

    return Contender(run)


def gymnasium_single_steps(work: Work) -> Contender:
    """One NumPy environment, one step a call."""
    from numpy_sequential_price import SequentialPriceEnv

    env = SequentialPriceEnv(work.num_agents, work.num_units)
    env.reset(seed=work.seed)
    random = np.random.default_rng(work.seed)
    low, high = env.low, env.high

    def run() -> Ran:
        checksum = 0.0
        for _ in range(work.num_environments):
            uniform = random.random(work.num_agents + 1, np.float32)
            observation, reward, terminated, _, _ = env.step(low + (high - low) * uniform)
            checksum += float(observation.sum()) + reward
            if terminated:
                env.reset()
        return Ran(work.num_environments, work.num_environments, checksum)

    return Contender(run)


# Proximal policy optimisation, end to end.


def jaxmech_ppo(work: Work) -> Contender:
    """Our PPO with the hyper-parameters of the experiment ``brero2021/correlated``; several
    iterations in one compiled call, as the runner does it."""
    from dataclasses import replace

    import jax
    import jax.numpy as jnp

    from jaxmech.experiments import EXPERIMENTS
    from jaxmech.experiments.building import designer_of

    env, params = _make_environment(work)
    experiment = EXPERIMENTS["brero2021/correlated"]
    settings = replace(
        experiment.ppo,
        num_environments=work.num_environments,
        num_epochs=NUM_EPOCHS,
        num_minibatches=NUM_MINIBATCHES,
        hidden=HIDDEN,
    )
    designer = designer_of(replace(experiment, ppo=settings), env, params)
    state = jax.jit(designer.init)(jax.random.key(work.seed))
    train = jax.jit(
        lambda state: jax.lax.scan(
            lambda state, _: designer.update(state), state, length=work.updates_per_run
        ),
        donate_argnums=0,
    )
    choose = jax.jit(jax.vmap(lambda state, obs: designer.act(state, obs, None), in_axes=(None, 0)))

    def run() -> Ran:
        nonlocal state
        state, metrics = train(state)
        jax.block_until_ready(state)
        steps = float(np.asarray(metrics["environment_steps"], np.float64).sum())
        checksum = sum(float(jnp.sum(series)) for series in metrics.values())
        return Ran(steps, work.rows * work.updates_per_run, checksum)

    def act(observations: np.ndarray) -> np.ndarray:
        return np.asarray(choose(state, observations))

    return Contender(run, act, work.updates_per_run)


def rejax_ppo(work: Work) -> Contender:
    """rejax's PPO on our environment; several iterations in one compiled call."""
    import jax
    import jax.numpy as jnp
    import rejax

    from jaxmech.wrappers import five_value

    env, params = _make_environment(work)
    learner = rejax.PPO.create(
        env=five_value(env),
        env_params=params,
        num_envs=work.num_environments,
        num_steps=work.num_agents,
        num_epochs=NUM_EPOCHS,
        num_minibatches=NUM_MINIBATCHES,
        gamma=1.0,
        agent_kwargs={"activation": "tanh", "hidden_layer_sizes": HIDDEN},
    )
    state = jax.jit(learner.init_state)(jax.random.key(work.seed))

    def train(state: Any) -> tuple[Any, jax.Array]:
        state, _ = jax.lax.scan(
            lambda state, _: (learner.train_iteration(state), None),
            state,
            length=work.updates_per_run,
        )
        networks = (state.actor_ts.params, state.critic_ts.params)
        return state, jnp.asarray(sum(jnp.sum(leaf) for leaf in jax.tree.leaves(networks)))

    def summarise(checksum: jax.Array) -> Ran:
        count = float(work.rows * work.updates_per_run)
        return Ran(count, count, float(checksum))

    return Contender(_compiled(train, state, summarise), updates_per_run=work.updates_per_run)


def stable_baselines_ppo(work: Work) -> Contender:
    """Stable-Baselines3's PPO on 8 Python environments, with the defaults of the library of
    Brero et al. (2021), Stable Baselines 2.10."""
    from numpy_sequential_price import SequentialPriceEnv
    from stable_baselines3.common.vec_env import DummyVecEnv

    make: list[Any] = [lambda: SequentialPriceEnv(work.num_agents, work.num_units)] * 8
    options = {
        "n_steps": work.python_rollout_length,
        "batch_size": 2 * work.python_rollout_length,
        "n_epochs": 4,
        "learning_rate": 2.5e-4,
        "ent_coef": 0.01,
    }
    return _stable_baselines(work, lambda: DummyVecEnv(make), options)


def stable_baselines_ppo_vectorised(work: Work) -> Contender:
    """Stable-Baselines3's PPO on the vectorised environment, with our batch, discount and
    learning rate."""
    from numpy_sequential_price import SequentialPriceVectorEnv
    from stable_baselines_vector import GymnasiumVecEnv

    size = (work.num_environments, work.num_agents, work.num_units)
    options = {
        "n_steps": work.num_agents,
        "batch_size": work.minibatch_rows,
        "n_epochs": NUM_EPOCHS,
        "gamma": 1.0,
        "learning_rate": 1e-3,
    }
    return _stable_baselines(
        work, lambda: GymnasiumVecEnv(SequentialPriceVectorEnv(*size)), options
    )


def _stable_baselines(
    work: Work, make_env: Callable[[], Any], options: dict[str, Any]
) -> Contender:
    import torch
    from stable_baselines3 import PPO

    def learner_of(**options: Any) -> Any:
        # The policy's default network is ours: separate actor and critic, 64-64, tanh.
        return PPO("MlpPolicy", make_env(), seed=work.seed, device="cpu", **options)

    def learn(learner: Any) -> int:
        steps = learner.n_steps * learner.n_envs
        learner.learn(steps, reset_num_timesteps=False, log_interval=None)
        return steps

    def seconds_with(threads: int, learner: Any) -> float:
        torch.set_num_threads(threads)
        start = time.perf_counter()
        learn(learner)
        return time.perf_counter() - start

    threads = work.torch_threads
    if threads is None:
        # Where other work runs on the machine, more threads can be many times slower.
        trial = learner_of(**{**options, "n_steps": min(256, options["n_steps"])})
        candidates = sorted({1, torch.get_num_threads()})
        learn(trial)
        threads = min(candidates, key=lambda count: seconds_with(count, trial))
    torch.set_num_threads(threads)
    learner = learner_of(**options)

    def run() -> Ran:
        steps = learn(learner)
        with torch.no_grad():
            checksum = sum(float(part.sum()) for part in learner.policy.parameters())
        return Ran(steps, steps, checksum)

    def act(observations: np.ndarray) -> np.ndarray:
        return learner.predict(observations, deterministic=True)[0]

    kind = "vectorised" if learner.n_envs > 8 else "8 environments"
    return Contender(run, act, 1, f"torch on {threads} thread(s) for {kind}")


# The limit: what no implementation of the same iteration can do without.


def network_alone(work: Work) -> Contender:
    """Forward and backward passes of one PPO iteration, on fixed observations.

    Actor and critic forward once per step of the rollout, and the gradient of both on each
    minibatch of each epoch. A tiny step along the gradient ties every minibatch to the one
    before.
    """
    import jax
    import jax.numpy as jnp

    random = np.random.default_rng(work.seed)

    def layers(*widths: int) -> list[tuple[jax.Array, jax.Array]]:
        return [
            (
                jnp.asarray(random.normal(0, inputs**-0.5, (inputs, outputs)), jnp.float32),
                jnp.zeros(outputs),
            )
            for inputs, outputs in itertools.pairwise(widths)
        ]

    def forward(network: list[tuple[jax.Array, jax.Array]], x: jax.Array) -> jax.Array:
        for weight, bias in network[:-1]:
            x = jnp.tanh(x @ weight + bias)
        weight, bias = network[-1]
        return x @ weight + bias

    networks = (
        layers(work.num_features, *HIDDEN, work.num_agents + 1),
        layers(work.num_features, *HIDDEN, 1),
    )
    shape = (work.num_agents, work.num_environments, work.num_features)
    observations = jnp.asarray(random.random(shape, np.float32))

    def loss(networks: Any, batch: jax.Array) -> jax.Array:
        actor, critic = networks
        return jnp.mean(forward(actor, batch) ** 2) + jnp.mean(forward(critic, batch) ** 2)

    def learn(networks: Any, batch: jax.Array) -> tuple[Any, None]:
        gradient = jax.grad(loss)(networks, batch)
        return jax.tree.map(lambda part, slope: part - 1e-6 * slope, networks, gradient), None

    def iteration(carry: Any, _: None) -> tuple[Any, jax.Array]:
        networks, observations = carry

        def step(total: jax.Array, batch: jax.Array) -> tuple[jax.Array, None]:
            actor, critic = networks
            return total + jnp.sum(forward(actor, batch)) + jnp.sum(forward(critic, batch)), None

        def epoch(networks: Any, _: None) -> tuple[Any, None]:
            return jax.lax.scan(learn, networks, minibatches)

        total, _ = jax.lax.scan(step, jnp.zeros(()), observations)
        minibatches = observations.reshape(NUM_MINIBATCHES, -1, work.num_features)
        networks, _ = jax.lax.scan(epoch, networks, length=NUM_EPOCHS)
        total += sum(jnp.sum(leaf) for leaf in jax.tree.leaves(networks))
        return (networks, observations), total

    def run(carry: Any) -> tuple[Any, jax.Array]:
        return jax.lax.scan(iteration, carry, length=work.updates_per_run)

    def summarise(checksum: jax.Array) -> Ran:
        count = float(work.rows * work.updates_per_run)
        return Ran(count, count, float(checksum.sum()))

    repeat = _compiled(run, (networks, observations), summarise)
    return Contender(repeat, updates_per_run=work.updates_per_run)


def random_numbers_alone(work: Work) -> Contender:
    """The uniforms of one rollout by threefry: values from a key for each environment, and
    one number per agent score and price at each step."""
    import jax
    import jax.numpy as jnp

    num_values = work.num_agents + 1  # the centre of the values, then a value each

    def iteration(key: jax.Array, _: None) -> tuple[jax.Array, jax.Array]:
        key, values_key, noise_key = jax.random.split(key, 3)
        keys = jax.random.split(values_key, work.num_environments)
        values = jax.vmap(lambda key: jax.random.uniform(key, (num_values,)))(keys)

        def step(total: jax.Array, key: jax.Array) -> tuple[jax.Array, None]:
            shape = (work.num_environments, work.num_agents + 1)
            return total + jnp.sum(jax.random.uniform(key, shape)), None

        total, _ = jax.lax.scan(step, jnp.sum(values), jax.random.split(noise_key, work.num_agents))
        return key, total

    def run(key: jax.Array) -> tuple[jax.Array, jax.Array]:
        return jax.lax.scan(iteration, key, length=work.updates_per_run)

    def summarise(checksum: jax.Array) -> Ran:
        count = float(work.rows * work.updates_per_run)
        return Ran(count, count, float(checksum.sum()))

    repeat = _compiled(run, jax.random.key(work.seed), summarise)
    return Contender(repeat, updates_per_run=work.updates_per_run)
