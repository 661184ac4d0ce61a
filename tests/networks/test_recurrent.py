"""The network with a memory against flax's own unit and against stepping one at a time."""

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxmech
from jaxmech.designers.ppo.architectures import action_distribution_for, network_for
from jaxmech.networks import RecurrentActorCritic

STEPS, ENVIRONMENTS, FEATURES, WIDTH = 7, 3, 4, 5
NETWORK = RecurrentActorCritic((6,), num_scores=2, num_log_scales=1, memory_width=WIDTH)


@pytest.fixture
def double_precision():
    with jax.enable_x64(True):
        yield


def experience():
    """Observations, first memories and where episodes start, a third of the time."""
    random = np.random.default_rng(0)
    observation = random.normal(size=(STEPS, ENVIRONMENTS, FEATURES))
    memory = random.normal(size=(ENVIRONMENTS, WIDTH))
    starts = random.random((STEPS, ENVIRONMENTS)) < 1 / 3
    assert starts[1:].any() and not starts.all(axis=1).any()
    return observation.astype(float_type()), memory.astype(float_type()), starts


def float_type():
    """That of the test, which may be in double precision."""
    return jnp.zeros(()).dtype


def drawn(network, *inputs):
    """Parameters away from the small and zero weights that a network begins with."""
    random = np.random.default_rng(1)
    shapes = jax.eval_shape(network.init, jax.random.key(0), *inputs)
    return jax.tree.map(lambda leaf: random.normal(0, 0.4, leaf.shape).astype(leaf.dtype), shapes)


def parameters(observation, memory, starts):
    return drawn(NETWORK, observation[0], memory, starts[0])


@jax.jit
def at_once(parameters, observation, memory, starts):
    rows = observation.reshape(-1, FEATURES)
    (scores, _), value = NETWORK.apply(parameters, rows, memory, starts.ravel())
    return scores.reshape(STEPS, ENVIRONMENTS, -1), value.reshape(STEPS, ENVIRONMENTS)


def step_by_step(parameters, observation, memory, starts):
    scores, values = [], []
    for now, start in zip(observation, starts, strict=True):
        memory = jnp.where(start[:, None], 0, memory)
        values.append(NETWORK.apply(parameters, now, memory, method="value"))
        (score, _), memory = NETWORK.apply(parameters, now, memory, method="policy")
        scores.append(score)
    return jnp.stack(scores), jnp.stack(values)


@pytest.mark.slow
def test_values_and_gradients_equal_those_of_single_steps(double_precision):
    given = experience()
    start = parameters(*given)

    def loss(run):
        def of(parameters, memory):
            scores, values = run(parameters, given[0], memory, given[2])
            return jnp.sum(jnp.sin(scores)) + jnp.sum(jnp.cos(values))

        return jax.value_and_grad(of, argnums=(0, 1))(start, given[1])

    (together, gradients), (apart, expected) = loss(at_once), loss(step_by_step)
    np.testing.assert_allclose(together, apart, rtol=1e-12)
    jax.tree.map(
        lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-12), gradients, expected
    )
    for leaf in jax.tree.leaves(gradients[0]["params"]["cell"]):
        assert np.abs(leaf).max() > 1e-3


def test_unit_is_that_of_flax(double_precision):
    observation, memory, starts = experience()
    params = parameters(observation, memory, starts)["params"]
    inputs, kernel = params["cell"]["inputs"], params["cell"]["kernel"]
    theirs = {"hn": {"kernel": kernel[:, -WIDTH:], "bias": params["cell"]["bias"]}}
    for place, gate in enumerate("rzn"):
        columns = slice(place * WIDTH, (place + 1) * WIDTH)
        theirs[f"i{gate}"] = {name: leaf[..., columns] for name, leaf in inputs.items()}
        if gate != "n":
            theirs[f"h{gate}"] = {"kernel": kernel[:, columns]}
    encoder = params["encoder"]
    encoded = np.tanh(observation[0] @ encoder["kernel"] + encoder["bias"])
    unit = nn.GRUCell(WIDTH, param_dtype=jnp.float64)
    expected, _ = jax.jit(unit.apply)({"params": theirs}, memory, encoded)
    remember = jax.jit(lambda *inputs: NETWORK.apply(*inputs, method="remember"))
    got = remember({"params": params}, observation[0], memory)
    np.testing.assert_allclose(got, expected, rtol=1e-12)


def test_what_came_before_an_episode_changes_nothing():
    observation, memory, starts = experience()
    params = parameters(observation, memory, starts)
    starts[3] = True
    scores, values = map(np.asarray, at_once(params, observation, memory, starts))
    observation[:3] += 1
    other = at_once(params, observation, memory - 1, starts)
    np.testing.assert_array_equal(scores[3:], other[0][3:])
    np.testing.assert_array_equal(values[3:], other[1][3:])
    assert np.all(np.abs(values[:3] - other[1][:3]) > 1e-4)


def price_network(architecture, num_agents, statistic="last_visit"):
    env, params = jaxmech.make(
        "sequential_price", setting="two_worlds", num_agents=num_agents, statistic=statistic
    )
    distribution = action_distribution_for(env, params)
    return network_for(env, distribution, hidden=(8,), architecture=architecture), env


def test_agents_treated_alike_need_no_more_parameters_when_they_are_more():
    few, many = (price_network("symmetric_recurrent", n)[0] for n in (4, 8))
    memory, starts = np.zeros((1, few.memory_width), np.float32), np.zeros(1, bool)
    history = np.float32([0.5, 1.0, 0.3])
    observation = np.concatenate([np.float32([1, 0, 1, 1]), history])[None]
    params = drawn(few, observation, memory, starts)
    (scores, _), value = jax.jit(few.apply)(params, observation, memory, starts)
    # Who has been visited does not matter, nor how many that is of how many.
    for left in (observation[0, [1, 0, 2, 3]], np.repeat(observation[0, :4], 2)):
        network = few if left.size == 4 else many
        other = np.concatenate([left, history])[None]
        (scores_there, _), value_there = jax.jit(network.apply)(params, other, memory, starts)
        np.testing.assert_allclose(value_there, value, rtol=1e-6)
        scores_there = np.asarray(scores_there)
        np.testing.assert_allclose(scores_there[0, -1], scores[0, -1], rtol=1e-5)
        assert np.all(scores_there[0, :-1] == 0)


@pytest.mark.parametrize("statistic", ["agents_items", "allocation", "prices", "last_visit"])
@pytest.mark.parametrize("architecture", ["symmetric", "recurrent", "symmetric_recurrent"])
def test_statistics_that_an_architecture_cannot_read_are_refused(architecture, statistic):
    unread = {
        "symmetric": ("last_visit",),
        "recurrent": (),
        "symmetric_recurrent": ("allocation", "prices"),
    }
    if statistic in unread[architecture]:
        with pytest.raises(ValueError, match="statistic: got"):
            price_network(architecture, 3, statistic)
    else:
        price_network(architecture, 3, statistic)
