"""The asymmetric first-price equilibrium: nobody gains by another bid."""

import numpy as np
import pytest

from jaxmech.oracles.asymmetric_auctions import uniform_first_price_bids


@pytest.mark.parametrize(("high", "other_high"), [(1.0, 2.0), (2.0, 1.0), (1.0, 1.0), (0.3, 5.0)])
def test_each_bid_is_a_best_response(high, other_high):
    grid = np.linspace(0, other_high, 20_001)
    others = uniform_first_price_bids(grid, other_high, high)
    values = np.linspace(0.05, 1, 12) * high
    own = uniform_first_price_bids(values, high, other_high)

    def utility(values, bids):
        return (values - bids) * np.interp(bids, others, grid / other_high)

    tried = np.linspace(0, others[-1] * 1.1, 4001)
    best = utility(values[:, None], tried).max(axis=-1)
    assert np.all(best <= utility(values, own) * (1 + 1e-6))
    # The search comes close, so that the bound is no empty one.
    np.testing.assert_allclose(best, utility(values, own), rtol=1e-4)


def test_two_equal_bidders_bid_half():
    np.testing.assert_allclose(uniform_first_price_bids([0.0, 0.5, 2.0], 2.0, 2.0), [0, 0.25, 1])


def test_the_weaker_bids_more_and_both_up_to_the_same_bid():
    weak, strong = (uniform_first_price_bids(x, *highs) for x, highs in [(1, (1, 2)), (2, (2, 1))])
    assert weak == pytest.approx(2 / 3) and strong == pytest.approx(2 / 3)
    assert uniform_first_price_bids(0.8, 1, 2) > uniform_first_price_bids(0.8, 2, 1)


@pytest.mark.parametrize(
    ("arguments", "named"),
    [((0.5, 0.0, 1.0), "high"), ((0.5, 1.0, np.inf), "other_high"), ((1.5, 1.0, 2.0), "values")],
)
def test_what_is_out_of_range_is_refused(arguments, named):
    with pytest.raises(ValueError, match=f"^{named}: got"):
        uniform_first_price_bids(*arguments)
