"""The study of income taxes: what it finds is what the game and theory say."""

from dataclasses import replace

import jax
import numpy as np
import pytest

from jaxmech.experiments.incentives.designing import Designed, Outcomes
from jaxmech.experiments.incentives.income_tax.cells import cells_of
from jaxmech.experiments.incentives.income_tax.checking import (
    best_logit_rate,
    logit_of_labour,
    taxes_on,
    utilities_of,
)
from jaxmech.experiments.incentives.income_tax.configuration import INCOME_TAX
from jaxmech.experiments.incentives.income_tax.findings import findings, least_utility_at
from jaxmech.experiments.incentives.income_tax.learned import LearnedTax, learned_tax
from jaxmech.experiments.registry import study_called
from jaxmech.experiments.workspace import Workspace
from jaxmech.reports.findings import LearningCurves

ONE_LINEAR = replace(
    INCOME_TAX,
    sigmas=(0.5,),
    elasticities=(0.5,),
    aversions=(1.0,),
    mean_logarithm=False,
    tails=(),
    tail_elasticities=(),
    schedules=(),
    temperatures=(),
    pareto_types=1000,
    updates=150,
)
ALL_KINDS = replace(
    ONE_LINEAR,
    mean_logarithm=True,
    tails=(2.0,),
    tail_elasticities=(0.5,),
    top_weights=(0.0, 0.5),
    schedules=("linear", "brackets"),
    temperatures=(0.1, 0.01),
    labour_nodes=101,
    updates=400,
)
CURVES = LearningCurves("objective", (0,), ((0.0,),), ((0.0,),))


def computed(study, directory):
    with jax.enable_x64(True):
        return Workspace(directory, say=[].append).run(study)


@pytest.mark.slow
def test_learned_taxes_of_all_kinds_are_the_best_of_their_populations(tmp_path):
    found = computed(ALL_KINDS, tmp_path)
    names = [cell.name for cell in cells_of(ALL_KINDS)]
    assert len(found.tables[0].rows) == len(names) == 8
    for name in names:
        own = found.oracles[f"{name}/own"].value
        rates = found.estimates[f"{name}/learned"].per_seed
        assert len(rates) == 2
        np.testing.assert_allclose(rates, own, atol=0.005)
        inexact = name.startswith("logit") or name == "maximin_brackets"
        assert found.oracles[f"{name}/own"].exact != inexact
    for name, certificate in found.certificates.items():
        assert certificate.holds, name


@pytest.mark.slow
@pytest.mark.parametrize("gradient", ["social", "implicit"])
def test_both_gradients_lead_to_the_same_rate(tmp_path, gradient):
    found = computed(replace(ONE_LINEAR, gradient=gradient, seeds=1), tmp_path)
    rate = found.estimates["linear_s0.5_e0.5_nu1/learned"].mean
    assert rate == pytest.approx(0.384775, abs=1e-3)


def test_cells_have_the_rates_that_theory_knows():
    cells = {cell.name: cell for cell in cells_of(INCOME_TAX)}
    assert len(cells) == 12 + 4 + 4 + 1 + 3 + 2
    known = {
        "linear_s0.5_e0.25_nu1": 0.517732,
        "linear_s0.7_e0.5_nu2": 0.606322,
        "logarithm_s0.7_e0.25": 0.505288,
        "top_a1.5_e0.25_g0": 0.727273,
        "top_a2_e0.5_g0": 0.5,
        "top_a1.5_e0.25_g0.5": 0.571429,
        "maximin_network": 0.5,
        "logit_0.1": 0.513445,
    }
    for name, rate in known.items():
        cell = cells[name]
        within = 1e-5 if cell.closed_form is None or "top" not in name else 1e-3
        assert cell.own == pytest.approx(rate, abs=within), name
        if cell.closed_form is not None:
            assert cell.closed_form == pytest.approx(rate, abs=1e-6), name
        assert np.sum(cell.shares) == pytest.approx(1)
    top = cells["top_a1.5_e0.25_g0.5"]
    assert top.shares @ top.weights == pytest.approx(1)


def people(cell, rate):
    """What everybody earns and gets under a linear tax, in closed form."""
    earnings = cell.skills ** (1 + cell.elasticity) * (1 - rate) ** cell.elasticity
    utilities = utilities_of(earnings, cell.skills, cell.elasticity, np.array([rate]), ())
    return earnings, utilities + cell.shares @ (rate * earnings)


def learned_by_one_seed(cell, rate, earnings, utilities, objective=0.0):
    rates = np.broadcast_to(rate, (1, len(cell.schedule.thresholds) + 1))
    designed = Designed(rates, Outcomes([objective], utilities[None], np.zeros(1)), CURVES)
    certain = np.ones((1, earnings.size, 1))
    return learned_tax(cell, designed, rates, earnings[None, :, None], certain)


def best_rate_of(cell):
    return best_logit_rate(
        cell.skills, cell.shares, cell.weights, cell.elasticity, cell.temperature, cell.nodes
    )


def learned_of_logit(cell, rate, blur=1.0):
    """People who choose by logit at ``blur`` times the temperature that they are said to have."""
    untaxed = cell.skills ** (1 + cell.elasticity)
    earnings, rates = untaxed[:, None] * np.linspace(0, 1, cell.nodes), np.array([rate])
    likely, net = logit_of_labour(
        earnings, cell.skills, cell.elasticity, rates, (), blur * cell.temperature
    )
    demogrant = rate * cell.shares @ np.sum(likely * earnings, axis=1)
    utilities = np.sum(likely * net, axis=1) + demogrant
    designed = Designed(rates[None], Outcomes([0.0], utilities[None], np.zeros(1)), CURVES)
    best = best_rate_of(cell)
    return learned_tax(cell, designed, rates[None], earnings[None], likely[None], best)


def test_the_best_rate_passes_every_check():
    (cell,) = cells_of(ONE_LINEAR)
    tax = learned_by_one_seed(cell, cell.own, *people(cell, cell.own))
    found = findings(ONE_LINEAR, [tax])
    assert all(certificate.holds for certificate in found.certificates.values())
    assert found.tables[0].rows[0][1:4] == ("38.4775",) * 3


def test_a_rate_a_point_off_work_that_is_not_best_and_money_from_nowhere_are_found():
    (cell,) = cells_of(ONE_LINEAR)
    earnings, utilities = people(cell, cell.own + 0.01)
    certificates = findings(
        ONE_LINEAR, [learned_by_one_seed(cell, cell.own + 0.01, 0.9 * earnings, utilities + 0.1)]
    ).certificates
    far = certificates["every learned rate within half a point"]
    assert not far.holds and far.value == pytest.approx(0.01)
    assert not certificates["exploitability"].holds
    assert not certificates["revenue is paid out"].holds


def logit_cells(*temperatures):
    study = replace(ONE_LINEAR, temperatures=temperatures, labour_nodes=101)
    return [cell for cell in cells_of(study) if cell.temperature]


def test_people_who_choose_by_logit_have_a_best_rate_of_their_own():
    blurred, sharp = logit_cells(0.1, 0.001)
    taxes = [learned_of_logit(cell, best_rate_of(cell)) for cell in (sharp, blurred)]
    assert abs(taxes[0].best - sharp.own) < 1e-3 < abs(taxes[1].best - blurred.own)
    found = findings(ONE_LINEAR, taxes)
    assert all(certificate.holds for certificate in found.certificates.values()), found.certificates
    assert "logit labour nears theory" in found.certificates
    assert "exploitability" not in found.certificates
    oracle = found.oracles["logit_0.1/own"]
    assert oracle.value == taxes[1].best and not oracle.exact
    # Rates a little off are worse, in the welfare that is computed here.
    for cell, tax in ((sharp, taxes[0]), (blurred, taxes[1])):
        worth = [welfare_of_logit(cell, tax.best + off) for off in (-0.01, 0, 0.01)]
        assert max(worth) == worth[1]


def welfare_of_logit(cell, rate):
    utilities = learned_of_logit(cell, rate).designed.outcomes.utilities[0]
    return cell.shares @ (cell.weights * utilities)


def test_logit_labour_of_another_temperature_and_theory_that_is_not_neared_are_found():
    blurred, sharp = logit_cells(0.1, 0.001)
    taxes = [
        learned_of_logit(sharp, sharp.own + 0.2),
        learned_of_logit(blurred, best_rate_of(blurred), blur=1e3),
    ]
    certificates = findings(ONE_LINEAR, taxes).certificates
    assert not certificates["logit_0.1/equilibrium"].holds
    assert certificates["logit_0.001/equilibrium"].holds
    assert not certificates["logit labour nears theory"].holds
    assert not certificates["every learned rate within half a point"].holds


def test_rates_that_rise_away_from_theory_as_temperatures_fall_are_found():
    """The lowest temperature is within half a point of theory, and the one before is further."""
    cells = logit_cells(0.1, 0.01, 0.001)
    for away, holds in (
        ((0.03, 0.02, 0.001), True),
        ((0.03, 0.001, 0.004), True),
        ((0.03, 0.05, 0.001), False),
        ((0.03, 0.02, 0.006), False),
        ((0.03, np.nan, 0.001), False),
        ((np.nan, 0.02, 0.001), False),
    ):
        taxes = [
            replace(learned_of_logit(cell, cell.own), rates=np.array([[cell.own + off]]))
            for cell, off in zip(cells, away, strict=True)
        ]
        certificate = findings(ONE_LINEAR, taxes).certificates["logit labour nears theory"]
        assert certificate.holds is holds, away


def test_gains_of_logit_labour_are_bounded_by_what_its_errors_may_cost():
    (cell,) = logit_cells(0.1)
    spread = findings(ONE_LINEAR, [learned_of_logit(cell, 0.4, blur=1e3)]).certificates
    held = findings(ONE_LINEAR, [learned_of_logit(cell, 0.4)]).certificates
    assert not spread["logit_0.1/exploitability"].holds
    assert held["logit_0.1/exploitability"].holds
    assert held["logit_0.1/exploitability"].value > 0


def test_the_best_single_rate_is_the_yardstick_of_several_rates():
    """It is exact for one rate; several rates are held to what it gives the poorest."""
    study = replace(ONE_LINEAR, sigmas=(), schedules=("linear", "brackets"))
    linear, brackets = cells_of(study)
    assert linear.own_is_exact and not brackets.own_is_exact
    earnings, utilities = people(brackets, brackets.own)
    least = least_utility_at(brackets)
    assert least == pytest.approx(np.min(utilities))
    half_a_point_off = replace(brackets, own=brackets.own + 0.005)
    assert least - least_utility_at(half_a_point_off) == pytest.approx(3.5e-5, abs=1e-6)
    for lost, holds in ((0.0, True), (3.5e-5, True), (5e-5, False)):
        tax = learned_by_one_seed(brackets, brackets.own, earnings, utilities, least - lost)
        found = findings(study, [tax])
        certificate = found.certificates["maximin_brackets/best single rate"]
        assert certificate.holds == holds and certificate.value == pytest.approx(lost)
        assert not found.oracles["maximin_brackets/own"].exact
    for off in (-1e-3, 1e-3):
        assert np.min(people(linear, linear.own + off)[1]) < least


def test_taxes_are_added_up_by_bracket():
    owed = taxes_on(np.array([0.5, 2.0, 6.0]), np.array([0.1, 0.3, 0.5]), (1.0, 4.0))
    np.testing.assert_allclose(owed, [0.05, 0.4, 2.0])


def test_of_several_rates_the_furthest_that_somebody_pays_counts():
    cell = next(
        cell for cell in cells_of(replace(ALL_KINDS, sigmas=())) if cell.name == "maximin_brackets"
    )
    outcomes = Outcomes(np.zeros(1), np.zeros((1, 2)), np.zeros(1))
    designed = Designed(np.zeros((1, 3)), outcomes, CURVES)
    rates = np.array([[0.51, 0.46, 0.9]])
    tax = LearnedTax(cell, designed, rates, np.array([[1.0, 3.0]]), (), ())
    assert tax.rate == 0.46 and tax.distance == pytest.approx(0.04)


def test_the_study_is_registered():
    assert study_called("incentives/income_tax") == INCOME_TAX
    assert INCOME_TAX.is_as_described and not ONE_LINEAR.is_as_described
    assert INCOME_TAX.precision == "float64"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"sigmas": (0.0,)}, "sigmas: got 0.0"),
        ({"sigmas": (0.5, 0.5)}, "sigmas: got .* each of them once"),
        ({"schedules": ("linear", "linear")}, "schedules: got .* each of them once"),
        ({"threshold": 1.0}, "threshold: got 1.0; allowed are finite numbers above 1"),
        (
            {"elasticities": (), "tails": (), "tail_elasticities": (), "schedules": ()},
            "sigmas: got .* those that make a tax",
        ),
        ({"elasticities": (-1.0,)}, "elasticities: got -1.0"),
        ({"aversions": (-0.5,)}, "aversions: got -0.5"),
        ({"tails": (1.0, 2.0, 2.0, 3.0)}, "tails: got 1.0"),
        ({"maximin_tail": 1.0}, "maximin_tail: got 1.0"),
        ({"tail_elasticities": (0.25,)}, "tail_elasticities: .* one for each of 4 tails"),
        ({"top_weights": (1.0,)}, "top_weights: got 1.0"),
        ({"low_rate": 1.0}, "low_rate: got 1.0"),
        ({"schedules": ("poll",)}, "schedules: got 'poll'"),
        ({"gradient": "none"}, "gradient: got 'none'"),
        ({"temperatures": (0.0,)}, "temperatures: got 0.0"),
        ({"sigmas": (), "tails": (), "tail_elasticities": (), "schedules": ()}, "sigmas"),
    ],
)
def test_fields_out_of_range_are_refused(change, message):
    with pytest.raises(ValueError, match=message):
        replace(INCOME_TAX, **change)
