"""Auction rules over whole batches, as NumPy and PyTorch users write them.

Bids and qualities are float32 [auctions, bidders]; reserves are 0. Results are an allocation,
[auctions, bidders] or [auctions, bidders, slots], and payments, [auctions, bidders].
"""

from __future__ import annotations

from typing import Any

import numpy as np


def numpy_first_price(bids: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    winner = bids.argmax(axis=1)[:, None]
    allocation, payments = np.zeros(bids.shape, np.int32), np.zeros_like(bids)
    np.put_along_axis(allocation, winner, 1, axis=1)
    np.put_along_axis(payments, winner, np.take_along_axis(bids, winner, axis=1), axis=1)
    return allocation, payments


def numpy_second_price(bids: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    winner = bids.argmax(axis=1)[:, None]
    others = bids.copy()
    np.put_along_axis(others, winner, 0, axis=1)
    allocation, payments = np.zeros(bids.shape, np.int32), np.zeros_like(bids)
    np.put_along_axis(allocation, winner, 1, axis=1)
    np.put_along_axis(payments, winner, others.max(axis=1, keepdims=True), axis=1)
    return allocation, payments


def numpy_generalized_second_price(
    bids: np.ndarray, quality: np.ndarray, click_rates: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    (auctions, bidders), slots = bids.shape, len(click_rates)
    scores = quality * bids
    ranked = np.argsort(-scores, axis=1, kind="stable")[:, : slots + 1]
    ranked_scores = np.take_along_axis(scores, ranked, axis=1)
    if bidders == slots:
        ranked_scores = np.pad(ranked_scores, ((0, 0), (0, 1)))
    allocation, payments = np.zeros((auctions, bidders, slots), np.int32), np.zeros_like(bids)
    np.put_along_axis(allocation, ranked[:, None, :slots], 1, axis=1)
    # Click rate times quality times the next score over the quality.
    np.put_along_axis(payments, ranked[:, :slots], click_rates * ranked_scores[:, 1:], axis=1)
    return allocation, payments


def torch_first_price(bids: Any) -> tuple[Any, Any]:
    import torch

    highest, winner = bids.max(dim=1, keepdim=True)
    allocation, payments = torch.zeros_like(bids), torch.zeros_like(bids)
    return allocation.scatter_(1, winner, 1.0), payments.scatter_(1, winner, highest)


def torch_second_price(bids: Any) -> tuple[Any, Any]:
    import torch

    highest, who = bids.topk(2, dim=1)
    allocation, payments = torch.zeros_like(bids), torch.zeros_like(bids)
    winner = who[:, :1]
    return allocation.scatter_(1, winner, 1.0), payments.scatter_(1, winner, highest[:, 1:])


def torch_generalized_second_price(bids: Any, quality: Any, click_rates: Any) -> tuple[Any, Any]:
    import torch

    (auctions, bidders), slots = bids.shape, len(click_rates)
    scores, ranked = (quality * bids).topk(min(slots + 1, bidders), dim=1)
    if bidders == slots:
        scores = torch.nn.functional.pad(scores, (0, 1))
    allocation, payments = bids.new_zeros(auctions, bidders, slots), torch.zeros_like(bids)
    allocation.scatter_(1, ranked[:, None, :slots], 1.0)
    payments.scatter_(1, ranked[:, :slots], click_rates * scores[:, 1:])
    return allocation, payments
