"""The study of a leader who prices what followers take of a shared capacity."""
