"""What is called outside of ``jax.jit`` compiles at its first call, not at every one."""

import dataclasses
import logging

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxmech
from jaxmech import mechanisms
from jaxmech.agents.responses.game import equilibrium
from jaxmech.checks import InvalidValueError

BIDS = np.array([0.3, 0.9, 0.5, 0.7])
RULES = {
    "first_price": lambda bids: mechanisms.first_price(bids),
    "second_price": lambda bids: mechanisms.second_price(bids, reserve=0.2),
    "uniform_price": lambda bids: mechanisms.uniform_price(bids, units=2),
    "generalized_second_price": lambda bids: mechanisms.generalized_second_price(
        bids, jnp.ones(4), jnp.array([1.0, 0.5])
    ),
    "position_vcg": lambda bids: mechanisms.position_vcg(bids, jnp.ones(4), jnp.array([1.0, 0.5])),
    "vickrey_clarke_groves": lambda bids: mechanisms.vickrey_clarke_groves(
        jnp.stack([bids, bids[::-1]], axis=1)
    ),
}


SMALL = {
    "impression_allocation": {},
    "sequential_price": {},
    "repeated_auction": {},
    "reserve_pricing": {"days": 4, "history_days": 1, "num_bins": 8, "auctions_per_day": 4},
}


@pytest.fixture
def programs(caplog):
    """The messages of JAX about what it compiles."""
    caplog.set_level(logging.WARNING)
    with jax.log_compiles():
        yield lambda: [
            record.getMessage()
            for record in caplog.records
            if record.getMessage().startswith("Compiling")
        ]


@pytest.mark.parametrize("rule", RULES)
def test_a_rule_compiles_once(rule, programs):
    RULES[rule](jnp.asarray(BIDS))
    first = len(programs())
    outcome = RULES[rule](jnp.asarray(BIDS[::-1]))
    assert programs()[first:] == []
    assert outcome.allocation.shape[0] == 4


@pytest.mark.parametrize(("name", "options"), SMALL.items())
def test_an_environment_compiles_once(name, options, programs):
    env, params = jaxmech.make(name, **options)
    key, other = jax.random.split(jax.random.key(0))
    action = env.action_space(params).sample(key)
    _, state = env.reset(key, params)
    env.step(key, state, action, params)
    first = len(programs())
    same, _ = jaxmech.make(name, **options)
    observation, state = same.reset(other, params)
    same.step(other, state, action, params)
    assert programs()[first:] == []
    assert observation.shape == env.observation_space(params).shape


@dataclasses.dataclass(frozen=True)
class Cosines:
    """Two agents who each play the cosine of the other's number and of a payment."""

    def initial_policies(self, params):
        return jnp.zeros(2)

    def respond(self, policies, mechanism, params):
        return jnp.cos(params * policies[::-1] + mechanism)


@pytest.mark.parametrize("name", ["by Newton's method", "by its own way"])
def test_an_equilibrium_compiles_once(name, programs):
    env, params = jaxmech.make("matrix_game")
    own = name == "by its own way"
    shape = env.action_space(params).shape if own else (2,)

    def residual(payment):
        game, numbers = jaxmech.make("matrix_game") if own else (None, 0.5 + payment)
        game, numbers = (game.game, numbers.game) if own else (Cosines(), numbers)
        return float(equilibrium(game, jnp.full(shape, payment), numbers).residual)

    residuals = [residual(0.1)]
    first = len(programs())
    residuals.append(residual(0.2))
    assert programs()[first:] == []
    assert max(residuals) < 1e-5


def test_a_configuration_without_a_hash_is_refused_by_its_field():
    class Unhashable:
        __hash__ = None

        def __call__(self, allocation, payments, valuations):
            return jnp.sum(payments)

    env, _ = jaxmech.make("repeated_auction")
    with pytest.raises(InvalidValueError, match="^objective: got .*allowed are hashable ones"):
        dataclasses.replace(env, objective=Unhashable())
    with pytest.raises(InvalidValueError, match="^kinds: got .*allowed are hashable ones"):
        dataclasses.replace(env, kinds=["truthful"])
