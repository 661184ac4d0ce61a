"""What the study of four rooms says: tables, certificates, estimates and records."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import ArrayLike

from jaxmech.experiments.incentives.four_rooms.configuration import FourRoomsStudy
from jaxmech.experiments.incentives.four_rooms.published import SPENT
from jaxmech.experiments.incentives.four_rooms.study import GOALS, Cell
from jaxmech.experiments.incentives.statements import (
    at_rest,
    followers_act_well,
    learned,
    reaches,
    takes_part,
    true_to_type,
)
from jaxmech.reports.findings import (
    Certificate,
    Estimate,
    Findings,
    Oracle,
    Record,
    Table,
    with_interval,
)

NEAR = 0.01
"""How near to the best found counts as reached."""

SOLVES = 2000
"""Of the follower's problem with one goal, that a cell may take."""

BELLMAN_TOLERANCE = 1e-9
"""Up to which the follower's values count as solved, in units of its arrival reward."""

SLOPE_TOLERANCE = 1e-3
"""Up to which shares count as those of a local optimum."""

BUDGET = 0.2
"""Of penalties, in the environment as the study builds it."""

DIGITS = 5.1e-7
"""Half a unit in the sixth digit, and rounding."""


def findings(study: FourRoomsStudy, cells: Sequence[Cell]) -> Findings:
    """All that is said of the cells."""
    ahead = [one.value - one.published.highest for one in cells if one.published]
    within = (
        f"{_range(ahead)} above the highest number published for the same cell, "
        if ahead and np.min(ahead) > 0
        else ""
    )
    from_trajectories = [learned(one.trajectories.outcomes).mean for one in cells]
    return Findings(
        headline=f"The leader earns {_range([one.value for one in cells])}, {within}after at most "
        f"{max(one.single_solves for one in cells):,} follower solves (one goal each) and no "
        "environment step: mirror "
        "descent with restarts, polished by sequential quadratic programming (SLSQP). From "
        f"trajectories it earns {_range(from_trajectories)}, after {study.environment_steps:,} "
        "environment steps.",
        estimates={
            f"{one.name}/{scheme}": estimate
            for one in cells
            for scheme, estimate in (
                ("learned", Estimate(one.value)),
                ("learned from trajectories", learned(one.trajectories.outcomes)),
                ("no penalty", Estimate(one.no_penalty)),
            )
        },
        oracles={
            f"{one.name}/best found": Oracle(
                one.published.best_found if one.published else None,
                exact=False,
                missing="" if one.published and one.published.best_found else "not given",
            )
            for one in cells
        },
        certificates=_certificates(cells),
        learning_curves=tuple(one.trajectories.curves for one in cells),
        tables=(_with_the_model(study, cells), _side_by_side(study, cells)),
        records=tuple(record for one in cells for record in _records(one)),
    )


def _range(values: Sequence[float]) -> str:
    low, high = float(np.min(values)), float(np.max(values))
    return f"{low:.3f}" if len(values) == 1 else f"{low:.3f} to {high:.3f}"


def _certificates(cells: Sequence[Cell]) -> dict[str, Certificate]:
    checks = [one.checked for one in cells]
    # NumPy's extremes keep NaN, which no certificate may lose.
    spent = float(np.max([np.max(check.spent) for check in checks]))
    slope = float(np.max([check.slope_residual[0] for check in checks]))
    solves = max(one.single_solves for one in cells)
    given = [(one, one.published) for one in cells if one.published is not None]
    found = {
        "equilibrium": at_rest(*(check.policy_residual for check in checks)),
        **followers_act_well(
            [check.follower for check in checks],
            agent="follower",
            residual_tolerance=BELLMAN_TOLERANCE,
        ),
        "incentive compatibility": true_to_type(
            *(check.as_another for check in checks),
            checked=[check.follower for check in checks],
            agent="follower",
            type_word="goal",
        ),
        "individual rationality": takes_part(
            *(check.utilities for check in checks), agent="follower"
        ),
        "budget": Certificate(
            spent <= BUDGET * (1 + 1e-9),
            f"All penalties of a mechanism sum to {spent:.6f} at most; {BUDGET:g} are allowed.",
            spent,
            BUDGET,
        ),
        "local optimum": Certificate(
            slope <= SLOPE_TOLERANCE,
            f"A step along the gradient, brought back to the nearest shares, changes no share of "
            f"the best penalties by more than {slope:.1e}. That there is no better optimum "
            "elsewhere is not proved.",
            slope,
            SLOPE_TOLERANCE,
        ),
        "follower solves": Certificate(
            solves <= SOLVES,
            f"No cell took more than {solves:,} follower solves of a single goal, which are "
            f"{solves // GOALS:,} of both goals; {SOLVES:,} of a single goal are allowed.",
            float(solves),
            float(SOLVES),
        ),
    }
    if given:
        margin = float(np.min([one.value - published.highest for one, published in given]))
        found["above published numbers"] = Certificate(
            margin > 0,
            f"The leader earns at least {margin:.4f} more than the highest number published for "
            "its cell."
            if margin > 0
            else f"In some cell the leader earns {-margin:.4f} less than the highest number "
            "published for it.",
            margin,
            0.0,
        )
        learnt = float(
            np.min(
                [
                    np.min(learned(one.trajectories.outcomes).per_seed) - published.highest
                    for one, published in given
                ]
            )
        )
        found["trajectories above published numbers"] = Certificate(
            learnt > 0,
            f"From trajectories the leader earns, with every seed, at least {learnt:.4f} more than "
            "the highest number published for its cell."
            if learnt > 0
            else f"From trajectories some seed earns {-learnt:.4f} less than the highest number "
            "published for its cell.",
            learnt,
            0.0,
        )
        differences = [abs(one.no_penalty - published.no_penalty) for one, published in given]
        one, published = given[int(np.argmax(differences))]
        found["no penalty"] = reaches(
            "What the leader earns without penalties, where it differs most from the reference,",
            one.no_penalty,
            published.no_penalty,
            DIGITS,
        )
    gaps = [
        published.best_found - one.value
        for one, published in given
        if published.best_found is not None
    ]
    if gaps:
        gap = float(np.max(gaps))
        found["best found"] = Certificate(
            gap <= NEAR,
            f"Where a best value is known from many starts of sequential quadratic programming, "
            f"the leader earns at most {float(np.maximum(gap, 0)):.6f} less.",
            gap,
            NEAR,
        )
    return found


def _with_the_model(study: FourRoomsStudy, cells: Sequence[Cell]) -> Table:
    rows = []
    for one in cells:
        published: tuple[str, ...] = ("", "", "")
        known, gap = "not given", ""
        if one.published is not None:
            published = tuple(
                f"{mean:.2f} ± {error:.3f}"
                for mean, error in (
                    one.published.hpgd,
                    one.published.amd,
                    one.published.zero_order,
                )
            )
            if one.published.best_found is not None:
                known = f"{one.published.best_found:.6f}"
                gap = f"{one.published.best_found - one.value:z.6f}"
        rows.append(
            (
                f"{one.temperature:g}",
                f"{one.cost:g}",
                f"{one.no_penalty:.6f}",
                *published,
                f"{float(np.max(one.search.value)):.6f}",
                f"{one.value:.6f}",
                f"{one.solves:,}",
                f"{one.single_solves:,}",
                known,
                gap,
            )
        )
    return Table(
        "What the leader earns, and what it took",
        (
            "Temperature",
            "Cost",
            "No penalty",
            "HPGD",
            "AMD",
            "Zero-order",
            "Mirror descent",
            "Polished",
            "Solves of both goals",
            "Of a single goal",
            "Best found",
            "Gap",
        ),
        tuple(rows),
        (
            f"Mirror descent: the best of {len(study.step_sizes)} restarts from equal shares, "
            f"{study.steps} steps each, along exact gradients. The best is polished by sequential "
            f"quadratic programming (SLSQP), {study.polish} values and gradients at most. Each "
            "value and gradient is one solve of the follower's problem with both goals, which is "
            f"two solves with a single goal; {SOLVES:,} of these are allowed. HPGD, published, "
            "solves for a single goal in each iteration. No environment steps.",
            SPENT,
            "Best found: by sequential quadratic programming from up to 158 starts.",
        ),
    )


def _side_by_side(study: FourRoomsStudy, cells: Sequence[Cell]) -> Table:
    count = study.peer_iterations
    rows = [
        (
            f"{one.temperature:g}",
            f"{one.cost:g}",
            f"{at_the_end(one.exact.values):.4f}",
            f"{at_the_end(one.zero_order.values):.4f}",
            f"{at_the_end(one.sampled.values):.4f}",
            "" if one.published is None else f"{one.published.hpgd[0]:.2f}",
            with_interval(learned(one.trajectories.outcomes)),
            f"{one.value:.4f}",
        )
        for one in cells
    ]
    return Table(
        "What the leader earns by the peers' outer loops, and from trajectories",
        (
            "Temperature",
            "Cost",
            "Small steps, exact gradient",
            "Small steps, zero order",
            "Small steps, sampled gradient",
            "HPGD, published",
            "Mirror descent from trajectories",
            "Mirror descent, polished",
        ),
        tuple(rows),
        (
            f"Small steps: on softmax weights, rate .5, gradients clipped at norm 1, {count:,} "
            f"iterations where the published runs have 10,000, the mean of the last tenth. Solves "
            f"of both goals: {count:,}, {2 * count:,} and {count:,}; the sampled gradient takes "
            f"{count * study.walkers * study.steps_per_update:,} environment steps too. These are "
            "not the published runs: both goals are averaged where those draw one in each "
            "iteration, there is one start and one rate where those have ten seeds, and the "
            "sampled gradient is the outer loop of HPGD with a temporal-difference estimate.",
            f"From trajectories: {study.updates:,} solves of both goals and "
            f"{study.environment_steps:,} environment steps for each seed; the interval is over "
            f"{study.seeds} seeds. The leader knows the follower's policy and rewards, as HPGD "
            "does, and its own rewards. It does not know where moves lead: it counts transitions "
            "and learns their frequencies from its trajectories. HPGD, published: 100,000,000 "
            "steps.",
        ),
    )


def at_the_end(values: ArrayLike) -> float:
    """The mean of the last tenth, as it is published."""
    each = np.asarray(values, np.float64)
    return float(each[-max(1, each.size // 10) :].mean())


def _records(one: Cell) -> Iterator[Record]:
    cell = one.name
    schemes = ["learned", "no penalty"]
    for place, scheme in enumerate(schemes):
        for metric in ("value", "policy_residual", "slope_residual", "spent"):
            number = float(getattr(one.checked, metric)[place])
            yield Record(scheme, metric, number, cell=cell)
        follower = one.checked.follower
        for metric, values in (
            ("bellman_residual", follower.residual),
            ("smoothed_gain", follower.smoothed_gain),
            ("gain", follower.gain),
        ):
            largest = float(np.max(np.asarray(values)[place]))
            yield Record(scheme, metric, largest, cell=cell)
        yield Record(
            scheme,
            "lowest_utility",
            float(np.min(np.asarray(one.checked.utilities)[place])),
            cell=cell,
        )
    yield Record("learned", "solves", float(one.solves), cell=cell)
    yield Record("learned", "single_solves", float(one.single_solves), cell=cell)
    for place, share in enumerate(one.shares.tolist()):
        yield Record("learned", f"share_{place + 1}", share, cell=cell)
    for restart, value in enumerate(np.asarray(one.search.value).tolist()):
        yield Record("mirror descent", "value", value, cell=cell, seed=restart)
    for scheme, path in (
        ("small steps, exact gradient", one.exact),
        ("small steps, zero order", one.zero_order),
        ("small steps, sampled gradient", one.sampled),
    ):
        yield Record(scheme, "value", at_the_end(path.values), cell=cell)
    mean = learned(one.trajectories.outcomes)
    yield Record("trajectories", "value", mean.mean, mean.half_width, cell=cell)
    for seed, value in enumerate(mean.per_seed):
        yield Record("trajectories", "value", value, cell=cell, seed=seed)
    if one.published is not None:
        yield Record("best found", "value", one.published.best_found, cell=cell)
        for scheme in ("hpgd", "amd", "zero_order"):
            published = getattr(one.published, scheme)[0]
            yield Record(f"{scheme}, published", "value", published, cell=cell)
