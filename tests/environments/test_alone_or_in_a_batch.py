"""Episodes do not depend on those computed beside them, in programs compiled as users compile."""

from functools import partial

import chex
import jax
import jax.numpy as jnp
import pytest
from contract_cases import FEW, make, rollout
from tiers import as_users_compile, slowly


@pytest.mark.parametrize(("name", "options"), slowly(*FEW))
def test_same_episode_alone_or_in_a_batch_of_keys_and_parameters(name, options):
    env, params = make(name, options)
    play = partial(rollout, env)
    keys = jax.random.split(jax.random.key(3), 5)
    stacked = jax.tree.map(lambda leaf: jnp.stack([leaf] * len(keys)), params)
    compiled = partial(jax.jit, compiler_options=as_users_compile())
    batch = compiled(jax.vmap(play))(keys, stacked)
    alone = compiled(play)(keys[2], params)
    chex.assert_trees_all_equal(jax.tree.map(lambda leaf: leaf[2], batch), alone)
