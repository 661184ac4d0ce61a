"""Allocations of impressions that are not trained, as policies.

Each gives shares of the impressions, the action of an environment with
``action_form="shares"``; see ``jaxmech.environments.ImpressionAllocation``.
"""
