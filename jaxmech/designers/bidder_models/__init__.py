"""Training of bidder models."""
