"""The study of daily reserve prices, small: a moment a program, most of it compiling."""

from dataclasses import replace

from jaxmech.experiments.reserve_pricing.configuration import RESERVE_PRICING


def small(bids=None, **fields):
    """Few simulations, but more than the 5 moves of two bidders."""
    of = RESERVE_PRICING
    study = replace(
        of,
        bids=None if bids is None else str(bids),
        bidders=2 if bids is None else None,
        keywords=4,
        days=10,
        last_days=5,
        slots=2,
        bins=10,
        reserve_levels=4,
        training=replace(
            of.training,
            keywords=8,
            held_out_keywords=4,
            models=("persistence",),
            days=56,
            held_out_days=3,
            steps=4,
        ),
        search=replace(
            of.search,
            depth=2,
            simulations=9,
            auctions=8,
            leaf_value="held_forever",
            held_days=1,
            patience=2,
            larger_factors=(),
        ),
        policies=replace(of.policies, updates=0),
        ablation=replace(
            of.ablation, depth_and_simulations=((1, 5),), held_days=(1,), models=("lstm",)
        ),
    )
    return replace(study, **fields)
