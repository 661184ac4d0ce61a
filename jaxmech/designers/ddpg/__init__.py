"""Deep deterministic policy gradients, for continuous actions."""
