"""Bidders in auctions: strategies, learners, and equilibria."""
