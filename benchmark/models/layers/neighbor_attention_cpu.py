"""Attention over sampled neighbours as compiled loops over roots.

The input of neighbour k of a root is x_k = [h_k | edge features | cos(w t_k + b) | 1]. Roots with
the same query are taken together: ``order[first[q]:first[q + 1]]`` are the roots of query q. They
are of one node, at times close to each other, and share most neighbours: what is looked up of a
neighbour, its row, is held and scored once for all of them; only the times are of each root.
All floats are of one type; see ``neighbor_attention`` for the shapes.
"""

from collections.abc import Iterable
from typing import Any

import numpy as np
import torch
from torch import Tensor

from benchmark.models.layers.neighbor_rows_cpu import (
    add,
    add_rows,
    dot,
    fetch,
    give,
    look_up,
    most_rows,
    padded,
    softmax,
    take,
)
from benchmark.models.layers.shares_cpu import Bounds, num_threads, run
from benchmark.models.layers.time_encoding_cpu import (
    add_to_angles,
    compiled,
    encode,
    encode_and_derive,
    reach,
)

SLOPE = 0.2  # of LeakyReLU below zero


@compiled
def _encoding(weight, shift):  # type: ignore[no-untyped-def]
    """Frequencies and shifts, padded, the first of what is padded being cos(0), the constant 1."""
    held = padded(2, weight.size + 1, weight.dtype)
    for x in range(weight.size):
        held[0, x], held[1, x] = weight[x], shift[x]
    return held[0], held[1], reach(weight, shift)


@compiled
def _forward(  # type: ignore[no-untyped-def]
    share, queries, order, first, known, edges, weight, shift,
    neighbors, events, elapsed, mask, keep, summed, attention, slopes,
):  # fmt: skip
    _, begin, end = share
    num_heads, num_neighbors, kind = queries.shape[0], neighbors.shape[1], known.dtype
    row_dim, time_dim = known.shape[1] + edges.shape[1], weight.size + 1
    most = most_rows(begin, end, first, num_neighbors)
    rows, row_scores = padded(most, row_dim, kind), np.empty((num_heads, most), kind)
    whose, places = np.empty((2, most), np.int64), np.empty(num_neighbors, np.int64)
    rates, shifts, furthest = _encoding(weight, shift)
    times, each = np.empty((num_neighbors, rates.size), kind), np.arange(num_neighbors)
    scores = np.empty((num_heads, num_neighbors), kind)
    query, row_sum = padded(num_heads, row_dim, kind), padded(num_heads, row_dim, kind)
    time_query, time_sum = padded(num_heads, time_dim, kind), padded(num_heads, time_dim, kind)
    for q in range(begin, end):
        used = np.int64(0)  # not 0, for which look_up would be compiled once more
        take(query, time_query, queries, q, row_dim, time_dim)
        for position in range(first[q], first[q + 1]):
            r, before = order[position], used
            if position + 1 < first[end]:
                fetch(order[position + 1], known, edges, neighbors, events, mask)
            count, used = look_up(
                r, known, edges, neighbors, events, mask, rows, whose, used, places
            )
            encode(elapsed[r, :count], rates, shifts, furthest, times)
            row_sum[:], time_sum[:] = 0, 0
            for h in range(num_heads):
                for place in range(before, used):
                    row_scores[h, place] = dot(query, h, rows, place)
                for k in range(count):
                    score = row_scores[h, places[k]] + dot(time_query, h, times, k)
                    slopes[r, h, k] = 1 if score > 0 else SLOPE
                    scores[h, k] = score * slopes[r, h, k]
                softmax(scores, h, count)
                for k in range(count):
                    attention[r, h, k] = scores[h, k]
                    if keep.size:
                        scores[h, k] *= keep[r, h, k]
                add_rows(row_sum, h, scores, rows, places, count)
                add_rows(time_sum, h, scores, times, each, count)
            give(summed, r, row_dim, time_dim, row_sum, time_sum)


@compiled
def _to_scores(  # type: ignore[no-untyped-def]
    r, h, count, rows, places, times, source, time_source,
    keep, attention, slopes, factors, steps,
):  # fmt: skip
    """What a root's inputs were weighted by in the sum, and the gradients of their scores."""
    mean = rows.dtype.type(0)
    for k in range(count):
        kept = keep[r, h, k] if keep.size else rows.dtype.type(1)
        factors[h, k] = attention[r, h, k] * kept
        to_factor = dot(source, h, rows, places[k]) + dot(time_source, h, times, k)
        steps[h, k] = to_factor * kept
        mean += steps[h, k] * attention[r, h, k]
    for k in range(count):
        steps[h, k] = attention[r, h, k] * (steps[h, k] - mean) * slopes[r, h, k]


@compiled
def _backward(  # type: ignore[no-untyped-def]
    share, queries, order, first, known, edges, weight, shift,
    neighbors, events, elapsed, mask, keep, attention, slopes, from_summed,
    to_queries, to_known_of_shares, to_weight_of_shares, to_shift_of_shares,
):  # fmt: skip
    number, begin, end = share
    to_known = to_known_of_shares[number]
    to_weight, to_shift = to_weight_of_shares[number], to_shift_of_shares[number]
    num_heads, num_neighbors, kind = queries.shape[0], neighbors.shape[1], known.dtype
    node_dim, row_dim, time_dim = known.shape[1], known.shape[1] + edges.shape[1], weight.size + 1
    most = most_rows(begin, end, first, num_neighbors)
    rows, to_rows = padded(most, row_dim, kind), padded(most, node_dim, kind)
    whose, places = np.empty((2, most), np.int64), np.empty(num_neighbors, np.int64)
    to_row_scores, everywhere = np.empty((num_heads, most), kind), np.arange(most)
    rates, shifts, furthest = _encoding(weight, shift)
    to_rates, to_shifts = np.zeros_like(rates), np.zeros_like(shifts)
    times, each = np.empty((num_neighbors, rates.size), kind), np.arange(num_neighbors)
    angle_slopes, to_times = np.empty_like(times), np.empty_like(times)
    factors = np.empty((num_heads, num_neighbors), kind)
    steps = np.empty_like(factors)
    query, time_query = padded(num_heads, row_dim, kind), padded(num_heads, time_dim, kind)
    to_query, to_time_query = np.empty_like(query), np.empty_like(time_query)
    source, time_source = np.zeros_like(query), np.zeros_like(time_query)
    to_known[:] = 0
    for q in range(begin, end):
        used = np.int64(0)  # not 0, for which look_up would be compiled once more
        take(query, time_query, queries, q, row_dim, time_dim)
        to_query[:], to_time_query[:] = 0, 0
        for position in range(first[q], first[q + 1]):
            r, before = order[position], used
            if position + 1 < first[end]:
                fetch(order[position + 1], known, edges, neighbors, events, mask)
            count, used = look_up(
                r, known, edges, neighbors, events, mask, rows, whose, used, places
            )
            to_row_scores[:, before:used], to_rows[before:used] = 0, 0
            take(source, time_source, from_summed, r, row_dim, time_dim)
            encode_and_derive(elapsed[r, :count], rates, shifts, furthest, times, angle_slopes)
            to_times[:count] = 0
            for h in range(num_heads):
                _to_scores(
                    r, h, count, rows, places, times, source, time_source,
                    keep, attention, slopes, factors, steps,
                )  # fmt: skip
                for k in range(count):
                    to_row_scores[h, places[k]] += steps[h, k]
                    add(to_rows, places[k], factors[h, k], source, h, to_rows.shape[1])
                    add(to_times, k, factors[h, k], time_source, h, times.shape[1])
                    add(to_times, k, steps[h, k], time_query, h, times.shape[1])
                add_rows(to_time_query, h, steps, times, each, count)
            add_to_angles(elapsed[r, :count], angle_slopes, to_times, to_rates, to_shifts)
        for h in range(num_heads):
            add_rows(to_query, h, to_row_scores, rows, everywhere, used)
            for place in range(used):
                add(to_rows, place, to_row_scores[h, place], query, h, to_rows.shape[1])
        give(to_queries, q, row_dim, time_dim, to_query, to_time_query)
        for place in range(used):
            for x in range(node_dim):
                to_known[whose[0, place], x] += to_rows[place, x]
    for x in range(weight.size):
        to_weight[x], to_shift[x] = to_rates[x], to_shifts[x]


def forward(*tensors: Tensor) -> None:
    """Fill ``summed``, ``attention`` and ``slopes``, the last three of ``tensors``."""
    run(_forward, _shares(tensors[2]), *_arrays(tensors))


def backward(*tensors: Tensor) -> None:
    """Set the gradients of queries, known rows, frequencies and shifts, the last four.

    Roots of different queries share neighbours, so that every thread adds to gradients of its own
    of all but the queries.
    """
    *given, to_known, to_weight, to_shift = tensors
    bounds, shared = _shares(given[2]), (to_known, to_weight, to_shift)
    parts = [part.new_empty(len(bounds) - 1, *part.shape) for part in shared]
    run(_backward, bounds, *_arrays((*given, *parts)))
    for target, of_shares in zip(shared, parts, strict=True):
        torch.sum(of_shares, 0, out=target)


def _shares(first: Tensor) -> Bounds:
    """Bounds between queries that have about as many roots between them."""
    shares = torch.arange(num_threads() + 1) * first[-1] // num_threads()
    bounds = torch.searchsorted(first, shares)
    bounds[-1] = first.numel() - 1
    found: Bounds = bounds.numpy()
    return found


def _arrays(tensors: Iterable[Tensor]) -> list[Any]:
    return [tensor.detach().numpy() for tensor in tensors]
