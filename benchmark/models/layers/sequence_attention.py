"""Scaled dot-product attention among the tokens of sequences of different lengths."""

from typing import Any

import torch
from torch import Tensor, nn

from benchmark.models.layers import sequence_attention_cpu as compiled
from benchmark.models.layers.compiled_numbers import array
from benchmark.models.layers.dropout import Draw, Dropout
from benchmark.models.layers.products import linear


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
        compiled.split(array(mixed), array(bias.view(3, num_heads, size)), array(heads))
        queries, keys, values = heads
        weights = queries @ keys.transpose(2, 3)
        dropped, scale = torch.empty_like(weights), array(bias).dtype.type(size**-0.5)
        compiled.weigh(drawn, scale, *map(array, (lengths, weights, dropped)))
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
        compiled.weigh_backward(ctx.drawn, ctx.scale, *map(array, (weights, dropped, to_scores)))
        to_heads = (
            to_scores @ keys,
            to_scores.transpose(2, 3) @ queries,
            dropped.transpose(2, 3) @ to_context,
        )
        mixed = given.new_empty(rows, length, 3, num_heads, size)
        to_bias = weight.new_zeros(3, num_heads, size)
        for part, of_part in enumerate(to_heads):
            compiled.join(*map(array, (of_part, mixed[:, :, part], to_bias[part])))
        to_mixed = mixed.flatten(2)
        to_tokens = (to_mixed @ weight.to(given.dtype)).to(weight.dtype)
        to_weight = (to_mixed.flatten(0, 1).T @ given.flatten(0, 1)).to(weight.dtype)
        return None, None, None, None, to_tokens, to_weight, to_bias.flatten()
