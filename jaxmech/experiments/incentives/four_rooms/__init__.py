"""Penalties for a follower who walks through four rooms, beside those of the literature."""
