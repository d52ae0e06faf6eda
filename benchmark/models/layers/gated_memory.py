"""The GRU that takes the cached mail into node memory."""

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
