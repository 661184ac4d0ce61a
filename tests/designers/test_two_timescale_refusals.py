"""What a two-timescale designer refuses, and says of it, before anything compiles."""

from dataclasses import dataclass

import jax
import jax.numpy as jnp
import optax
import pytest
from linear_game import LinearGame, linear_environment

import jaxmech
from jaxmech import spaces
from jaxmech.agents.responses.game import equilibrium
from jaxmech.checks import InvalidValueError
from jaxmech.designers import (
    ImplicitGradient,
    OnePointGradient,
    TwoPointGradient,
    TwoTimescale,
    UnrolledGradient,
)
from jaxmech.environments import bertrand, cournot, income_tax
from jaxmech.environments.incentives import incentive_design


@pytest.fixture(autouse=True)
def _float64():
    with jax.enable_x64(True):
        yield


@pytest.mark.parametrize(
    ("option", "value", "message"),
    [
        ("mechanism_decay", 0.0, "mechanism_decay: got 0.0; allowed are numbers above response_de"),
        ("response_decay", 0.7, "mechanism_decay: got 0.6; allowed are numbers above response_de"),
        ("mechanism_rate", 0.0, "mechanism_rate: got 0.0; allowed are"),
        ("response_rate", 1.5, "response_rate: got 1.5; allowed are"),
        ("responses_per_update", 0, "responses_per_update: got 0; allowed are integers from 1"),
        ("initial_spread", 1.5, "initial_spread: got 1.5; allowed are numbers from 0 to 1"),
    ],
)
def test_step_sizes_that_would_not_settle_are_refused(option, value, message):
    env, params = linear_environment()
    with pytest.raises(ValueError, match=message):
        TwoTimescale(env, params, **{option: value})


@pytest.mark.parametrize(
    ("make_it", "message"),
    [
        (lambda: TwoPointGradient(0.0), "radius: got 0.0"),
        (lambda: OnePointGradient(-1.0), "radius: got -1.0"),
        (lambda: OnePointGradient(baseline_rate=2.0), "baseline_rate: got 2.0"),
        (lambda: OnePointGradient(episodes=0), "episodes: got 0"),
        (lambda: UnrolledGradient(0), "steps: got 0"),
        (lambda: ImplicitGradient(0.0), "tolerance: got 0.0"),
    ],
)
def test_estimators_out_of_range_are_refused(make_it, message):
    with pytest.raises(ValueError, match=message):
        make_it()


@pytest.mark.parametrize("gradient", [TwoPointGradient(), OnePointGradient()])
def test_noise_is_only_averaged_out_by_steps_that_fall_fast_enough(gradient):
    env, params = linear_environment()
    TwoTimescale(env, params, gradient=gradient)
    with pytest.raises(ValueError, match="mechanism_decay: got 0.5; allowed are numbers above 0.5"):
        TwoTimescale(env, params, gradient=gradient, mechanism_decay=0.5)
    TwoTimescale(env, params, mechanism_decay=0.5)


def test_what_the_environment_says_of_agents_is_not_ignored():
    env, params = linear_environment(responses_per_round=3)
    with pytest.raises(ValueError, match=r"env.responses_per_round: got 3; allowed are None: set"):
        TwoTimescale(env, params)
    env, params = linear_environment(sampled=True)
    for gradient in (ImplicitGradient(), TwoPointGradient()):
        with pytest.raises(ValueError, match=r"env.sampled: got True; allowed are False, or a gr"):
            TwoTimescale(env, params, gradient=gradient)
    TwoTimescale(env, params, gradient=TwoPointGradient(episodes=2))


def test_mechanisms_without_bounds_are_refused_before_anything_compiles():
    @dataclass(frozen=True)
    class Unbounded(LinearGame):
        def mechanism_space(self, params):
            return spaces.Box(-jnp.inf, 2.0 + 0 * params["cost"], (2,))

    _, params = linear_environment()
    designer = TwoTimescale(incentive_design(Unbounded(), params.game)[0], params)
    with pytest.raises(ValueError, match="mechanism_space: got -inf; allowed are finite numbers"):
        jax.jit(designer.init)(jax.random.key(0))


def test_what_is_no_environment_is_refused():
    env, params = linear_environment()
    auctions, of_auctions = jaxmech.make("repeated_auction")
    for given, got in (
        ((auctions, of_auctions), "RepeatedAuction"),
        ((params, env), "IncentiveDesignParams"),
        ((env.game, params), "LinearGame"),
        (("linear", params), "str"),
    ):
        with pytest.raises(InvalidValueError, match=f"^env: got {got}; allowed are an Incentive"):
            TwoTimescale(*given)


def test_what_are_no_parameters_of_an_environment_is_refused():
    env, params = linear_environment()
    _, of_auctions = jaxmech.make("repeated_auction")
    for given in (env, params.game, of_auctions, "params", type(params)):
        with pytest.raises(InvalidValueError, match="^params: got .*; allowed are Incentive"):
            TwoTimescale(env, given)
    # A transformation may put these there, but nobody can begin with them.
    for given in (None, 0, jnp.zeros(())):
        with pytest.raises(InvalidValueError, match="^params: got .*; allowed are Incentive"):
            TwoTimescale(env, given).init(jax.random.key(0))


def test_parameters_of_another_game_are_refused():
    """Also in a compiled program; what goes wrong in the game itself is told as it is."""
    (tax, _), (other, of_other) = cournot.make(), bertrand.make()
    with pytest.raises(
        InvalidValueError,
        match="^params.game: got BertrandParams, which it cannot read; allowed are parameters of "
        "the game 'cournot', here CournotParams",
    ):
        TwoTimescale(tax, of_other).init(jax.random.key(0))
    with pytest.raises(InvalidValueError, match="^params.game: got dict, which .* BertrandParams"):
        jax.jit(TwoTimescale(other, linear_environment()[1]).init)(jax.random.key(0))
    env, params = linear_environment()
    less = params.replace(game={"target": params.game["target"]})
    with pytest.raises(KeyError, match="coupling"):
        TwoTimescale(env, less).init(jax.random.key(0))


class OtherParams(dict):
    """Of another class than those of the linear game, but of the same content."""


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (InvalidValueError("length", -1.0, "numbers above 0"), "^length: got -1.0; allowed are"),
        (IndexError("out of range"), "^out of range"),
        (ZeroDivisionError("by zero"), "^by zero"),
    ],
)
def test_what_a_game_says_of_parameters_of_another_class_is_told_as_it_is(error, told):
    def fails(_):
        raise error

    env, params = incentive_design(Spoilt("respond", fails), linear_environment()[1].game)
    params = params.replace(game=OtherParams(params.game))
    with pytest.raises(type(error), match=told) as raised:
        TwoTimescale(env, params).init(jax.random.key(0))
    assert raised.value is error


@pytest.mark.parametrize("gradient", ["implicit", ImplicitGradient, TwoPointGradient])
def test_a_name_or_a_class_is_no_gradient(gradient):
    env, params = linear_environment()
    with pytest.raises(InvalidValueError, match=r"^gradient: got .*such as ImplicitGradient"):
        TwoTimescale(env, params, gradient=gradient)


def test_what_has_no_estimate_is_no_gradient():
    env, params = linear_environment()
    for gradient in (None, 0.05, optax.sgd(1.0)):
        with pytest.raises(InvalidValueError, match="^gradient: got .*; allowed are gradient"):
            TwoTimescale(env, params, gradient=gradient).init(jax.random.key(0))


@pytest.mark.parametrize("optimizer", ["adam", optax.adam, 0.1])
def test_what_makes_no_steps_is_no_optimiser(optimizer):
    env, params = linear_environment()
    with pytest.raises(InvalidValueError, match=r"^optimizer: got .*optimisers such as optax.adam"):
        TwoTimescale(env, params, optimizer=optimizer)


@pytest.mark.parametrize("compiled", [False, True])
@pytest.mark.parametrize(
    ("option", "value", "message"),
    [
        ("mechanism_decay", 0.25, "^mechanism_decay: got 0.25; .* above response_decay \\(0.5\\)"),
        ("mechanism_rate", 0.0, "^mechanism_rate: got 0.0; allowed are"),
        ("settling", float("nan"), "^settling: got nan; allowed are"),
    ],
)
def test_arrays_of_one_number_are_looked_at_as_well(option, value, message, compiled):
    env, params = linear_environment()
    given = {"response_decay": jnp.float32(0.5), option: jnp.float32(value)}
    designer = TwoTimescale(env, params, **given)
    init = jax.jit(designer.init) if compiled else designer.init
    with pytest.raises(InvalidValueError, match=message):
        init(jax.random.key(0))


def test_decay_of_a_random_gradient_is_looked_at_in_an_array_as_well():
    env, params = linear_environment()
    with pytest.raises(InvalidValueError, match="^mechanism_decay: got 0.5; .*its noise averages"):
        TwoTimescale(
            env, params, gradient=TwoPointGradient(), mechanism_decay=jnp.float32(0.5)
        ).init(jax.random.key(0))


def test_transformations_may_put_anything_in_the_place_of_numbers():
    """Traced numbers are not looked at, nor are gradients by those of a designer."""
    env, params = linear_environment()
    designer = TwoTimescale(env, params)

    def first_step(designer):
        after, _ = designer.update(designer.init(jax.random.key(0)))
        return jnp.sum(after.places)

    slopes = jax.grad(first_step)(jax.tree.map(jnp.asarray, designer))
    assert float(slopes.mechanism_decay) == 0
    assert float(slopes.mechanism_rate) != 0
    leaves, structure = jax.tree.flatten(designer)
    jax.tree.unflatten(structure, [object()] * len(leaves))
    jax.tree.unflatten(structure, [None] * len(leaves))
    assert jax.eval_shape(first_step, designer).shape == ()


@dataclass(frozen=True)
class Spoilt(LinearGame):
    """One method of the game gives what ``makes`` makes of what it should."""

    method: str
    makes: object

    def _given(self, method, value):
        return self.makes(value) if method == self.method else value

    def mechanism_space(self, params):
        return self._given("mechanism_space", super().mechanism_space(params))

    def initial_policies(self, params):
        return self._given("initial_policies", super().initial_policies(params))

    def respond(self, policies, mechanism, params):
        return self._given("respond", super().respond(policies, mechanism, params))

    def objective(self, policies, mechanism, params):
        return self._given("objective", super().objective(policies, mechanism, params))

    def play(self, key, policies, mechanism, params):
        return self._given("play", super().play(key, policies, mechanism, params))


@pytest.mark.parametrize("compiled", [False, True])
@pytest.mark.parametrize(
    ("method", "makes", "got", "allowed"),
    [
        ("mechanism_space", lambda _: spaces.Discrete(3), "Discrete.*", "Box and Simplex of jax"),
        ("mechanism_space", lambda _: None, "None", "Box and Simplex of jaxmech.spaces"),
        ("mechanism_space", lambda _: spaces.Box(0.0, 1.0, ()), "shape \\(\\)", "those of arrays"),
        ("mechanism_space", lambda _: spaces.Box(0.0, 1.0, (2, 2)), "shape \\(2, 2\\)", "those of"),
        ("mechanism_space", lambda _: spaces.Box(0.0, 1.0, (0,)), "shape \\(0,\\)", "those of arr"),
        ("initial_policies", lambda _: (), "\\(\\)", "trees with one array or more"),
        ("respond", lambda new: new[None], "float64\\[1, 2\\]", ".*: float64\\[2\\]"),
        ("respond", lambda new: new.astype("float32"), "float32\\[2\\]", ".*: float64\\[2\\]"),
        ("respond", lambda new: (new,), "PyTreeDef\\(\\(.*", "trees of arrays like those of init"),
        ("objective", lambda value: value[None], "float64\\[1\\]", "a float \\[\\]"),
        ("objective", lambda value: value > 0, "bool\\[\\]", "a float \\[\\]"),
        ("objective", lambda value: None, "no array", "a float \\[\\]"),
        ("play", lambda value: {"earned": value}, "\\['earned'\\] float64\\[\\]", "a float"),
    ],
)
def test_a_game_that_cannot_be_climbed_is_refused(method, makes, got, allowed, compiled):
    env, params = incentive_design(Spoilt(method, makes), linear_environment()[1].game)
    designer = TwoTimescale(env, params, gradient=TwoPointGradient(episodes=2))
    init = jax.jit(designer.init) if compiled else designer.init
    with pytest.raises(InvalidValueError, match=f"^{method}: got {got}; allowed are {allowed}"):
        init(jax.random.key(0))


def test_episodes_are_only_looked_at_where_they_are_drawn():
    env, params = incentive_design(Spoilt("play", lambda _: None), linear_environment()[1].game)
    TwoTimescale(env, params).init(jax.random.key(0))


def test_the_example_of_the_documentation_is_right():
    """From a state to the mechanism, from there to policies and to what they are worth."""
    env, params = linear_environment()
    designer = TwoTimescale(env, params, responses_per_update=None)
    state, _ = designer.update(designer.init(jax.random.key(0)))
    mechanism = designer.mechanism(state)
    assert mechanism.shape == env.action_space(params).shape
    policies = equilibrium(env.game, mechanism, params.game).point
    assert env.game.objective(policies, mechanism, params.game).shape == ()
    # Entry 0 is of the mechanism before the step, the middle of the space.
    before = equilibrium(env.game, jnp.zeros(2), params.game).point
    assert jnp.allclose(state.policies[0], before, rtol=1e-12)
    assert not jnp.allclose(policies, before, rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("updates", [3.5, -1, "3", True])
def test_updates_that_are_no_number_of_times_are_refused(updates):
    designer = TwoTimescale(*linear_environment())
    with pytest.raises(InvalidValueError, match="updates: got"):
        jaxmech.train(designer, jax.random.key(0), updates=updates)


JUMPING = {
    "multilane": {"num_positions": 7, "num_actions": 9},
    "cournot": {"num_nodes": 7},
    "bertrand": {"num_nodes": 7},
    "income_tax": {"labour": income_tax.GridLabour(5), "skills": (1.0, 2.0)},
}


@pytest.mark.parametrize("name", JUMPING)
def test_slopes_of_responses_that_jump_are_refused(name):
    env, params = jaxmech.make(name, temperature=0.0, **JUMPING[name])
    with pytest.raises(InvalidValueError, match="gradient: got ImplicitGradient.*temperature 0"):
        TwoTimescale(env, params).init(jax.random.key(0))
    TwoTimescale(env, params, gradient=TwoPointGradient(0.1)).init(jax.random.key(0))
    smooth = jaxmech.make(name, temperature=0.5, **JUMPING[name])
    TwoTimescale(*smooth).init(jax.random.key(0))


def test_best_responses_from_an_interval_do_not_jump():
    assert not TwoTimescale(*jaxmech.make("cournot")).init(jax.random.key(0)).updates


def test_rates_as_text_are_refused():
    designer = TwoTimescale(*linear_environment(), mechanism_rate="0.1")
    with pytest.raises(InvalidValueError, match="mechanism_rate: got '0.1'; allowed are numbers"):
        designer.init(jax.random.key(0))


@pytest.mark.parametrize("missing", ["respond", "play"])
def test_games_that_lack_a_method_are_told_which(missing):
    class Lacking(LinearGame):
        pass

    setattr(Lacking, missing, None)
    _, params = linear_environment()
    env, params = incentive_design(Lacking(), params.game)
    with pytest.raises(InvalidValueError, match=f"game: got one without '{missing}'"):
        TwoTimescale(env, params, gradient=TwoPointGradient(0.1, episodes=4)).init(
            jax.random.key(0)
        )


@dataclass(frozen=True)
class Bounded(LinearGame):
    low: float
    high: float

    def mechanism_space(self, params):
        return spaces.Box(self.low, self.high, (2,))


def test_bounds_that_are_swapped_are_refused_and_equal_ones_fix_a_coefficient():
    _, params = linear_environment()
    bounded, fixed = (
        TwoTimescale(*incentive_design(Bounded(*bounds), params.game))
        for bounds in ((2.0, -1.0), (1.0, 1.0))
    )
    with pytest.raises(InvalidValueError, match="mechanism_space: got .* below the lower"):
        bounded.init(jax.random.key(0))
    fixed.init(jax.random.key(0))
