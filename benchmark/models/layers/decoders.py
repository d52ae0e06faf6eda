"""From embeddings to predictions."""

import torch.nn.functional as F
from torch import Tensor, nn

from benchmark.models.layers.products import Linear


class LinkDecoder(nn.Module):
    """Score of a link: W_o ReLU(W_s h_src + W_d h_dst), as in the released DistTGL code."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.source = Linear(dim, dim)
        self.destination = Linear(dim, dim)
        self.output = nn.Linear(dim, 1)

    def forward(self, source: Tensor, destinations: Tensor) -> Tensor:
        """Scores [num_events, num_candidates].

        ``source`` [num_events, dim], ``destinations`` [num_events, num_candidates, dim].
        """
        hidden = self.source(source).unsqueeze(1) + self.destination(destinations)
        return self.output(F.relu(hidden)).squeeze(-1)


class EdgeClassDecoder(nn.Module):
    """Classes of an event: one linear layer over [h_src | h_dst], as in the released DistTGL."""

    def __init__(self, pair_dim: int, num_classes: int) -> None:
        super().__init__()
        self.output = nn.Linear(pair_dim, num_classes)

    def forward(self, pairs: Tensor) -> Tensor:
        """Logits [num_events, num_classes] from both ends together [num_events, pair_dim]."""
        logits: Tensor = self.output(pairs)
        return logits


class PairDecoder(nn.Module):
    """Score of a pair from one hidden layer with ReLU, as DyGLib's ``MergeLayer``."""

    def __init__(self, pair_dim: int, hidden_dim: int) -> None:
        super().__init__()
        self.hidden = Linear(pair_dim, hidden_dim)
        self.output = nn.Linear(hidden_dim, 1)

    def forward(self, pairs: Tensor) -> Tensor:
        """Scores [..., 1] from embeddings of pairs [..., pair_dim]."""
        score: Tensor = self.output(F.relu(self.hidden(pairs)))
        return score


class NodeClassDecoder(nn.Module):
    """Classes of a node: one hidden layer with ReLU, as in TGL's train_node.py."""

    def __init__(self, dim: int, hidden_dim: int, num_classes: int) -> None:
        super().__init__()
        self.hidden = nn.Linear(dim, hidden_dim)
        self.output = nn.Linear(hidden_dim, num_classes)

    def forward(self, embedding: Tensor) -> Tensor:
        """Logits [num_nodes, num_classes] from an ``embedding`` [num_nodes, dim]."""
        logits: Tensor = self.output(F.relu(self.hidden(embedding)))
        return logits
