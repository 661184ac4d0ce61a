"""Settings of sequential price mechanisms: joint distributions of values, demand, and supply."""
