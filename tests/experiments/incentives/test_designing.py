"""Mechanisms that are designed in a workspace: what they are said to be worth is what they are."""

from dataclasses import dataclass, replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxmech
from jaxmech.experiments.incentives import statements
from jaxmech.experiments.incentives.design_study import DesignStudy
from jaxmech.experiments.incentives.designing import (
    Designed,
    Outcomes,
    design,
    kept_outcomes,
    two_timescale,
)
from jaxmech.experiments.workspace import Workspace
from jaxmech.oracles.cournot import LinearCournot
from jaxmech.reports.findings import Estimate, Findings

FIRMS = LinearCournot((1.0, 2.0, 3.0), 10.0, 1.0, 0.5, (1.0, 0.6, 0.2), 2.0)


@dataclass(frozen=True)
class Taxes(DesignStudy):
    """Designs a tax and keeps hold of what is found on the way."""

    def compute(self, workspace):
        env, params = jaxmech.make("cournot")
        designer = two_timescale(env, params, self.two_timescale)
        designed = design(
            workspace, "tax", designer, env, params, updates=self.updates, seeds=self.seeds
        )
        without = kept_outcomes(workspace, "untaxed", env, params, np.zeros((1, 1)))
        SEEN.update(designed=designed, without=without)
        records = (
            *statements.records_of(designed.outcomes, designed.mechanisms, coefficients=["tax"]),
            *statements.records_of(without, scheme="untaxed", of_seeds=False),
        )
        return Findings(
            headline="A tax.",
            estimates={"learned": statements.learned(designed.outcomes)},
            learning_curves=(designed.curves,),
            records=records,
        )


SEEN = {}
SMALL = Taxes("taxes", "", "", updates=8, seeds=2)


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    with jax.enable_x64(True):
        return Workspace(tmp_path_factory.mktemp("taxes"), say=[].append).run(SMALL)


def test_outcomes_are_those_of_the_closed_form(found):
    designed, without = SEEN["designed"], SEEN["without"]
    np.testing.assert_allclose(without.objective, [FIRMS.welfare(FIRMS.quantities())])
    for (tax,), welfare in zip(designed.mechanisms, designed.outcomes.objective, strict=True):
        assert tax != 0
        assert welfare == pytest.approx(FIRMS.welfare(FIRMS.quantities(tax)), rel=1e-10)
    assert designed.outcomes.utilities.shape == (2, 3)
    assert np.all(designed.outcomes.residual < 1e-12)
    assert found.learning_curves[0].values[0][-1] == pytest.approx(
        designed.outcomes.objective[0], abs=1e-10
    )


def test_records_are_tidy(found):
    rows = {(row.scheme, row.metric, row.seed): row.value for row in found.records}
    assert len(rows) == len(found.records) == 1 + 4 * 2 + 3
    learned = found.estimates["learned"]
    assert rows["learned", "objective", None] == learned.mean
    assert [rows["learned", "objective", seed] for seed in (0, 1)] == list(learned.per_seed)
    assert rows["untaxed", "objective", None] == pytest.approx(13.247407, abs=1e-6)
    assert rows["learned", "tax", 1] == SEEN["designed"].mechanisms[1, 0]


def outcomes_of(objective, residual):
    return Outcomes(np.asarray(objective), np.zeros((len(objective), 2)), np.asarray(residual))


@pytest.mark.parametrize(
    ("objective", "residual", "best"),
    [
        ([1.0, 3.0, 2.0], [0.0, 0.0, 0.0], 1),
        ([3.0, 3.0], [1e-9, 1e-12], 1),
        ([np.nan, -2.0], [0.0, 1.0], 1),
    ],
)
def test_the_best_seed_is_that_of_the_highest_objective(objective, residual, best):
    designed = Designed(np.zeros((len(objective), 1)), outcomes_of(objective, residual), None)
    assert designed.best == best


def test_certificates_say_what_is_so():
    assert statements.at_rest([1e-12, 1e-9], 0.0).holds
    moving = statements.at_rest([1e-12], [1e-3])
    assert not moving.holds and moving.value == 1e-3 and "1.0e-03" in moving.statement
    assert not statements.at_rest([np.nan]).holds

    assert statements.takes_part(np.ones((2, 3)), outside_option=[1.0, 0.5, 0.0]).holds
    away = statements.takes_part(np.ones((2, 3)), outside_option=[1.0, 1.5, 0.0], agent="firm")
    assert not away.holds and away.value == -0.5
    assert away.statement.startswith("Some firm expects 0.5 less than from staying away")

    assert statements.exploitability([0.0, 1e-10]).holds
    assert not statements.exploitability([0.0, 0.2]).holds
    assert statements.exploitability([0.0, 0.2], tolerance=0.3).holds

    near = statements.reaches("The tax", 3.4662, 3.4662414, 1e-4)
    assert near.holds and near.statement.startswith("The tax is 3.4662, and known is 3.466241")
    assert not statements.reaches("The tax", np.nan, 3.0, 1.0).holds
    assert statements.no_worse("Welfare", 3.5, 3.0, 0.1).holds
    assert statements.no_worse("Welfare", 2.95, 3.0, 0.1).holds
    assert not statements.no_worse("Welfare", 2.8, 3.0, 0.1).holds
    assert not statements.no_worse("Welfare", np.nan, 3.0, 0.1).holds


def test_a_single_seed_has_no_interval():
    assert statements.learned(outcomes_of([2.0], [0.0])) == Estimate(
        2.0, None, (2.0,), over="seeds"
    )


@pytest.mark.parametrize("field", ["updates", "seeds"])
def test_fewer_than_one_is_refused(field):
    with pytest.raises(ValueError, match=f"{field}: got 0; allowed are integers from 1"):
        replace(SMALL, **{field: 0})


def test_computed_in_double_precision():
    assert SMALL.precision == "float64"
    assert not SMALL.is_as_described  # It is not registered.


def test_mechanisms_are_judged_where_asked():
    """A designer may have learned with other parameters than those it is judged by."""
    with jax.enable_x64(True):
        env, params = jaxmech.make("cournot", damage=0.5)
        judged = jaxmech.experiments.incentives.designing.outcomes(env, params, jnp.ones((1, 1)))
    little = replace(FIRMS, damage=0.5)
    assert judged.objective[0] == pytest.approx(little.welfare(little.quantities(1.0)))
