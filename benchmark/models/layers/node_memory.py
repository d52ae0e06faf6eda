"""What is known of a node: the memory that a GRU keeps, and rows that stay as they are."""

from typing import Any

import torch
from torch import Tensor, nn


class MemoryCell(nn.GRUCell):
    """A GRU cell over an input in parts that are never written side by side.

    Neither the memory nor the parts but the last, an encoding with parameters, need a gradient:
    what is stored was computed by earlier weights (TGN, section 4.2).
    """

    def forward(self, parts: tuple[Tensor, ...], memory: Tensor) -> Tensor:  # type: ignore[override]
        """New memory [num_nodes, memory_dim]; the widths of ``parts`` add up to the input's."""
        parameters = (self.weight_ih, self.weight_hh, self.bias_ih, self.bias_hh)
        updated: Tensor = _Gates.apply(*parameters, memory, *parts)
        return updated


class _Gates(torch.autograd.Function):
    """The gates and, in the backward pass, no gradient that nobody asks for."""

    @staticmethod
    def forward(
        ctx: Any,
        weight_input: Tensor,
        weight_memory: Tensor,
        bias_input: Tensor,
        bias_memory: Tensor,
        memory: Tensor,
        *parts: Tensor,
    ) -> Tensor:
        widths = [part.shape[1] for part in parts]
        from_input = bias_input
        for part, weight in zip(parts, weight_input.split(widths, dim=1), strict=True):
            from_input = torch.addmm(from_input, part, weight.T)
        from_memory = torch.addmm(bias_memory, memory, weight_memory.T)
        size = memory.shape[1]
        gates = from_input[:, : 2 * size].add_(from_memory[:, : 2 * size]).sigmoid_()
        reset, update = gates.split(size, dim=1)
        remembered = from_memory[:, 2 * size :]
        proposed = from_input[:, 2 * size :].addcmul_(reset, remembered).tanh_()
        ctx.save_for_backward(weight_input, reset, update, proposed, remembered, memory, *parts)
        return torch.lerp(proposed, memory, update)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        weight, reset, update, proposed, remembered, memory, *parts = ctx.saved_tensors
        gradient, size = gradients[0], memory.shape[1]
        to_input = gradient.new_empty(len(memory), 3 * size)
        to_reset, to_update, to_proposed = to_input.split(size, dim=1)
        torch.mul(gradient, 1 - update, out=to_proposed)
        to_proposed.mul_(1 - proposed * proposed)
        torch.mul(gradient * (memory - proposed), update * (1 - update), out=to_update)
        torch.mul(to_proposed * remembered, reset * (1 - reset), out=to_reset)
        to_memory = to_input.clone()
        to_memory[:, 2 * size :].mul_(reset)
        to_last = to_input @ weight[:, -parts[-1].shape[1] :] if ctx.needs_input_grad[-1] else None
        return (
            torch.cat([to_input.T @ part for part in parts], dim=1),
            to_memory.T @ memory,
            to_input.sum(0),
            to_memory.sum(0),
            None,
            *[None for _ in parts[:-1]],
            to_last,
        )


class StaticRows(nn.Module):
    """Frozen ``rows`` [num_nodes, static_dim], brought to the width of node memory.

    The embedding of a node adds them to its updated memory (DistTGL, section 3.1); where the
    widths differ a linear layer stands between, as in the released code. With ``keep`` the rows
    are part of the weights that are saved, without it they are taken from the data set again.

    ``unknown`` [static_dim] is the row of nodes that have none of their own, zeros until ``fill``.
    In training every node alike is taken for unknown with the probability ``dropout``. One that is
    unknown has no training event and is never a true destination; so that the network does not
    learn that of the unknown row, it has in the other cases the row of its ``lender`` [num_nodes].
    """

    def __init__(self, rows: Tensor, memory_dim: int, keep: bool, dropout: float = 0.0) -> None:
        super().__init__()
        self.register_buffer("rows", rows, persistent=keep)
        self.register_buffer("unknown", torch.zeros_like(rows[0]), persistent=keep)
        self.register_buffer("lender", torch.arange(len(rows)), persistent=keep)
        self.rows: Tensor
        self.unknown: Tensor
        self.lender: Tensor
        self.dropout = dropout
        same = rows.shape[1] == memory_dim
        self.projection = nn.Identity() if same else nn.Linear(rows.shape[1], memory_dim)

    def forward(self, nodes: Tensor) -> Tensor:
        """The rows [num_nodes, memory_dim] of ``nodes``."""
        if self.training and self.dropout:
            lost = torch.rand(len(nodes), 1, device=nodes.device) < self.dropout
            rows = torch.where(lost, self.unknown, self.rows[self.lender[nodes]])
        else:
            rows = self.rows[nodes]
        projected: Tensor = self.projection(rows)
        return projected

    def knows(self, nodes: Tensor) -> Tensor:
        """Mask of the ``nodes`` that have a row of their own."""
        return (self.rows[nodes] != self.unknown).any(dim=1)

    @torch.no_grad()
    def fill(self, rows: Tensor, unknown: Tensor) -> None:
        """Replace all rows and the one of unknown nodes, in place."""
        self.rows.copy_(rows)
        self.unknown.copy_(unknown)
        known = self.knows(torch.arange(len(rows), device=self.rows.device))
        lenders, borrowers = known.nonzero().flatten(), (~known).nonzero().flatten()
        if len(lenders):
            spread = torch.arange(len(borrowers), device=lenders.device) * len(lenders)
            self.lender[borrowers] = lenders[spread // max(1, len(borrowers))]
