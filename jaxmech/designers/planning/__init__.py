"""Planning of reserve prices on a model of the bidders.

From logs with columns keyword, day, bidder, bid, reserve, impressions, clicks, cost and quality,
of which a row is one auction unless told otherwise, to the reserves of tomorrow, a row for each
keyword::

    import jax
    import jaxmech
    from jaxmech import data, designers, networks

    logs = data.load_bid_logs("bids.csv")
    env, params = jaxmech.make(
        "reserve_pricing",
        num_bidders=logs.num_bidders,
        bins=logs.bins,
        reserve_high=float(logs.bins.edges[-1]),
    )
    model = networks.bidder_model("lstm")
    training = designers.BidderModelTraining(days_in_a_row=7, num_steps=300)
    parameters, losses = designers.train_bidder_model(jax.random.key(0), model, logs, training)
    simulator = designers.LearnedSimulator(model, parameters, logs.bins, params.click_rates)
    planner = designers.tree_search_planner(env, params, simulator)
    keywords = designers.ObservedKeyword.of_logs(logs, days=7)
    reserves = jax.jit(jax.vmap(planner.reserves, (0, None)))(keywords, jax.random.key(1))
    print(reserves)  # of tomorrow, a row for each keyword
"""
