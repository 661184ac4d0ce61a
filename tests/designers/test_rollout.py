"""Fresh episodes in the place of those that ended."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

import jaxmech
from jaxmech.designers.rollout import collect, restart, start
from jaxmech.environments import SequentialPrice

ENVIRONMENTS = 48  # three drawn at a time
ENV, PARAMS = jaxmech.make(
    "sequential_price", setting="correlated", num_agents=3, num_items=1, delta=0.0
)


@pytest.fixture(scope="module", params=["cpu", "gpu"])
def restarted(request):
    """Compiled as for this kind of device."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(jax, "default_backend", lambda: request.param)
        # A function of its own for each kind: programs are kept by the function they come from.
        compiled = jax.jit(lambda key, ended: _restarted(key, ended))
        compiled(jax.random.key(0), np.zeros(ENVIRONMENTS, bool))
    return lambda key, ended: jax.tree.map(np.asarray, compiled(key, ended))


def _restarted(key, ended):
    running = start(ENV, PARAMS, jax.random.key(7), ENVIRONMENTS)
    # Part-way through, so that fresh ones can be told apart.
    step = jax.vmap(ENV.step_env, in_axes=(None, 0, None, None))
    action = jnp.array([1.0, 0, 0, 1])
    observation, state, *_ = step(key, running.state, action, PARAMS)
    return (observation, state), restart(ENV, PARAMS, key, ended, observation, state)


@pytest.mark.parametrize("num_ended", [0, 1, 3, 4, 30, ENVIRONMENTS])
def test_those_that_ended_start_afresh_and_the_others_stay(num_ended, restarted):
    ended = np.random.default_rng(num_ended).permutation(ENVIRONMENTS) < num_ended
    (old_observation, old), (observation, state) = restarted(jax.random.key(1), ended)
    assert np.array_equal(observation[~ended], old_observation[~ended])
    jax.tree.map(
        lambda new, before: np.testing.assert_array_equal(new[~ended], before[~ended]), state, old
    )
    assert np.all(state.time[ended] == 0)
    assert np.all(state.agents_left[ended])
    assert np.all(observation[ended, :3] == 1)
    assert len(np.unique(state.values[:, 0])) == ENVIRONMENTS  # no economy twice


def test_fresh_economies_have_the_distribution_of_values(restarted):
    everyone = np.ones(ENVIRONMENTS, bool)
    keys = jax.random.split(jax.random.key(2), 40)
    values = np.ravel([restarted(key, everyone)[1][1].values for key in keys])
    assert stats.kstest(values, "uniform").pvalue > 1e-3


class SaysItTruncates(SequentialPrice):
    truncates = True


@pytest.mark.parametrize("kind", [SequentialPrice, SaysItTruncates])
def test_either_way_of_resetting_gives_the_same_episodes_on_average(kind):
    # Posting 0 sells to the first agent: welfare of one value, one step. Posting the highest
    # price sells to nobody: three steps. Each as likely: mean welfare 1/4 an episode.
    env = kind(ENV.demand, ENV.num_agents, ENV.max_units)
    starting = start(env, PARAMS, jax.random.key(3), ENVIRONMENTS)
    sells = jnp.arange(ENVIRONMENTS) % 2 == 0

    def choose(key, observation, memory):
        actions = jnp.zeros((ENVIRONMENTS, 4)).at[:, -1].set(jnp.where(sells, 0.0, 1.0))
        return actions, jnp.zeros(ENVIRONMENTS), actions, memory

    rollout = jax.jit(
        lambda key: collect(env, PARAMS, choose, starting, key, length=60, resets=True)
    )
    _, experience, totals = rollout(jax.random.key(4))
    short, long = ENVIRONMENTS // 2 * 60, ENVIRONMENTS // 2 * 20
    assert float(totals.episodes) == short + long
    assert float(totals.length_sum) == short + 3 * long
    assert np.all(experience.live)
    welfare = float(totals.objective_sum) / short
    assert welfare == pytest.approx(1 / 2, abs=4 / np.sqrt(12 * short))
