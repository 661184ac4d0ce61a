"""What ``reserve_pricing.py`` measures, each a function from ``ReserveWork`` to a ``Contender``.

Libraries are imported inside the functions, as processes that run no JAX need none.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from compiling import compile_timed, repeat_compiled
from work import Contender, Ran


@dataclass(frozen=True)
class ReserveWork:
    """The size of the problem.

    Attributes:
      num_keywords: searched in one call.
      num_at_once: of these, whose trees grow side by side; the others wait.
      num_bidders, num_slots: of each keyword.
      num_simulations, depth: of a search.
      num_simulated: keywords simulated together, where the simulator is timed.
      days: of their episode.
      python_simulations: of a search in plain Python, for one keyword.
      op_by_op_simulations: likewise, where the model is not compiled.
    """

    num_keywords: int = 40
    num_at_once: int = 20
    num_bidders: int = 5
    num_slots: int = 3
    num_simulations: int = 200
    depth: int = 5
    num_simulated: int = 1024
    days: int = 240
    python_simulations: int = 200
    op_by_op_simulations: int = 12


def simulator_days(work: ReserveWork) -> Contender:
    """Days of the environment at random reserves, counted by keyword."""
    import jax

    env, params = _environment(work)
    states, seconds = _initial_states(env, params, work.num_simulated)

    def episode(state: Any, key: jax.Array) -> tuple[Any, jax.Array]:
        def day(state: Any, key: jax.Array) -> tuple[Any, jax.Array]:
            reserves = jax.random.uniform(key, (work.num_bidders,))
            _, state, revenue, _, _ = env.step_env(key, state, reserves, params)
            return state, revenue

        return jax.lax.scan(day, state, jax.random.split(key, work.days))

    def run(key: jax.Array) -> tuple[jax.Array, jax.Array]:
        key, days_key = jax.random.split(key)
        keys = jax.random.split(days_key, work.num_simulated)
        return key, jax.vmap(episode)(states, keys)[1].sum()

    def summarise(checksum: jax.Array) -> Ran:
        count = float(work.num_simulated * work.days)
        return Ran(count, count, float(checksum))

    return repeat_compiled(run, jax.random.key(0), summarise, compile_seconds=seconds)


def tree_search_max(work: ReserveWork) -> Contender:
    """Our tree search, the value of a plan that of its best continuation."""
    return _tree_search(work, "max")


def tree_search_sarsa(work: ReserveWork) -> Contender:
    """Our tree search with the SARSA(lambda)-like back-up."""
    return _tree_search(work, "sarsa_lambda")


def tree_search_mctx(work: ReserveWork) -> Contender:
    """``mctx.search`` on our model, the value of a plan the mean over its continuations."""
    return _tree_search(work, "mean")


def _tree_search(work: ReserveWork, backup: Any) -> Contender:
    import jax

    from jaxmech.designers.planning.tree_search import TreeSearch

    planning, plans, seconds = _problem(work)
    search = TreeSearch(num_simulations=work.num_simulations, backup=backup)

    def values(keyword: tuple[Any, jax.Array]) -> jax.Array:
        return search.values(planning, *keyword)

    def run(key: jax.Array) -> tuple[jax.Array, jax.Array]:
        key, search_key = jax.random.split(key)
        jittered = _jittered(plans, search_key)
        keys = jax.random.split(search_key, work.num_keywords)
        return key, jax.lax.map(values, (jittered, keys), batch_size=work.num_at_once).sum()

    return repeat_compiled(run, jax.random.key(0), _counting(work), compile_seconds=seconds)


def model_alone(work: ReserveWork) -> Contender:
    """The bidder model's forward passes of as many simulations: the limit of any search."""
    import jax

    from jaxmech.agents.keywords.bid_history import BidHistory

    planning, plans, seconds = _problem(work)
    simulator = planning.simulator

    def forward(state: Any, reserves: jax.Array) -> Any:
        distribution = simulator.predict(state, reserves)
        kpis = distribution[:, :3]
        return simulator.advance(state, BidHistory(distribution, reserves, kpis)), distribution

    def run(key: jax.Array) -> tuple[jax.Array, jax.Array]:
        key, search_key = jax.random.split(key)
        jittered = _jittered(plans, search_key)

        def simulation(states: Any, _: None) -> tuple[Any, jax.Array]:
            states, distributions = jax.vmap(forward)(states, jittered.reserves)
            # Squares, as probabilities sum to one whatever they are.
            return states, (distributions**2).sum()

        totals = jax.lax.scan(simulation, jittered.simulated, length=work.num_simulations)[1]
        return key, totals.sum()

    return repeat_compiled(run, jax.random.key(0), _counting(work), compile_seconds=seconds)


def model_days_alone(work: ReserveWork) -> Contender:
    """The same with the auctions of each day: the search without its tree."""
    import jax
    import jax.numpy as jnp

    planning, plans, seconds = _problem(work)
    days = jax.vmap(planning.step, (0, None, None))

    def run(key: jax.Array) -> tuple[jax.Array, jax.Array]:
        key, search_key = jax.random.split(key)

        def simulation(plans: Any, number: jax.Array) -> tuple[Any, jax.Array]:
            plans, values = days(plans, number % planning.moves.num_moves, search_key)
            return plans, values.sum() + plans.revenue.sum()

        numbers = jnp.arange(work.num_simulations)
        totals = jax.lax.scan(simulation, _jittered(plans, search_key), numbers)[1]
        return key, totals.sum()

    return repeat_compiled(run, jax.random.key(0), _counting(work), compile_seconds=seconds)


def plain_python(work: ReserveWork) -> Contender:
    """A search in plain Python, keyword after keyword; the model compiled for one keyword."""
    return _plain_python(work, compiled=True)


def plain_python_op_by_op(work: ReserveWork) -> Contender:
    """The same with a model that is not compiled: each of its operations called from Python."""
    return _plain_python(work, compiled=False)


def plain_numpy(work: ReserveWork) -> Contender:
    """A search in plain Python on a model in plain NumPy, keyword after keyword."""
    import numpy as np
    from numpy_bidder_model import numpy_keyword
    from plain_tree_search import search

    planning, plans, seconds = _problem(work)
    moves, gamma = planning.moves, float(planning.gamma)
    factors, low, high = moves.factors, float(moves.low), float(moves.high)
    problems = [numpy_keyword(planning.simulator, plans, at) for at in range(work.num_keywords)]
    # What the days after a last one are worth, as multiples of its revenue.
    held = [sum(gamma**day for day in range(left)) for left in reversed(range(work.depth))]
    number = 0

    def run() -> Ran:
        nonlocal number
        keyword, kept, reserves = problems[number % work.num_keywords]
        number += 1

        def step(plan: Any, move: int, day: int) -> tuple[Any, float, float]:
            kept, reserves = plan
            if move:
                bidder, place = divmod(move - 1, len(factors))
                reserves = reserves.copy()
                reserves[bidder] = min(max(reserves[bidder] * factors[place], low), high)
            kept, revenue = keyword.step(kept, reserves)
            return (kept, reserves), revenue, revenue * held[day]

        # Other reserves in every run, as in the compiled searches.
        jitter = np.random.default_rng(number).uniform(0.9, 1.1, reserves.shape)
        root = search(
            step,
            (kept, reserves * jitter),
            num_moves=moves.num_moves,
            num_simulations=work.python_simulations,
            depth=work.depth,
            backup="max",
            gamma=gamma,
        )
        return Ran(work.python_simulations, work.python_simulations, sum(root.values))

    return Contender(run, compile_seconds=seconds)


def _plain_python(work: ReserveWork, compiled: bool) -> Contender:
    import jax
    import jax.numpy as jnp
    import numpy as np
    from plain_tree_search import search

    planning, plans, seconds = _problem(work)
    num_simulations = work.python_simulations if compiled else work.op_by_op_simulations
    key = jax.random.key(0)
    step: Callable[..., Any] = planning.step
    first = jax.tree.map(lambda rows: rows[0], plans)
    if compiled:
        step, more = compile_timed(planning.step, first, np.int32(0), key)
        seconds += more
    else:
        # A first call, so that what is kept of each operation is there.
        step(first, jnp.asarray(0), key)

    def python_step(plan: Any, move: int, day: int) -> tuple[Any, float, float]:
        del day
        plan, value = step(plan, np.int32(move), key)
        return plan, float(plan.revenue), float(value)

    keyword = 0

    def run() -> Ran:
        nonlocal keyword
        root = search(
            python_step,
            jax.tree.map(lambda rows: rows[keyword], plans),
            num_moves=planning.moves.num_moves,
            num_simulations=num_simulations,
            depth=work.depth,
            backup="max",
        )
        keyword = (keyword + 1) % work.num_keywords
        return Ran(num_simulations, num_simulations, sum(root.values))

    return Contender(run, compile_seconds=seconds)


def _environment(work: ReserveWork) -> tuple[Any, Any]:
    import jaxmech

    return jaxmech.make(
        "reserve_pricing",
        num_bidders=work.num_bidders,
        num_slots=work.num_slots,
        days=work.days,
    )


def _initial_states(env: Any, params: Any, count: int) -> tuple[Any, float]:
    import jax

    keys = jax.random.split(jax.random.key(1), count)
    reset, seconds = compile_timed(lambda keys: jax.vmap(env.reset, (0, None))(keys, params), keys)
    return reset(keys)[1], seconds


def _problem(work: ReserveWork) -> tuple[Any, Any, float]:
    """What is planned, the plan of each keyword before its first day, seconds of compiling.

    The recurrent bidder model of the usual size; not trained, which takes as long.
    """
    import jax

    from jaxmech.designers.planning.planners import local_moves
    from jaxmech.designers.planning.plans import Plan, Planning
    from jaxmech.designers.planning.simulators import LearnedSimulator
    from jaxmech.networks.bidder_models.models import bidder_model

    env, params = _environment(work)
    states, seconds = _initial_states(env, params, work.num_keywords)
    model = bidder_model("lstm")
    first = jax.tree.map(lambda rows: rows[0], states)
    init = (jax.random.key(2), first.history, first.reserves, first.quality, params.bins)
    parameters = jax.jit(model.init)(*init)
    simulator = LearnedSimulator(model, parameters, params.bins, params.click_rates)

    def start(state: Any) -> Plan:
        return Plan.start(simulator.start(state), state.reserves)

    planning = Planning(simulator, local_moves(env, params), work.depth, "held")
    return planning, jax.jit(jax.vmap(start))(states), seconds


def _jittered(plans: Any, key: Any) -> Any:
    """Other reserves in every run, so that no result can be used again."""
    import jax

    factors = jax.random.uniform(key, plans.reserves.shape, minval=0.9, maxval=1.1)
    return plans.replace(reserves=plans.reserves * factors)


def _counting(work: ReserveWork) -> Callable[[Any], Ran]:
    def summarise(checksum: Any) -> Ran:
        count = float(work.num_keywords * work.num_simulations)
        return Ran(count, count, float(checksum))

    return summarise


RESERVE_CONTENDERS: Mapping[str, Callable[[ReserveWork], Contender]] = {
    contender.__name__: contender
    for contender in (
        tree_search_max,
        tree_search_sarsa,
        tree_search_mctx,
        plain_python,
        plain_numpy,
        plain_python_op_by_op,
        model_days_alone,
        model_alone,
        simulator_days,
    )
}
