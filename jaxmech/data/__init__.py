"""The user's files, read and written: valuations, bids, logs and settings.

Names are imported on first use, so that a file of bids is looked through without JAX.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from jaxmech.lazy import exports

if TYPE_CHECKING:
    from jaxmech.data.bid_log_writer import write_bid_logs
    from jaxmech.data.bid_logs import BidLogs, load_bid_logs, split_logs
    from jaxmech.data.brand_choices import (
        BrandChoices,
        BrandDemand,
        demand_of_brands,
        load_brand_choices,
    )
    from jaxmech.data.keyword_bids import load_keywords
    from jaxmech.data.sales_tables import SalesTable, demand_of_sales, fit_sales, load_sales
    from jaxmech.data.samples import empirical, load_samples, settings_from_samples
    from jaxmech.data.setting_files import load_setting
    from jaxmech.data.timber import load_timber_bids

__all__ = [
    "BidLogs",
    "BrandChoices",
    "BrandDemand",
    "SalesTable",
    "demand_of_brands",
    "demand_of_sales",
    "empirical",
    "fit_sales",
    "load_bid_logs",
    "load_brand_choices",
    "load_keywords",
    "load_sales",
    "load_samples",
    "load_setting",
    "load_timber_bids",
    "settings_from_samples",
    "split_logs",
    "write_bid_logs",
]

__getattr__ = exports(
    __name__,
    {
        "bid_log_writer": ("write_bid_logs",),
        "bid_logs": ("BidLogs", "load_bid_logs", "split_logs"),
        "brand_choices": (
            "BrandChoices",
            "BrandDemand",
            "demand_of_brands",
            "load_brand_choices",
        ),
        "keyword_bids": ("load_keywords",),
        "sales_tables": ("SalesTable", "demand_of_sales", "fit_sales", "load_sales"),
        "samples": ("empirical", "load_samples", "settings_from_samples"),
        "setting_files": ("load_setting",),
        "timber": ("load_timber_bids",),
    },
)
