"""Transfers by coefficients: what is paid where, against NumPy and Flax on their own."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import linen as nn
from hypothesis import given, settings
from hypothesis import strategies as st

from jaxmech.agents.responses.transfers import (
    NetworkTransfer,
    PiecewiseLinear,
    Polynomial,
    Table,
    WithSubsidy,
)
from jaxmech.checks import InvalidValueError

POSITIONS = np.linspace(-0.2, 1.2, 29).reshape(1, 29)


class Bump(nn.Module):
    """Two layers, of weights with unlike shapes."""

    @nn.compact
    def __call__(self, positions):
        return nn.Dense(1)(nn.tanh(nn.Dense(4, bias_init=nn.initializers.normal())(positions)))


TRANSFERS = [
    Polynomial(1),
    Polynomial(3),
    PiecewiseLinear((0.0, 0.25, 1.0)),
    Table((0.25, 0.5)),
    NetworkTransfer(Bump()),
    WithSubsidy(Polynomial(2)),
]


@pytest.fixture(autouse=True)
def _double():
    with jax.enable_x64(True):
        yield


@settings(max_examples=25, deadline=None)
@given(coefficients=st.lists(st.floats(-100, 100), min_size=1, max_size=6))
def test_a_polynomial_is_that_of_numpy_without_a_constant(coefficients):
    paid = Polynomial(len(coefficients))(jnp.asarray(coefficients), jnp.asarray(POSITIONS))
    expected = np.polynomial.polynomial.polyval(POSITIONS, [0, *coefficients])
    np.testing.assert_allclose(paid, expected, rtol=1e-12, atol=1e-10)


def test_lines_join_the_levels_at_the_knots():
    knots, levels = (0.0, 0.25, 1.0), np.array([1.0, -2.0, 4.0])
    paid = PiecewiseLinear(knots)(jnp.asarray(levels), jnp.asarray(POSITIONS))
    np.testing.assert_allclose(paid, np.interp(POSITIONS, knots, levels), rtol=1e-12)


def test_a_table_has_a_level_for_each_cell_and_edges_belong_to_the_cell_above():
    positions = jnp.array([-1.0, 0.2499, 0.25, 0.4999, 0.5, 9.0])
    paid = Table((0.25, 0.5))(jnp.array([1.0, 2.0, 3.0]), positions)
    np.testing.assert_array_equal(paid, [1, 1, 2, 2, 3, 3])


def test_a_network_pays_what_flax_says_with_the_same_weights():
    transfer, key = NetworkTransfer(Bump()), jax.random.key(3)
    assert transfer.num_coefficients == 4 + 4 + 4 + 1
    weights = transfer.initial_coefficients(key)
    expected = Bump().apply(Bump().init(key, jnp.zeros(1)), POSITIONS.reshape(29, 1))
    paid = transfer(weights, jnp.asarray(POSITIONS))
    np.testing.assert_allclose(paid, expected.reshape(1, 29), rtol=1e-12)
    assert np.ptp(paid) > 0


def test_a_subsidy_is_paid_everywhere():
    paid = WithSubsidy(Polynomial(2))(jnp.array([7.0, 1.0, -3.0]), jnp.asarray(POSITIONS))
    np.testing.assert_allclose(paid, 7 + POSITIONS - 3 * POSITIONS**2, rtol=1e-12)


@pytest.mark.parametrize("transfer", TRANSFERS, ids=repr)
def test_a_transfer_keeps_shapes_and_dtypes_and_is_differentiable_in_every_coefficient(transfer):
    mechanism = jnp.linspace(-1, 2, transfer.num_coefficients)
    for dtype in (jnp.float32, jnp.float64):
        positions = jnp.asarray(POSITIONS, dtype)
        paid = transfer(mechanism.astype(dtype), positions)
        assert paid.shape == positions.shape and paid.dtype == dtype
        assert transfer(mechanism.astype(dtype), positions[0, 0]).shape == ()
    slopes = jax.jacobian(transfer)(mechanism, jnp.asarray(POSITIONS))
    assert np.all(np.any(slopes != 0, axis=(0, 1)))


@pytest.mark.parametrize("transfer", TRANSFERS, ids=repr)
def test_a_transfer_is_a_configuration(transfer):
    import copy

    twin = copy.deepcopy(transfer)
    assert twin == transfer and hash(twin) == hash(transfer)


@pytest.mark.parametrize("transfer", TRANSFERS, ids=repr)
def test_another_number_of_coefficients_is_refused(transfer):
    for count in (transfer.num_coefficients - 1, transfer.num_coefficients + 1):
        with pytest.raises(InvalidValueError, match="mechanism"):
            transfer(jnp.zeros(count), jnp.zeros(3))


@pytest.mark.parametrize(
    ("make", "field"),
    [
        (lambda: Polynomial(0), "degree"),
        (lambda: Polynomial(1.5), "degree"),
        (lambda: PiecewiseLinear((0.0,)), "knots"),
        (lambda: PiecewiseLinear((0.0, 0.0)), "knots"),
        (lambda: PiecewiseLinear((0.0, float("nan"))), "knots"),
        (lambda: Table(()), "edges"),
        (lambda: Table((1.0, 0.5)), "edges"),
        (lambda: NetworkTransfer(lambda position: position), "network"),
    ],
)
def test_bad_transfers_are_refused(make, field):
    with pytest.raises(InvalidValueError) as refused:
        make()
    assert refused.value.field == field
