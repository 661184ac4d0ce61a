"""Environments by name. Needs no JAX: an environment is imported when it is made."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from inspect import Parameter, signature
from itertools import chain
from typing import Any

from jaxmech.checks import InvalidValueError
from jaxmech.naming import lookup

Factory = Callable[..., tuple[Any, Any]]
"""From options to the environment and its parameters."""


@dataclass(frozen=True)
class Registered:
    """An environment as its name stands for it.

    Attributes:
      factory: ``"module:function"``, or the function.
      summary: what a designer does in it, in a line.
    """

    factory: str | Factory
    summary: str = ""

    def load(self) -> Factory:
        """The factory, imported."""
        if not isinstance(self.factory, str):
            return self.factory
        module, _, function = self.factory.partition(":")
        factory: Factory = getattr(importlib.import_module(module), function)
        return factory


ENVIRONMENTS: dict[str, Registered] = {
    "impression_allocation": Registered(
        "jaxmech.environments.impression_allocation.factory:make",
        "divide buyers among sellers who set their prices by what they sold",
    ),
    "bertrand": Registered(
        "jaxmech.environments.bertrand.factory:make",
        "tax what each of two firms sells that compete by prices",
    ),
    "consumer_tax": Registered(
        "jaxmech.environments.consumer_tax.factory:make",
        "tax what consumers earn and each good that they buy",
    ),
    "cournot": Registered(
        "jaxmech.environments.cournot.factory:make",
        "tax what firms emit that compete by quantities",
    ),
    "escape_room": Registered(
        "jaxmech.environments.escape_room.factory:make",
        "pay agents for holding open a door that others leave by",
    ),
    "four_rooms": Registered(
        "jaxmech.environments.four_rooms.factory:make",
        "make it dear for a follower to be in some cells on its way",
    ),
    "income_tax": Registered(
        "jaxmech.environments.income_tax.factory:make",
        "tax what people earn, and pay it out to all alike",
    ),
    "matrix_game": Registered(
        "jaxmech.environments.matrix_game.factory:make",
        "pay the players of a normal form for what they do",
    ),
    "multilane": Registered(
        "jaxmech.environments.multilane.factory:make",
        "pay agents for where they end, who had better end up side by side",
    ),
    "stackelberg_pricing": Registered(
        "jaxmech.environments.stackelberg_pricing.factory:make",
        "price what followers take of a capacity that they share",
    ),
    "sequential_price": Registered(
        "jaxmech.environments.sequential_price.factory:make",
        "visit agents one by one, post each a price for every item",
    ),
    "repeated_auction": Registered(
        "jaxmech.environments.repeated_auction.factory:make",
        "set reserve and squash of an auction each round; bidders learn",
    ),
    "reserve_pricing": Registered(
        "jaxmech.environments.reserve_pricing.factory:make",
        "post reserves for the bidders on a keyword, who react from day to day",
    ),
}


def names() -> tuple[str, ...]:
    """All names ``make`` knows."""
    return tuple(sorted(ENVIRONMENTS))


def make(name: str, **options: Any) -> tuple[Any, Any]:
    """The environment called ``name`` and its parameters, ``(env, params)``.

    Args:
      name: one of ``names()``.
      options: those of its factory, whose documentation has them all, such as
        ``help(jaxmech.environments.sequential_price.make)``.

    Raises:
      ValueError: an unknown name, or options its factory does not take.
    """
    factory = lookup("environment", name, ENVIRONMENTS).load()
    if not _takes_any_option(factory):
        check_options(name, options, factory)
    return factory(**options)


def register(name: str, factory: str | Factory, summary: str = "") -> None:
    """Adds an environment to those that ``make`` knows.

    Args:
      name: what it is called.
      factory: function of keyword arguments that gives ``(env, params)``, or
        ``"module:function"``, imported when it is first made.
      summary: what a designer does in it, in a line.

    Raises:
      ValueError: the name is taken.
    """
    if name in ENVIRONMENTS:
        raise InvalidValueError("name", name, "other names", got=f"{name!r}, which is taken")
    ENVIRONMENTS[name] = Registered(factory, summary)


def check_options(name: str, options: Iterable[str], *functions: Callable[..., Any]) -> None:
    """Refuses options of environment ``name`` that none of the functions takes from a user.

    Args:
      functions: the factory, then those that it hands options on to. What these need by position,
        such as the game that parameters have to fit, comes from the factory and is no option.

    Raises:
      ValueError: there is one; the message suggests the nearest and lists all.
    """
    factory, *others = (signature(function).parameters.values() for function in functions)
    by_keyword = (Parameter.KEYWORD_ONLY, Parameter.POSITIONAL_OR_KEYWORD)
    allowed = {
        parameter.name: parameter
        for parameter in (*factory, *chain(*map(_given_by_users, others)))
        if parameter.kind in by_keyword
    }
    kind = f"option of environment {name!r} (see help(jaxmech.environments.{name}.make))"
    for option in options:
        lookup(kind, option, allowed)


def _given_by_users(parameters: Iterable[Parameter]) -> Iterator[Parameter]:
    """Those of a function that a factory calls with what users gave and with its own."""
    for parameter in parameters:
        if parameter.kind is Parameter.KEYWORD_ONLY or parameter.default is not Parameter.empty:
            yield parameter


def _takes_any_option(factory: Factory) -> bool:
    """Whether the factory checks options itself, as it hands some of them on."""
    kinds = [parameter.kind for parameter in signature(factory).parameters.values()]
    return Parameter.VAR_KEYWORD in kinds
