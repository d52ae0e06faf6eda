"""Attention over sampled neighbours as Triton kernels: one program per query, one root at a time.

The same function as ``neighbor_attention_cpu``, with the same arguments. The inputs of a root's
neighbours, [known | edge features | time encoding | 1], exist only in registers. No sum depends on
the order in which programs run: those over roots of one query are taken by one program, those over
programs (frequencies, shifts, known rows) by torch afterwards.
"""

from typing import Any

import torch
import triton
import triton.language as tl
from torch import Tensor

from benchmark.models.layers.neighbor_attention_cpu import SLOPE

SMALLEST_BLOCK = 16  # columns; what Triton loads at once is a power of two
# Other numbers in every batch: a multiple of 16 among them must not compile a kernel of its own.
OF_BATCH = ("num_queries", "num_roots")


@triton.jit
def _neighbors(  # type: ignore[no-untyped-def]
    root, neighbors, events, elapsed, mask, known, edge_features, num_neighbors, node_dim, edge_dim,
    BLOCK_K: tl.constexpr, BLOCK_N: tl.constexpr, BLOCK_E: tl.constexpr,
):  # fmt: skip
    """Which neighbours a root has, the times since, their rows and edges; padding is all 0."""
    k = tl.arange(0, BLOCK_K)
    places = root * num_neighbors + k
    found = tl.load(mask + places, mask=k < num_neighbors, other=0) != 0
    rows = tl.load(neighbors + places, mask=found, other=0)
    edges = tl.load(events + places, mask=found, other=0)
    gaps = tl.load(elapsed + places, mask=found, other=0)
    node = _rows(known, rows, found, node_dim, BLOCK_N)
    return found, gaps, node, _rows(edge_features, edges, found, edge_dim, BLOCK_E)


@triton.jit
def _rows(table, rows, found, width, BLOCK: tl.constexpr):  # type: ignore[no-untyped-def]
    """Rows [BLOCK_K, BLOCK] of a table, 0 in padding."""
    x = tl.arange(0, BLOCK)
    inside = found[:, None] & (x < width)[None, :]
    return tl.load(table + rows[:, None] * width + x[None, :], mask=inside, other=0.0)


@triton.jit
def _row(table, start, width, BLOCK: tl.constexpr):  # type: ignore[no-untyped-def]
    """So many numbers from ``start`` on [BLOCK], then 0."""
    x = tl.arange(0, BLOCK)
    return tl.load(table + start + x, mask=x < width, other=0.0)


@triton.jit
def _angles(gaps, weight, shift, time_dim, BLOCK_T: tl.constexpr):  # type: ignore[no-untyped-def]
    """w t + b [BLOCK_K, BLOCK_T]."""
    frequencies = _row(weight, 0, time_dim, BLOCK_T)
    shifts = _row(shift, 0, time_dim, BLOCK_T)
    return gaps.to(frequencies.dtype)[:, None] * frequencies[None, :] + shifts[None, :]


@triton.jit(do_not_specialize=OF_BATCH)
def _forward(  # type: ignore[no-untyped-def]
    queries, order, first, known, edge_features, weight, shift,
    neighbors, events, elapsed, mask, keep, summed, attention, slopes,
    num_queries, num_roots, num_neighbors, node_dim, edge_dim, time_dim,
    SLOPE: tl.constexpr, DROPOUT: tl.constexpr, NUM_HEADS: tl.constexpr, BLOCK_K: tl.constexpr,
    BLOCK_N: tl.constexpr, BLOCK_E: tl.constexpr, BLOCK_T: tl.constexpr,
):  # fmt: skip
    q = tl.program_id(0).to(tl.int64)
    k, n = tl.arange(0, BLOCK_K), tl.arange(0, BLOCK_N)
    e, t = tl.arange(0, BLOCK_E), tl.arange(0, BLOCK_T)
    edge_start, time_start = node_dim, node_dim + edge_dim
    last, input_dim = node_dim + edge_dim + time_dim, node_dim + edge_dim + time_dim + 1
    end = tl.load(first + q + 1)
    for position in range(tl.load(first + q), end):
        root = tl.load(order + position)
        found, gaps, node, edge = _neighbors(
            root, neighbors, events, elapsed, mask, known, edge_features,
            num_neighbors, node_dim, edge_dim, BLOCK_K, BLOCK_N, BLOCK_E,
        )  # fmt: skip
        time = tl.cos(_angles(gaps, weight, shift, time_dim, BLOCK_T))
        for h in range(NUM_HEADS):
            query = (h * num_queries + q) * input_dim
            score = tl.sum(node * _row(queries, query, node_dim, BLOCK_N)[None, :], 1)
            score += tl.sum(edge * _row(queries, query + edge_start, edge_dim, BLOCK_E)[None, :], 1)
            score += tl.sum(time * _row(queries, query + time_start, time_dim, BLOCK_T)[None, :], 1)
            score += tl.load(queries + query + last)
            slope = tl.where(score > 0, score * 0 + 1, score * 0 + SLOPE)
            score = tl.where(found, score * slope, float("-inf"))
            largest = tl.max(score, 0)
            factor = tl.where(
                found, tl.exp(score - tl.where(largest > float("-inf"), largest, 0)), 0
            )
            total = tl.sum(factor, 0)
            factor = factor / tl.where(total > 0, total, 1)
            places = (root * NUM_HEADS + h) * num_neighbors + k
            inside = k < num_neighbors
            tl.store(attention + places, factor, mask=inside)
            tl.store(slopes + places, slope, mask=inside)
            if DROPOUT:
                factor = factor * tl.load(keep + places, mask=inside, other=0.0)
            out = summed + (h * num_roots + root) * input_dim
            tl.store(out + n, tl.sum(factor[:, None] * node, 0), mask=n < node_dim)
            tl.store(out + edge_start + e, tl.sum(factor[:, None] * edge, 0), mask=e < edge_dim)
            tl.store(out + time_start + t, tl.sum(factor[:, None] * time, 0), mask=t < time_dim)
            tl.store(out + last, tl.sum(factor, 0))


@triton.jit(do_not_specialize=OF_BATCH)
def _backward(  # type: ignore[no-untyped-def]
    queries, order, first, known, edge_features, weight, shift,
    neighbors, events, elapsed, mask, keep, attention, slopes, from_summed,
    to_queries, to_neighbors, to_weight, to_shift,
    num_queries, num_roots, num_neighbors, node_dim, edge_dim, time_dim,
    SLOPE: tl.constexpr, DROPOUT: tl.constexpr, NUM_HEADS: tl.constexpr, BLOCK_K: tl.constexpr,
    BLOCK_N: tl.constexpr, BLOCK_E: tl.constexpr, BLOCK_T: tl.constexpr,
):  # fmt: skip
    q = tl.program_id(0).to(tl.int64)
    k, n = tl.arange(0, BLOCK_K), tl.arange(0, BLOCK_N)
    t = tl.arange(0, BLOCK_T)
    edge_start, time_start = node_dim, node_dim + edge_dim
    last, input_dim = node_dim + edge_dim + time_dim, node_dim + edge_dim + time_dim + 1
    frequency_sum = _row(weight, 0, time_dim, BLOCK_T) * 0
    shift_sum = frequency_sum
    end = tl.load(first + q + 1)
    for position in range(tl.load(first + q), end):
        root = tl.load(order + position)
        found, gaps, node, edge = _neighbors(
            root, neighbors, events, elapsed, mask, known, edge_features,
            num_neighbors, node_dim, edge_dim, BLOCK_K, BLOCK_N, BLOCK_E,
        )  # fmt: skip
        angles = _angles(gaps, weight, shift, time_dim, BLOCK_T)
        time = tl.cos(angles)
        to_node, to_time = node * 0, time * 0
        for h in range(NUM_HEADS):
            query = (h * num_queries + q) * input_dim
            source = (h * num_roots + root) * input_dim
            source_node = _row(from_summed, source, node_dim, BLOCK_N)
            source_edge = _row(from_summed, source + edge_start, edge_dim, BLOCK_E)
            source_time = _row(from_summed, source + time_start, time_dim, BLOCK_T)
            places = (root * NUM_HEADS + h) * num_neighbors + k
            inside = k < num_neighbors
            share = tl.load(attention + places, mask=inside, other=0.0)
            slope = tl.load(slopes + places, mask=inside, other=0.0)
            to_share = tl.sum(node * source_node[None, :], 1)
            to_share += tl.sum(edge * source_edge[None, :], 1)
            to_share += tl.sum(time * source_time[None, :], 1)
            to_share += tl.load(from_summed + source + last)
            factor = share
            if DROPOUT:
                kept = tl.load(keep + places, mask=inside, other=0.0)
                factor, to_share = share * kept, to_share * kept
            step = share * (to_share - tl.sum(to_share * share, 0)) * slope
            to_node += factor[:, None] * source_node[None, :]
            to_node += step[:, None] * _row(queries, query, node_dim, BLOCK_N)[None, :]
            to_time += factor[:, None] * source_time[None, :]
            query_time = _row(queries, query + time_start, time_dim, BLOCK_T)
            to_time += step[:, None] * query_time[None, :]
            _add_row(to_queries, query, tl.sum(step[:, None] * node, 0), node_dim, BLOCK_N)
            _add_row(
                to_queries, query + edge_start, tl.sum(step[:, None] * edge, 0), edge_dim, BLOCK_E
            )
            _add_row(
                to_queries, query + time_start, tl.sum(step[:, None] * time, 0), time_dim, BLOCK_T
            )
            tl.store(
                to_queries + query + last, tl.load(to_queries + query + last) + tl.sum(step, 0)
            )
        places = (root * num_neighbors + k)[:, None] * node_dim + n[None, :]
        tl.store(to_neighbors + places, to_node, mask=found[:, None] & (n < node_dim)[None, :])
        to_angles = tl.where(found[:, None], -tl.sin(angles) * to_time, 0)
        shift_sum += tl.sum(to_angles, 0)
        frequency_sum += tl.sum(to_angles * gaps.to(to_angles.dtype)[:, None], 0)
    tl.store(to_weight + q * time_dim + t, frequency_sum, mask=t < time_dim)
    tl.store(to_shift + q * time_dim + t, shift_sum, mask=t < time_dim)


@triton.jit
def _add_row(table, start, values, width, BLOCK: tl.constexpr):  # type: ignore[no-untyped-def]
    """Add to numbers that no other program touches."""
    x = tl.arange(0, BLOCK)
    before = tl.load(table + start + x, mask=x < width, other=0.0)
    tl.store(table + start + x, before + values, mask=x < width)


def forward(*arrays: Tensor) -> None:
    """Fill ``summed``, ``attention`` and ``slopes``, the last three of ``arrays``."""
    _launch(_forward, *arrays)


def backward(*arrays: Tensor) -> None:
    """Set the gradients, the last four of ``arrays``; ``to_known`` [num_nodes, node_dim]."""
    *given, to_queries, to_known, to_weight, to_shift = arrays
    queries, known, neighbors = (given[place] for place in (0, 3, 7))
    to_queries.zero_()
    to_neighbors = known.new_zeros(*neighbors.shape, known.shape[1])
    of_queries = [known.new_empty(queries.shape[1], part.numel()) for part in (to_weight, to_shift)]
    _launch(_backward, *given, to_queries, to_neighbors, *of_queries)
    to_known.zero_().index_add_(0, neighbors.flatten(), to_neighbors.flatten(0, 1))
    for target, parts in zip((to_weight, to_shift), of_queries, strict=True):
        torch.sum(parts, 0, out=target)


def _launch(kernel: Any, *arrays: Tensor) -> None:
    queries, known, edge_features, weight = (arrays[place] for place in (0, 3, 4, 5))
    neighbors, keep = arrays[7], arrays[11]
    num_heads, num_queries, _ = queries.shape
    if num_queries == 0:
        return
    widths = (known.shape[1], edge_features.shape[1], weight.numel())
    kernel[(num_queries,)](
        *arrays,
        num_queries,
        *neighbors.shape,
        *widths,
        SLOPE,
        keep.numel() > 0,
        num_heads,
        _block(neighbors.shape[1], 1),
        *(_block(width, SMALLEST_BLOCK) for width in widths),
        # The rounding of w t is part of the result: no angle may be contracted.
        enable_fp_fusion=False,
    )


def _block(width: int, smallest: int) -> int:
    return max(smallest, triton.next_power_of_2(max(width, 1)))
