"""What is known of every node once and for all, next to what node memory learns as time goes by."""

import torch
from torch import Tensor, nn


class StaticRows(nn.Module):
    """Frozen ``rows`` [num_nodes, static_dim], brought to the width of node memory.

    The embedding of a node adds them to its updated memory (DistTGL, section 3.1); where the
    widths differ a linear layer stands between, as in the released code. With ``keep`` the rows
    are part of the weights that are saved, without it they are taken from the data set again.

    ``unknown`` [static_dim] is the row of nodes that have none of their own, zeros until ``fill``.
    In training a node loses its own with the probability ``dropout``, so that the network learns
    to do without.
    """

    def __init__(self, rows: Tensor, memory_dim: int, keep: bool, dropout: float = 0.0) -> None:
        super().__init__()
        if not 0 <= dropout < 1:
            raise ValueError(
                f"system.static_memory_dropout is {dropout}; it must be at least 0 and below 1."
            )
        self.register_buffer("rows", rows, persistent=keep)
        self.register_buffer("unknown", torch.zeros_like(rows[0]), persistent=keep)
        self.rows: Tensor
        self.unknown: Tensor
        self.dropout = dropout
        same = rows.shape[1] == memory_dim
        self.projection = nn.Identity() if same else nn.Linear(rows.shape[1], memory_dim)

    def forward(self, nodes: Tensor) -> Tensor:
        """The rows [num_nodes, memory_dim] of ``nodes``."""
        rows = self.rows[nodes]
        if self.training and self.dropout:
            lost = torch.rand(len(nodes), 1, device=nodes.device) < self.dropout
            rows = torch.where(lost, self.unknown, rows)
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
