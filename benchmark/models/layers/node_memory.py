"""What is known of a node: the memory that a GRU keeps, and rows that stay as they are."""

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from benchmark.machine.device import kernels_for
from benchmark.models.layers.compiled_numbers import array, compiled, exponential
from benchmark.models.layers.dropout import TRITON, Dropout
from benchmark.models.layers.products import NarrowProducts, narrow
from benchmark.models.layers.shares_cpu import equal_shares, run


class MemoryCell(nn.GRUCell, NarrowProducts):
    """A GRU cell whose input is the memory itself, then other ``parts``, never side by side.

    A node's mail begins with its own memory, which is what it remembers already: the columns of
    both add up in two of the three gates. Neither the memory nor the parts but the last, an
    encoding with parameters, need a gradient: what is stored was computed by earlier weights (TGN,
    section 4.2).
    """

    def forward(self, memory: Tensor, parts: tuple[Tensor, ...]) -> Tensor:  # type: ignore[override]
        """New memory [num_nodes, memory_dim]; memory and ``parts`` are as wide as the input."""
        parameters = (self.weight_ih, self.weight_hh, self.bias_ih, self.bias_hh)
        updated: Tensor = _Gates.apply(self.product_type, *parameters, memory, *parts)
        return updated


class _Gates(torch.autograd.Function):
    """The gates and, in the backward pass, no gradient that nobody asks for.

    The columns of what is computed per node are reset, update, the proposal from the input, and
    the proposal from what is remembered, each ``memory_dim`` wide. Between the products stands one
    pass each way, on devices other than a CPU or a GPU operations of torch.
    """

    @staticmethod
    def forward(
        ctx: Any,
        product_type: torch.dtype | None,
        weight_input: Tensor,
        weight_memory: Tensor,
        bias_input: Tensor,
        bias_memory: Tensor,
        memory: Tensor,
        *parts: Tensor,
    ) -> Tensor:
        size = memory.shape[1]
        bias = _both(bias_input, bias_memory, size)
        inputs: list[Tensor] = [memory, *parts]
        if product_type is None:
            columns = bias.repeat(len(memory), 1)
            own, *weights = weight_input.split([part.shape[1] for part in inputs], dim=1)
            columns.addmm_(memory, _both(own, weight_memory, size).T)
            for part, weight in zip(parts, weights, strict=True):
                columns[:, : 3 * size].addmm_(part, weight.T)
        else:
            inputs = [narrow(inputs, product_type)]
            weight = _both(
                weight_input, F.pad(weight_memory, (0, weight_input.shape[1] - size)), size
            )
            columns = (inputs[0] @ weight.to(product_type).T)[: len(memory)] + bias
        forward_of_gates, ctx.backward_of_gates = _both_ways(memory.device)
        ctx.last = parts[-1].shape[1]
        ctx.save_for_backward(weight_input, columns, memory, *inputs)
        return forward_of_gates(columns, memory)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        weight, gates, memory, joint, *parts = ctx.saved_tensors
        size, kind = memory.shape[1], joint.dtype
        columns = ctx.backward_of_gates(gates, memory, gradients[0])
        given = columns if kind == columns.dtype else narrow([columns], kind)
        to_joint = (given.T @ joint).to(weight.dtype)
        to_parts = [given[:, : 3 * size].T @ part for part in parts]
        of_input, of_memory = _each(to_joint, size)
        to_last = None
        if ctx.needs_input_grad[-1]:
            to_last = given[:, : 3 * size] @ weight[:, weight.shape[1] - ctx.last :].to(kind)
            to_last = to_last[: len(memory)].to(weight.dtype)
        return (
            None,
            torch.cat([of_input, *to_parts], dim=1),
            of_memory[:, :size],
            *_each(columns.sum(0), size),
            *[None] * (len(ctx.needs_input_grad) - 6),
            to_last,
        )


def _both_ways(device: torch.device) -> tuple[Callable[..., Tensor], Callable[..., Tensor]]:
    """What does ``forward`` and ``backward`` on ``device``."""
    if device.type == "cpu":
        return forward_on_cpu, backward_on_cpu
    kernels = kernels_for(device, None, TRITON)
    return (kernels.forward, kernels.backward) if kernels else (forward, backward)


def forward(columns: Tensor, memory: Tensor) -> Tensor:
    """The updated ``memory``; in ``columns`` gates and proposal take the place of their inputs."""
    size = memory.shape[1]
    reset, update = columns[:, : 2 * size].sigmoid_().split(size, dim=1)
    remembered = columns[:, 3 * size :]
    proposed = columns[:, 2 * size : 3 * size].addcmul_(reset, remembered).tanh_()
    return torch.lerp(proposed, memory, update)


def backward(columns: Tensor, memory: Tensor, gradient: Tensor) -> Tensor:
    """The gradient of what ``columns`` were before ``forward``, from that of what it returned."""
    size = memory.shape[1]
    reset, update, proposed, remembered = columns.split(size, dim=1)
    to_columns = torch.empty_like(columns)
    to_reset, to_update, to_proposed, to_remembered = to_columns.split(size, dim=1)
    torch.mul(gradient, 1 - update, out=to_proposed)
    to_proposed.mul_(1 - proposed * proposed)
    torch.mul(gradient * (memory - proposed), update * (1 - update), out=to_update)
    torch.mul(to_proposed * remembered, reset * (1 - reset), out=to_reset)
    torch.mul(to_proposed, reset, out=to_remembered)
    return to_columns


@compiled
def _sigmoids(given, found):  # type: ignore[no-untyped-def]
    one = found.dtype.type(1)
    for x in range(found.size):
        below = exponential(-abs(given[x]))  # which never overflows
        found[x] = (one if given[x] >= 0 else below) / (one + below)


@compiled
def _forward_loop(share, columns, memory, updated):  # type: ignore[no-untyped-def]
    _, begin, end = share
    size, two = memory.shape[1], memory.dtype.type(2)
    gates = np.empty(2 * size, memory.dtype)
    raw, squashed = np.empty(size, memory.dtype), np.empty(size, memory.dtype)
    for row in range(begin, end):
        _sigmoids(columns[row, : 2 * size], gates)
        for x in range(size):
            raw[x] = two * (columns[row, 2 * size + x] + gates[x] * columns[row, 3 * size + x])
        _sigmoids(raw, squashed)
        for x in range(size):
            proposed = two * squashed[x] - 1  # the hyperbolic tangent
            updated[row, x] = proposed + gates[size + x] * (memory[row, x] - proposed)
            columns[row, 2 * size + x] = proposed
        for x in range(2 * size):
            columns[row, x] = gates[x]


@compiled
def _backward_loop(share, columns, memory, gradient, to_columns):  # type: ignore[no-untyped-def]
    _, begin, end = share
    size, one = memory.shape[1], memory.dtype.type(1)
    for row in range(begin, end):
        gates, before, above, targets = columns[row], memory[row], gradient[row], to_columns[row]
        for x in range(size):
            reset, update, proposed = gates[x], gates[size + x], gates[2 * size + x]
            to_proposed = above[x] * (one - update) * (one - proposed * proposed)
            targets[x] = to_proposed * gates[3 * size + x] * (reset * (one - reset))
            targets[size + x] = above[x] * (before[x] - proposed) * (update * (one - update))
            targets[2 * size + x], targets[3 * size + x] = to_proposed, to_proposed * reset


def forward_on_cpu(columns: Tensor, memory: Tensor) -> Tensor:
    """``forward`` as a compiled loop; all floats are of one type."""
    updated = torch.empty_like(memory, memory_format=torch.contiguous_format)
    arrays = map(array, (columns, memory.contiguous(), updated))
    run(_forward_loop, equal_shares(*columns.shape), *arrays)
    return updated


def backward_on_cpu(columns: Tensor, memory: Tensor, gradient: Tensor) -> Tensor:
    """``backward`` as a compiled loop."""
    to_columns = torch.empty_like(columns)
    inputs = (columns, memory.contiguous(), gradient.contiguous(), to_columns)
    run(_backward_loop, equal_shares(*columns.shape), *map(array, inputs))
    return to_columns


def _both(of_input: Tensor, of_memory: Tensor, size: int) -> Tensor:
    """Rows that act on memory as an input and as memory: two gates joined, two proposals apart."""
    gates = of_input[: 2 * size] + of_memory[: 2 * size]
    return torch.cat([gates, of_input[2 * size :], of_memory[2 * size :]])


def _each(joint: Tensor, size: int) -> tuple[Tensor, Tensor]:
    """The gradients of both parts of ``_both``."""
    return joint[: 3 * size], torch.cat([joint[: 2 * size], joint[3 * size :]])


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
        self.dropout = Dropout(dropout)
        same = rows.shape[1] == memory_dim
        self.projection = nn.Identity() if same else nn.Linear(rows.shape[1], memory_dim)

    def forward(self, nodes: Tensor) -> Tensor:
        """The rows [num_nodes, memory_dim] of ``nodes``."""
        if self.training and self.dropout.probability:
            kept = self.dropout.factors(self.rows.new_empty(len(nodes), 1)) > 0
            rows = torch.where(kept, self.rows[self.lender[nodes]], self.unknown)
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
