"""The user's files, read and written: valuations, bids, logs and settings."""

from jaxmech.data.bid_log_writer import write_bid_logs
from jaxmech.data.bid_logs import BidLogs, load_bid_logs, split_logs
from jaxmech.data.keyword_bids import load_keywords
from jaxmech.data.samples import empirical, load_samples, settings_from_samples
from jaxmech.data.setting_files import load_setting
from jaxmech.data.timber import load_timber_bids

__all__ = [
    "BidLogs",
    "empirical",
    "load_bid_logs",
    "load_keywords",
    "load_samples",
    "load_setting",
    "load_timber_bids",
    "settings_from_samples",
    "split_logs",
    "write_bid_logs",
]
