"""The best that bounded payments do in a normal form whose players choose by logit."""

import numpy as np
import pytest
from scipy import special
from tiers import slowly

from jaxmech.checks import InvalidValueError
from jaxmech.oracles.matrix_games import best_quantal_response, best_welfare

DILEMMA = np.array([[[3.0, 0.0], [5.0, 1.0]], [[3.0, 5.0], [0.0, 1.0]]])
STAG_HUNT = np.array([[[4.0, 0.0], [3.0, 2.0]], [[4.0, 3.0], [0.0, 2.0]]])


def responses(payoffs, payments, policies, temperature):
    """Of two players, written out."""
    first = payoffs[0] @ policies[1] + payments[0]
    second = payoffs[1].T @ policies[0] + payments[1]
    return [special.softmax(values / temperature) for values in (first, second)]


def best_of_grid(payoffs, temperature, bound, count=801):
    """Over probabilities of both players' first actions, equally spaced in their logits."""
    logits = np.linspace(-14, 14, count)
    p, q = special.expit(logits)[:, None], special.expit(logits)[None]
    first, second = payoffs
    own = first[0, 0] - first[1, 0], first[0, 1] - first[1, 1]
    other = second[0, 0] - second[0, 1], second[1, 0] - second[1, 1]
    wanted = (
        temperature * logits[:, None] - (q * own[0] + (1 - q) * own[1]),
        temperature * logits[None] - (p * other[0] + (1 - p) * other[1]),
    )
    total = payoffs.sum(axis=0)
    welfare = p * (q * total[0, 0] + (1 - q) * total[0, 1])
    welfare = welfare + (1 - p) * (q * total[1, 0] + (1 - q) * total[1, 1])
    can_be = np.all([np.abs(one) <= 2 * bound for one in wanted], axis=0)
    return np.max(np.where(can_be, welfare, -np.inf))


@pytest.mark.parametrize("payoffs", [DILEMMA, STAG_HUNT], ids=["dilemma", "stag hunt"])
@pytest.mark.parametrize(("temperature", "bound"), [(1.0, 0.5), *slowly((1.0, 2.0), (0.5, 1.0))])
def test_no_probabilities_on_a_grid_are_better(payoffs, temperature, bound):
    found = best_quantal_response(payoffs, temperature=temperature, bound=bound)
    on_grid = best_of_grid(payoffs, temperature, bound)
    assert found.welfare >= on_grid - 1e-9
    assert found.welfare == pytest.approx(on_grid, abs=0.05)
    # What is found is an equilibrium under payments within the bound.
    assert max(np.max(np.abs(one)) for one in found.payments) <= bound + 1e-8
    again = responses(payoffs, found.payments, found.policies, temperature)
    np.testing.assert_allclose(np.stack(again), np.stack(found.policies), atol=1e-7)


@pytest.mark.parametrize("sizes", slowly(((2, 3),), ((2, 2, 2),)))
def test_random_games_of_several_sizes(sizes):
    payoffs = np.random.default_rng(1).normal(size=(len(sizes), *sizes))
    little, much = (
        best_quantal_response(payoffs, temperature=0.3, bound=bound).welfare for bound in (0.1, 4)
    )
    assert little < much <= best_welfare(payoffs) + 1e-9
    assert much == pytest.approx(best_welfare(payoffs), abs=1e-3)


def test_weights():
    assert best_welfare(DILEMMA) == 6 and best_welfare(DILEMMA, [1, 0]) == 5
    first = best_quantal_response(DILEMMA, temperature=0.2, bound=5.0, weights=[1, 0])
    assert first.welfare == pytest.approx(5, abs=1e-3)


@pytest.mark.parametrize(
    ("change", "named"),
    [({"temperature": 0.0}, "temperature"), ({"bound": -1.0}, "bound")],
)
def test_what_is_out_of_range_is_refused(change, named):
    with pytest.raises(InvalidValueError, match=f"^{named}: got"):
        best_quantal_response(DILEMMA, **{"temperature": 1.0, "bound": 1.0, **change})
