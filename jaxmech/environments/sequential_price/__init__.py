"""Sequential price mechanisms."""
