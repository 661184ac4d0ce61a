"""Consumers who work, spend and save, and who sets the taxes on their income and on each good."""

from jaxmech.environments.consumer_tax.choices import Choices
from jaxmech.environments.consumer_tax.factory import make
from jaxmech.environments.consumer_tax.game import ConsumerPolicies, ConsumerTax
from jaxmech.environments.consumer_tax.params import ConsumerTaxParams, params_of

__all__ = ["Choices", "ConsumerPolicies", "ConsumerTax", "ConsumerTaxParams", "make", "params_of"]
