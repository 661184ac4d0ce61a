"""Distributions of values and qualities."""
