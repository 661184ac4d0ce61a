"""Allocations of impressions that are not trained, as policies.

Each gives shares of the impressions, the action of ``jaxmech.environments.ImpressionAllocation``
unless it asks for scores.
"""
