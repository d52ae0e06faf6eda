"""Scaled dot-product attention among the tokens of sequences of different lengths."""

from typing import Any

import torch
from torch import Tensor

from benchmark.models.layers import sequence_attention_cpu as compiled
from benchmark.models.layers.dropout import Draw, Dropout


def attend(mixed: Tensor, num_heads: int, lengths: Tensor, dropout: Dropout) -> Tensor:
    """What the first ``lengths`` [rows] tokens of a row say to each of its tokens.

    ``mixed`` [rows, num_tokens, 3 * dim] are queries, keys and values, each head after head, and
    the result is [rows, num_tokens, dim]. Every length is 1 at least.
    """
    if mixed.device.type == "cpu":
        context: Tensor = _Attend.apply(mixed, num_heads, lengths, dropout.draw())
        return context
    queries, keys, values = _heads(mixed, 3 * num_heads).unflatten(1, (3, -1)).unbind(1)
    scores = (queries * keys.shape[-1] ** -0.5) @ keys.transpose(2, 3)
    places = torch.arange(mixed.shape[1], device=mixed.device)
    absent = (places >= lengths.unsqueeze(1))[:, None, None]
    weights = dropout(scores.masked_fill(absent, float("-inf")).softmax(-1))
    return _side_by_side(weights @ values)


class _Attend(torch.autograd.Function):
    """On a CPU; of the attention only the weights before dropout are kept."""

    @staticmethod
    def forward(ctx: Any, mixed: Tensor, num_heads: int, lengths: Tensor, draw: Draw) -> Tensor:
        queries, keys, values = heads = _split(mixed, num_heads)
        weights = queries @ keys.transpose(2, 3)
        dropped = torch.empty_like(weights)
        scale = weights.numpy().dtype.type(keys.shape[-1] ** -0.5)
        compiled.forward(draw, scale, *(x.numpy() for x in (lengths, weights, dropped)))
        ctx.draw, ctx.scale = draw, scale
        ctx.save_for_backward(heads, weights)
        return _side_by_side(dropped @ values)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        heads, weights = ctx.saved_tensors
        queries, keys, values = heads
        to_context = _heads(gradients[0], keys.shape[1]).contiguous()
        to_scores, dropped = to_context @ values.transpose(2, 3), torch.empty_like(weights)
        arrays = (x.numpy() for x in (weights, dropped, to_scores))
        compiled.backward(ctx.draw, ctx.scale, *arrays)
        to_mixed = gradients[0].new_empty(*gradients[0].shape[:2], 3, *keys.shape[1::2])
        to_queries, to_keys, to_values = to_mixed.permute(2, 0, 3, 1, 4)
        to_queries.copy_(to_scores @ keys)
        to_keys.copy_(to_scores.transpose(2, 3) @ queries)
        to_values.copy_(dropped.transpose(2, 3) @ to_context)
        return to_mixed.flatten(2), None, None, None


def _split(mixed: Tensor, num_heads: int) -> Tensor:
    """Queries, keys and values [3, rows, num_heads, num_tokens, head_dim], each in one piece."""
    parts = mixed.detach().unflatten(-1, (3, num_heads, -1))
    return parts.permute(2, 0, 3, 1, 4).contiguous()


def _heads(rows: Tensor, num_heads: int) -> Tensor:
    """[rows, num_heads, num_tokens, head_dim] of [rows, num_tokens, num_heads * head_dim]."""
    return rows.unflatten(-1, (num_heads, -1)).transpose(1, 2)


def _side_by_side(heads: Tensor) -> Tensor:
    """The reverse of ``_heads``."""
    return heads.transpose(1, 2).flatten(2)
