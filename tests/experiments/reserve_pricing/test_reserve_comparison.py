"""Schemes compared on the same keywords, and the variants of the tree search."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from scipy import stats

from jaxmech.experiments.reserve_pricing.bidder_models import TrainedModels
from jaxmech.experiments.reserve_pricing.configuration import RESERVE_PRICING
from jaxmech.experiments.reserve_pricing.playing import ablation
from jaxmech.experiments.reserve_pricing.results import (
    ORDERINGS,
    REFERENCES,
    Results,
    numbers_of,
)
from jaxmech.experiments.reserve_pricing.schemes import LABELS, SCHEMES


def played(revenue_of):
    """Schemes whose revenue is the same on all keywords and days."""
    return {name: np.full((5, 6), revenue) for name, revenue in revenue_of.items()}


def test_schemes_are_compared_keyword_by_keyword_over_both_periods():
    rng = np.random.default_rng(0)
    names = (*REFERENCES, "greedy", "tree_search")
    schemes = {name: rng.uniform(1, 2, (6, 8)) for name in names}
    study = replace(RESERVE_PRICING, days=8, last_days=3)
    results = Results(0.1, schemes, None, TrainedModels({}, {}, np.zeros(0)), {}, {}, None)
    found = numbers_of(study, results)
    for period, days in (("all_days", slice(None)), ("last_days", slice(-3, None))):
        of = {name: one[:, days].mean(axis=1) for name, one in schemes.items()}
        for name in names:
            revenue = found.means["reacting", name, f"{period}.revenue"]
            assert revenue.mean == pytest.approx(of[name].mean())
            against = found.differences["reacting", name, f"{period}.against_deployed"]
            assert against.difference.mean == pytest.approx((of[name] - of["deployed"]).mean())
        ordering = found.differences["reacting", "tree_search", f"{period}.against_greedy"]
        test = stats.ttest_rel(of["tree_search"], of["greedy"]).confidence_interval(0.95)
        assert ordering.difference.half_width == pytest.approx((test.high - test.low) / 2)
    assert not any(scheme == "ppo" for _, scheme, _ in found.differences)


def test_orderings_are_of_schemes_each_named_once():
    assert {name for pair in ORDERINGS for name in pair} <= set(SCHEMES)
    assert len(set(ORDERINGS)) == len(ORDERINGS)
    assert set(LABELS) == set(SCHEMES)


class Kept:
    """In place of a workspace: revenue 51, 52, ... of whatever is asked for, and its names."""

    def __init__(self):
        self.names = []

    def kept(self, name, function, *arguments):
        self.names.append(name)
        return np.full((3, 4), 50.0 + len(self.names))


def test_the_ablation_has_larger_moves_and_static_reserves_on_the_same_days():
    varied = replace(
        RESERVE_PRICING.ablation, depth_and_simulations=((1, 16),), held_days=(6,), models=("lstm",)
    )
    study = replace(RESERVE_PRICING, ablation=varied)
    earned = dict(zip(SCHEMES, np.arange(len(SCHEMES)) + 1.0, strict=True))
    schemes = played(dict.fromkeys(SCHEMES, 100.0))
    for name, one in schemes.items():
        # Only the first 3 keywords and 4 days are those of the ablation.
        one[:3, :4] = earned[name]
    keywords, workspace = SimpleNamespace(day_keys=np.zeros((3, 4))), Kept()
    models = {"lstm": None}
    found = ablation(workspace, study, None, None, models, keywords, np.zeros((3, 2)), schemes)
    small, large = "0.95, 1.05", "0.5, 0.8, 0.95, 1.05, 1.25, 2"
    assert all(of_keywords.shape == (3,) for of_keywords in found.values())
    assert {variant: of_keywords.mean() for variant, of_keywords in found.items()} == {
        ("depth, simulations", "1, 16"): 51,
        ("held_days", "6"): earned["tree_search_from_static"],
        ("model", "lstm"): earned["tree_search_from_static"],
        ("factors", large): 52,
        ("factors, from deployed", small): earned["tree_search"],
        ("factors, from deployed", large): earned["tree_search_larger_moves"],
        ("no search", "static best on the initial bids"): earned["static_initial"],
        ("no search", "static best in hindsight"): earned["static_hindsight"],
    }
    # The usual search has been played: nothing is computed for it.
    assert workspace.names == ["ablation_depth_1_simulations_16", "ablation_larger_moves"]
