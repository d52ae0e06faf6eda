"""What is known of every node once and for all, next to what node memory learns as time goes by."""

import torch
from torch import Tensor, nn


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
