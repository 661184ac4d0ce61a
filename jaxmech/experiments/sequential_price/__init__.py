"""Studies of sequential price mechanisms."""
