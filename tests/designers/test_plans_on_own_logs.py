"""From the user's own logs of bids to the reserves of tomorrow."""

from __future__ import annotations

import jax
import numpy as np
import pytest

import jaxmech
from jaxmech import data, designers, networks

KEY = jax.random.key(3)


@pytest.mark.slow
def test_from_the_users_own_logs_to_the_reserves_of_tomorrow(tmp_path):
    """The whole way with exported names only; the second keyword has a bidder less."""
    random = np.random.default_rng(0)
    header = "campaign_id,day,bidder,bid,reserve,impressions,clicks,cost,quality"
    rows = [
        f"{keyword},2024-02-{10 + day},{bidder},{bid:.3f},0.3,1,0.1,0.05,0.2"
        for keyword, bidders in (("shoes", ("ann", "bob")), ("hats", ("cat",)))
        for day in range(12)
        for bidder, bid in zip(bidders, random.lognormal(0, 0.3, len(bidders)), strict=True)
    ]
    (tmp_path / "bids.csv").write_text("\n".join([header, *rows]) + "\n")
    columns = {"keyword": "campaign_id"}
    logs = data.load_bid_logs(tmp_path / "bids.csv", columns=columns, num_bins=12)
    env, params = jaxmech.make(
        "reserve_pricing", num_bidders=logs.num_bidders, bins=logs.bins, history_days=3,
        reserve_high=float(logs.bins.edges[-1]),
    )  # fmt: skip
    training = designers.BidderModelTraining(history_days=3, days_in_a_row=2, num_steps=2)
    model = networks.bidder_model("linear", 3)
    parameters, losses = jax.jit(
        lambda logs: designers.train_bidder_model(KEY, model, logs, training)
    )(logs)
    assert losses.shape == (2,)
    simulator = designers.LearnedSimulator(model, parameters, logs.bins, params.click_rates, 8)
    planner = designers.tree_search_planner(
        env, params, simulator, depth=2, search=designers.TreeSearch(num_simulations=10)
    )
    keywords = designers.ObservedKeyword.of_logs(logs, days=3)
    plan = jax.jit(jax.vmap(planner.reserves, (0, None)))
    reserves = np.asarray(plan(keywords, KEY))
    assert reserves.shape == (2, 2)
    now = np.asarray(logs.days.reserves[:, -1])
    np.testing.assert_allclose(now, [[0.3, 0.3], [0.3, 0]], rtol=1e-6)
    assert (np.sum(reserves != now, axis=1) == 1).all()
    # A bidder who is not there earns nothing, whatever the model foresees of it.
    assert reserves[1, 1] == 0
    # The same logs, read in the environment's bins from the file that the library writes.
    data.write_bid_logs(logs, tmp_path / "again.csv")
    again = data.load_bid_logs(tmp_path / "again.csv", auctions_column="auctions", bins=params.bins)
    np.testing.assert_allclose(
        plan(designers.ObservedKeyword.of_logs(again, days=3), KEY), reserves
    )
    with pytest.raises(ValueError, match="days: got 13; allowed are 1 to 12"):
        designers.ObservedKeyword.of_logs(logs, days=13)
    with pytest.raises(ValueError, match="logs: got BidHistory; needed are BidLogs"):
        designers.ObservedKeyword.of_logs(logs.days, days=3)
