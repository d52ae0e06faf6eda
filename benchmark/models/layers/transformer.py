"""A transformer layer whose sequences differ in length, and the attention within them.

On a CPU attention, but for its products, are compiled loops over shares of the rows. All floats are
of one type but those of ``mixed``, which may be bfloat16 (see ``compiled_numbers``); ``key``,
``limit`` and ``kept`` are a ``dropout.Draw``, of which a limit of 0 drops nothing.
"""

from typing import Any

import numpy as np
import torch
from numba import njit
from torch import Tensor, nn

from benchmark.models.layers.compiled_numbers import array, compiled, exponential, put, wide
from benchmark.models.layers.dropout import Draw, Dropout, draw_row
from benchmark.models.layers.feed_forward import activate, add
from benchmark.models.layers.products import NarrowProducts, linear
from benchmark.models.layers.shares_cpu import equal_shares, run

# Sums may be taken in any order, so that they can be vectorised.
summing: Any = njit(
    cache=True, nogil=True, error_model="numpy", fastmath={"contract", "reassoc", "nsz"}
)


class TransformerLayer(nn.TransformerEncoderLayer, NarrowProducts):
    """torch's own with GELU and norms first, of which it keeps the weights and their names.

    Products with weights may be narrow, and dropout, also of attention, comes from a counter.
    """

    def __init__(self, dim: int, num_heads: int, hidden_dim: int, dropout: float) -> None:
        super().__init__(dim, num_heads, hidden_dim, 0.0, "gelu", batch_first=True, norm_first=True)
        self.attention_dropout, self.attended_dropout = Dropout(dropout), Dropout(dropout)
        self.inner_dropout, self.outer_dropout = Dropout(dropout), Dropout(dropout)

    def forward(self, tokens: Tensor, lengths: Tensor) -> Tensor:  # type: ignore[override]
        """The same shape [rows, num_tokens, dim]; only the first ``lengths`` [rows] are there."""
        attention, kind = self.self_attn, self.product_type
        context = attend(self.norm1(tokens), attention, lengths, self.attention_dropout, kind)
        hidden = add(tokens, context, attention.out_proj, self.attended_dropout, kind)
        inner = activate(self.norm2(hidden), self.linear1, self.inner_dropout, kind)
        return add(hidden, inner, self.linear2, self.outer_dropout, kind)


def attend(
    tokens: Tensor,
    attention: nn.MultiheadAttention,
    lengths: Tensor,
    dropout: Dropout,
    product_type: torch.dtype | None,
) -> Tensor:
    """What the first ``lengths`` [rows] tokens of a row say to each of its tokens.

    ``tokens`` and the result, which is still to be projected, are [rows, num_tokens, dim]. Every
    length is 1 at least. Queries, keys and values come from a product in ``product_type`` (as in
    ``products``), which is also the type of the result; weights do not.
    """
    weight, bias, num_heads = attention.in_proj_weight, attention.in_proj_bias, attention.num_heads
    if tokens.device.type == "cpu":
        kind = product_type or tokens.dtype
        context: Tensor = _Attend.apply(
            kind, dropout.draw(), num_heads, lengths, tokens, weight, bias
        )
        return context
    mixed = linear(tokens, weight, bias, product_type).unflatten(-1, (3, num_heads, -1))
    queries, keys, values = mixed.permute(2, 0, 3, 1, 4)
    scores = (queries * keys.shape[-1] ** -0.5) @ keys.transpose(2, 3)
    places = torch.arange(tokens.shape[1], device=tokens.device)
    absent = (places >= lengths.unsqueeze(1))[:, None, None]
    weights = dropout(scores.masked_fill(absent, float("-inf")).softmax(-1))
    return (weights @ values).transpose(1, 2).flatten(2)


class _Attend(torch.autograd.Function):
    """On a CPU; of the attention only the weights before dropout are kept."""

    @staticmethod
    def forward(
        ctx: Any,
        kind: torch.dtype,
        drawn: Draw,
        num_heads: int,
        lengths: Tensor,
        tokens: Tensor,
        weight: Tensor,
        bias: Tensor,
    ) -> Tensor:
        given = tokens.to(kind)
        mixed = (given @ weight.to(kind).T).unflatten(-1, (3, num_heads, -1))
        rows, length, _, _, size = mixed.shape
        heads = tokens.new_empty(3, rows, num_heads, length, size)
        shares = equal_shares(rows, length * 3 * num_heads * size)
        run(_split, shares, *map(array, (mixed, bias.view(3, num_heads, size), heads)))
        queries, keys, values = heads
        weights = queries @ keys.transpose(2, 3)
        dropped, scale = torch.empty_like(weights), array(bias).dtype.type(size**-0.5)
        shares = equal_shares(rows, num_heads * length * length)
        run(_weigh, shares, *drawn, scale, *map(array, (lengths, weights, dropped)))
        ctx.drawn, ctx.scale = drawn, scale
        ctx.save_for_backward(given, weight, heads, weights)
        context = given.new_empty(rows, length, num_heads, size)
        context.copy_((dropped @ values).transpose(1, 2))
        return context.flatten(2)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        given, weight, heads, weights = ctx.saved_tensors
        queries, keys, values = heads
        rows, num_heads, length, size = keys.shape
        to_context, dropped = torch.empty_like(keys), torch.empty_like(weights)
        to_context.copy_(gradients[0].unflatten(-1, (num_heads, size)).transpose(1, 2))
        to_scores = to_context @ values.transpose(2, 3)
        arrays = map(array, (weights, dropped, to_scores))
        shares = equal_shares(rows, num_heads * length * length)
        run(_weigh_backward, shares, *ctx.drawn, ctx.scale, *arrays)
        to_heads = (
            to_scores @ keys,
            to_scores.transpose(2, 3) @ queries,
            dropped.transpose(2, 3) @ to_context,
        )
        mixed = given.new_empty(rows, length, 3, num_heads, size)
        shares = equal_shares(rows, length * num_heads * size)
        to_bias = weight.new_zeros(3, len(shares) - 1, num_heads, size)
        for part, of_part in enumerate(to_heads):
            run(_join, shares, *map(array, (of_part, mixed[:, :, part], to_bias[part])))
        to_mixed = mixed.flatten(2)
        to_tokens = (to_mixed @ weight.to(given.dtype)).to(weight.dtype)
        to_weight = (to_mixed.flatten(0, 1).T @ given.flatten(0, 1)).to(weight.dtype)
        return None, None, None, None, to_tokens, to_weight, to_bias.sum(1).flatten()


@compiled
def _split(share, mixed, bias, heads):  # type: ignore[no-untyped-def]
    """``mixed`` + ``bias`` [rows, length, 3, num_heads, head_dim], each of the ``heads`` apart.

    ``heads`` are [3, rows, num_heads, length, head_dim].
    """
    _, begin, end = share
    _, length, parts, num_heads, size = mixed.shape
    for row in range(begin, end):
        for place in range(length):
            for part in range(parts):
                for head in range(num_heads):
                    given, added = mixed[row, place, part, head], bias[part, head]
                    target = heads[part, row, head, place]
                    for x in range(size):
                        target[x] = wide(given[x]) + added[x]


@compiled
def _join(share, heads, mixed, bias):  # type: ignore[no-untyped-def]
    """The reverse for gradients: one of the three ``heads``, and their sum, for bias[number].

    ``heads`` [rows, num_heads, length, head_dim], ``mixed`` [rows, length, num_heads, head_dim].
    """
    number, begin, end = share
    _, num_heads, length, size = heads.shape
    sums = bias[number]
    for row in range(begin, end):
        for place in range(length):
            for head in range(num_heads):
                given, target, total = heads[row, head, place], mixed[row, place, head], sums[head]
                for x in range(size):
                    total[x] += given[x]
                    put(target, x, given[x])


@summing
def _weigh(share, key, limit, kept, scale, lengths, scores, dropped):  # type: ignore[no-untyped-def]
    """Softmax of ``scale`` * ``scores`` [rows, num_heads, length, length] in place.

    It is 0 from the ``lengths`` of a row on; ``dropped`` is the same after dropout.
    """
    _, begin, end = share
    _, num_heads, size, _ = scores.shape
    factors = np.ones(size, scores.dtype)
    for row in range(begin, end):
        length = lengths[row]
        for head in range(num_heads):
            for query in range(size):
                draw_row(key, limit, kept, (row * num_heads + head) * size + query, factors)
                weights, target = scores[row, head, query], dropped[row, head, query]
                largest = weights[:length].max()
                total = weights.dtype.type(0)
                for place in range(length):
                    weights[place] = exponential(scale * (weights[place] - largest))
                    total += weights[place]
                inverse = weights.dtype.type(1) / total
                for place in range(length):
                    weights[place] *= inverse
                    target[place] = weights[place] * factors[place]
                weights[length:] = 0
                target[length:] = 0


@summing
def _weigh_backward(share, key, limit, kept, scale, weights, dropped, gradients):  # type: ignore[no-untyped-def]
    """``dropped`` again; ``gradients`` of it become those of the scores."""
    _, begin, end = share
    _, num_heads, size, _ = weights.shape
    factors = np.ones(size, weights.dtype)
    for row in range(begin, end):
        for head in range(num_heads):
            for query in range(size):
                draw_row(key, limit, kept, (row * num_heads + head) * size + query, factors)
                weight, target = weights[row, head, query], dropped[row, head, query]
                gradient = gradients[row, head, query]
                mean = weights.dtype.type(0)
                for place in range(size):
                    target[place] = weight[place] * factors[place]
                    mean += gradient[place] * target[place]
                for place in range(size):
                    gradient[place] = (
                        scale * weight[place] * (gradient[place] * factors[place] - mean)
                    )
