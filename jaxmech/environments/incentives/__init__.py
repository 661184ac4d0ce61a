"""A game whose mechanism a designer sets round after round."""

from jaxmech.lazy import exports

__getattr__ = exports(
    __name__,
    {
        "environment": ["IncentiveDesign", "IncentiveDesignState"],
        "params": ["IncentiveDesignParams", "params_of"],
    },
)
