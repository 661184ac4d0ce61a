"""The study of emission taxes: it designs the taxes that closed forms give."""

from dataclasses import replace

import jax
import numpy as np
import pytest

import jaxmech
from jaxmech.experiments.incentives.cournot.configuration import COURNOT
from jaxmech.experiments.incentives.cournot.findings import findings
from jaxmech.experiments.incentives.cournot.markets import Market, theory
from jaxmech.experiments.incentives.designing import Designed, Outcomes, two_timescale
from jaxmech.experiments.registry import study_called
from jaxmech.experiments.workspace import Workspace
from jaxmech.oracles.cournot import LinearCournot
from jaxmech.reports.findings import LearningCurves

SMALL = replace(COURNOT, temperatures=(0.0,), damages=(2.0,), seeds=2, taxes=21)
FIRMS = LinearCournot((1.0, 2.0, 3.0), 10.0, 1.0, 0.5, (1.0, 0.6, 0.2), 2.0)


def computed(study, directory):
    with jax.enable_x64(True):
        return Workspace(directory, say=[].append).run(study)


def test_the_settings_of_the_study_reach_the_best_taxes():
    """Its designer alone, in all its markets of firms that choose best."""
    with jax.enable_x64(True):
        for damage, best in ((2.0, 3.4662414), (0.5, -0.6114398)):
            designer = two_timescale(*COURNOT.build(damage, 0.0), COURNOT.two_timescale)
            state, _ = jaxmech.train(designer, jax.random.key(1), updates=COURNOT.updates)
            assert designer.mechanism(state)[0] == pytest.approx(best, abs=1e-6)


@pytest.mark.slow
def test_the_best_tax_is_designed_to_six_digits_by_every_seed(tmp_path):
    found = computed(SMALL, tmp_path)
    cell = "damage_2_temperature_0"
    for name in ("equilibrium", "individual rationality", "exploitability", "permit price"):
        assert found.certificates[name].holds, found.certificates[name]
    for name in ("best tax", "no better tax"):
        assert found.certificates[f"{cell}/{name}"].holds, name

    values = {(one.scheme, one.metric, one.seed): one.value for one in found.records}
    taxes = [values["learned", "tax", seed] for seed in (0, 1)]
    np.testing.assert_allclose(taxes, 3.4662414, atol=1e-6)
    assert taxes[0] != taxes[1]  # They begin elsewhere.
    np.testing.assert_allclose(found.estimates[f"{cell}/learned"].per_seed, 17.2651663, atol=5e-8)
    assert found.estimates[f"{cell}/untaxed"].mean == pytest.approx(13.247407, abs=5e-7)
    assert found.oracles[f"{cell}/first best"].value == pytest.approx(18.157791, abs=5e-7)
    assert found.estimates["permit price"].mean == pytest.approx(1.6176471, abs=5e-8)
    # The figure is of the closed form.
    (curve, _) = found.figures[0].curves
    assert curve.y[10] == pytest.approx(FIRMS.welfare(FIRMS.quantities()))
    assert curve.x[10] == 0 and len(curve.x) == 21


@pytest.mark.slow
def test_little_damage_and_firms_that_err(tmp_path):
    found = computed(replace(COURNOT, damages=(0.5,), seeds=1, taxes=41), tmp_path)
    assert all(one.holds for one in found.certificates.values()), found.certificates
    # Firms that err forgo something, and no more than their entropy is worth to them.
    forgone = found.certificates["damage_0.5_temperature_0.5/exploitability"]
    assert 0.01 < forgone.value <= forgone.tolerance == pytest.approx(0.5 * np.log(61))
    assert found.certificates["exploitability"].tolerance < 1e-6
    exact, logit = (f"damage_0.5_temperature_{temperature}" for temperature in ("0", "0.5"))
    assert found.estimates[f"{exact}/tax"].mean == pytest.approx(-0.6114398, abs=1e-6)
    # Errors cost welfare, and call for another tax.
    assert found.estimates[f"{exact}/learned"].mean > found.estimates[f"{logit}/learned"].mean
    assert found.estimates[f"{exact}/tax"].mean != found.estimates[f"{logit}/tax"].mean


def test_firms_that_err_by_more_than_their_temperature_are_found():
    """As findings alone say, of one market that is made up."""
    outcomes = Outcomes(np.zeros(1), np.zeros((1, 3)), np.zeros(1))
    designed = Designed(np.zeros((1, 1)), outcomes, LearningCurves("", (0,), ((0.0,),), ((0.0,),)))
    for gain, holds in ((2.0, True), (2.1, False), (np.nan, False)):
        market = Market(2.0, 0.5, FIRMS, designed, np.zeros(2), outcomes, np.full((1, 3), gain))
        certificates = findings(COURNOT, [market], 1.6, theory(lambda: 1.6)).certificates
        found = certificates["damage_2_temperature_0.5/exploitability"]
        assert found.holds is holds and "exploitability" not in certificates


def test_where_not_all_firms_produce_there_is_no_closed_form():
    assert theory(FIRMS.best_tax).value == pytest.approx(3.4662414, abs=5e-8)
    oracle = theory(replace(FIRMS, costs=(1.0, 2.0, 9.5)).best_tax)
    assert oracle.value is None and "all firms produce" in oracle.missing


def test_the_study_is_registered():
    assert study_called("incentives/cournot") == COURNOT
    assert COURNOT.is_as_described and not SMALL.is_as_described


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"costs": ()}, "costs: got none; needed is at least one"),
        ({"emissions": (1.0,)}, "emissions: got .* allowed are one for each of 3 firms"),
        ({"damages": (-1.0,)}, "damages: got -1.0; allowed are finite numbers from 0"),
        ({"temperatures": (0.5, 0.5)}, "temperatures: got .* allowed are each of them once"),
        ({"bound": 0.0}, "bound: got 0.0; allowed are finite numbers above 0"),
        ({"nodes": 1}, "nodes: got 1; allowed are integers from 2"),
        (
            {"costs": (1.0,) * 12, "emissions": (1.0,) * 12},
            "two_timescale.response_rate: got 0.5; allowed are numbers below 0.37",
        ),
    ],
)
def test_fields_out_of_range_are_refused(change, message):
    with pytest.raises(ValueError, match=message):
        replace(COURNOT, **change)
