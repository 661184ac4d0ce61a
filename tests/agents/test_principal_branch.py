"""Curves of solutions: followed around their turns, and said to be lost where they are."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxmech.agents.responses.principal_branch import MOST_STEPS, follow


@pytest.fixture(autouse=True)
def _float64():
    with jax.enable_x64(True):
        yield


def curve(of_point, scale):
    """The branch of ``scale = of_point(point)`` through nothing at scale 0."""
    return follow(lambda point, scale: of_point(point) - scale, jnp.zeros(1), jnp.asarray(scale))


@pytest.mark.parametrize("scale", [0.3, 1.0])
def test_a_branch_is_followed_around_its_turns_to_the_first_point_at_the_scale(scale):
    """The cubic rises to .562, falls to .148 and rises again: at .3 there are three points."""
    branch = curve(lambda x: x * ((x - 1.5) ** 2 + 0.1), scale)
    roots = np.roots([1, -3, 2.35, -scale])
    first = np.min(roots.real[np.abs(roots.imag) < 1e-9])
    assert bool(branch.arrived)
    assert float(branch.point[0]) == pytest.approx(first, abs=1e-9)
    assert 0 < int(branch.steps) < 200


def test_a_branch_that_never_reaches_the_scale_is_said_not_to_arrive():
    """x / (1 + x^2) is at most 1/2, and then falls towards 0 for ever."""
    branch = curve(lambda x: x / (1 + x**2), 1.0)
    assert not bool(branch.arrived)
    assert int(branch.steps) == MOST_STEPS
    reached = curve(lambda x: x / (1 + x**2), 0.4)
    assert bool(reached.arrived)
    assert float(reached.point[0]) == pytest.approx(0.5, abs=1e-9)


def test_branches_in_a_batch_arrive_or_not_each_by_itself():
    branches = jax.jit(jax.vmap(lambda scale: curve(lambda x: x / (1 + x**2), scale)))(
        jnp.array([0.4, 1.0])
    )
    assert branches.arrived.tolist() == [True, False]
