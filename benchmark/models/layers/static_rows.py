"""What is known of every node once and for all, next to what node memory learns as time goes by."""

import torch
from torch import Tensor, nn


class StaticRows(nn.Module):
    """Frozen ``rows`` [num_nodes, static_dim], brought to the width of node memory.

    The embedding of a node adds them to its updated memory (DistTGL, section 3.1); where the
    widths differ a linear layer stands between, as in the released code. With ``keep`` the rows
    are part of the weights that are saved, without it they are taken from the data set again.
    """

    def __init__(self, rows: Tensor, memory_dim: int, keep: bool) -> None:
        super().__init__()
        self.register_buffer("rows", rows, persistent=keep)
        self.rows: Tensor
        same = rows.shape[1] == memory_dim
        self.projection = nn.Identity() if same else nn.Linear(rows.shape[1], memory_dim)

    def forward(self, nodes: Tensor) -> Tensor:
        """The rows [num_nodes, memory_dim] of ``nodes``."""
        rows: Tensor = self.projection(self.rows[nodes])
        return rows

    @torch.no_grad()
    def fill(self, rows: Tensor) -> None:
        """Replace all rows, in place."""
        self.rows.copy_(rows)
