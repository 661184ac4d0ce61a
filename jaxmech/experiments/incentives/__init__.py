"""Studies of incentives that are designed while agents respond."""
