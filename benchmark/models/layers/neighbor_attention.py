"""The inner part of temporal attention: roots, their sampled neighbours, and moved projections.

For a root with query q (of its node) and neighbours k with x_k = [h_k | edge features | cos(w t_k +
b) | 1], the scores are LeakyReLU(q . x_k), the weights a_k their softmax times the dropout factors,
and what comes out is sum_k a_k x_k, for each head. The last column carries the biases of the
projections. On a CPU compiled loops compute it, on a GPU Triton kernels, elsewhere operations of
torch; all are the same function.
"""

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from benchmark.machine.device import kernels_for
from benchmark.models.layers import neighbor_attention_cpu as compiled
from benchmark.models.layers.time_encoding import TimeEncoding
from benchmark.models.subgraph import Subgraph


def attend(
    queries: Tensor,
    known: Tensor,
    edge_features: Tensor,
    time_encoding: TimeEncoding,
    subgraph: Subgraph,
    keep: Tensor | None,
) -> Tensor:
    """Weighted sums [num_heads, num_roots, input_dim].

    ``queries`` [num_heads, num_queries, input_dim] are those of ``subgraph.queries.nodes``,
    ``known`` [num_nodes, node_dim] what is known of ``subgraph.nodes``, ``edge_features``
    [num_events, edge_dim] those of the whole stream, ``keep`` [num_roots, num_heads,
    num_neighbors] the factors of dropout, if there is any.
    """
    triton_kernels = "benchmark.models.layers.neighbor_attention_triton"
    kernels = kernels_for(known.device, compiled, triton_kernels)
    if kernels is None:
        return attend_in_torch(queries, known, edge_features, time_encoding, subgraph, keep)
    weights = (time_encoding.weight, time_encoding.bias)
    return attend_in_kernels(kernels, queries, known, *weights, edge_features, subgraph, keep)


def attend_in_torch(
    queries: Tensor,
    known: Tensor,
    edge_features: Tensor,
    time_encoding: TimeEncoding,
    subgraph: Subgraph,
    keep: Tensor | None,
) -> Tensor:
    """``attend`` in torch operations, for any device."""
    rows = subgraph.neighbors
    parts = (
        gather_rows(known, rows),
        gather_rows(edge_features, subgraph.events),
        time_encoding(subgraph.elapsed),
        known.new_ones(*rows.shape, 1),
    )
    directions = queries[:, subgraph.queries.of_root].transpose(0, 1)
    widths = [part.shape[-1] for part in parts]
    scores = known.new_zeros(())
    for part, direction in zip(parts, directions.split(widths, dim=-1), strict=True):
        scores = scores + torch.bmm(direction, part.transpose(1, 2))
    hidden = ~subgraph.mask.unsqueeze(1)
    lowest = torch.finfo(scores.dtype).min
    scores = F.leaky_relu(scores, compiled.SLOPE).masked_fill(hidden, lowest)
    weights = scores.softmax(-1).masked_fill(hidden, 0.0)
    weights = weights if keep is None else weights * keep
    return torch.cat([torch.bmm(weights, part) for part in parts], dim=-1).transpose(0, 1)


def attend_in_kernels(kernels: Any, *inputs: Any) -> Tensor:
    """``attend`` by the module ``kernels``, given the encoding's weights one by one."""
    summed: Tensor = _Attend.apply(kernels, *inputs)
    return summed


class _Attend(torch.autograd.Function):
    """Only the attention weights are kept for the backward pass."""

    @staticmethod
    def forward(
        ctx: Any,
        kernels: Any,
        queries: Tensor,
        known: Tensor,
        weight: Tensor,
        shift: Tensor,
        edge_features: Tensor,
        subgraph: Subgraph,
        keep: Tensor | None,
    ) -> Tensor:
        num_roots, num_neighbors = subgraph.neighbors.shape
        num_heads, _, input_dim = queries.shape
        keep = known.new_empty(0, 0, 0) if keep is None else keep
        summed = known.new_empty(num_heads, num_roots, input_dim)
        attention = known.new_empty(num_roots, num_heads, num_neighbors)
        slopes = torch.empty_like(attention)
        order, first = subgraph.queries.order, subgraph.queries.first
        inputs = (queries.contiguous(), order, first, known, edge_features, weight, shift)
        sampled = (subgraph.neighbors, subgraph.events, subgraph.elapsed, subgraph.mask, keep)
        kernels.forward(*inputs, *sampled, summed, attention, slopes)
        ctx.kernels = kernels
        ctx.save_for_backward(*inputs, *sampled, attention, slopes)
        return summed

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        queries, _, _, known, _, weight, shift, *_ = ctx.saved_tensors
        to_inputs = [torch.empty_like(part) for part in (queries, known, weight, shift)]
        ctx.kernels.backward(*ctx.saved_tensors, gradients[0].contiguous(), *to_inputs)
        return None, *to_inputs, None, None, None


def gather_rows(table: Tensor, rows: Tensor) -> Tensor:
    """``table[rows]`` [*rows.shape, ...], several times faster on a CPU."""
    return table.index_select(0, rows.flatten()).view(*rows.shape, *table.shape[1:])
