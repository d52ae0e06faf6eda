"""What a temporal graph network must say about itself so that every system can train it."""

from abc import ABC, abstractmethod

import torch
from torch import Tensor, nn

from benchmark.graph.past import WHOLE_PAST, Snapshots
from benchmark.graph.samplers import NeighborSampler
from benchmark.models.layers.node_memory import StaticRows
from benchmark.models.memory_write import Mails
from benchmark.models.node_state import NO_EVENT, NodeState
from benchmark.models.subgraph import Subgraph


class TemporalModel(nn.Module, ABC):
    """A network over sampled neighbours and, where it has one, node memory.

    For every batch a system reads the ``NodeState`` of the nodes of a ``Subgraph`` and calls
    ``update_memory``, ``embed`` and ``score_links``; for the nodes that the events touch it then
    writes the updated memory and what ``make_mail`` says. Everything else, such as sampling,
    negatives and the spreading over trainers, is the system's.

    A variant is called with ``edge_features`` [num_events, edge_dim] of the whole stream,
    ``node_features`` [num_nodes, any width] or None, and the keys of its yaml. It must write
    ``embed``; one with memory also ``update_memory``. It sets ``link_decoder`` or writes
    ``score_links``, and hands its node features to ``use_node_features``, last, so that the other
    weights start the same with and without them.

    Nothing but the parameters may differ from call to call: what a node remembers is in its
    ``NodeState``, and every parameter must take part in the loss.

    ``memory_dim`` is 0 for a network without memory; ``mail_dim`` is the width of a mail;
    ``node_dim`` that of what ``add_static`` returns; ``num_neighbors`` how many a root has. With
    ``num_layers`` 2 a ``Subgraph`` has neighbours of neighbours, ``deeper``, and so on; with
    several ``snapshots`` it has so many neighbours from each. With a ``mailbox_size`` a node keeps
    so many mails, newest first, instead of its last one. With ``mails_reach_neighbors`` the mail
    of each end of an event also goes to that end's neighbours, whose memory stays as it is. With
    ``adds_mails`` a node keeps the sum of what ``make_mails`` returns for all events of a batch.
    """

    link_decoder: nn.Module

    def __init__(
        self,
        edge_features: Tensor,
        num_neighbors: int,
        memory_dim: int = 0,
        mail_dim: int | None = None,
        node_dim: int | None = None,
        num_layers: int = 1,
        snapshots: Snapshots = WHOLE_PAST,
        mailbox_size: int | None = None,
        mails_reach_neighbors: bool = False,
        adds_mails: bool = False,
    ) -> None:
        super().__init__()
        if adds_mails and (mails_reach_neighbors or mailbox_size is not None):
            raise ValueError("Mails that add up make one sum: no mailbox, and none to neighbours.")
        self.num_neighbors = num_neighbors
        self.num_layers = num_layers
        self.snapshots = snapshots
        self.memory_dim = memory_dim
        self.mail_dim = 2 * memory_dim if mail_dim is None else mail_dim
        self.node_dim = memory_dim if node_dim is None else node_dim
        self.mailbox_size = mailbox_size
        self.mails_reach_neighbors = mails_reach_neighbors
        self.adds_mails = adds_mails
        self.register_buffer("edge_features", edge_features, persistent=False)
        self.edge_features: Tensor
        self.node_features: StaticRows | None = None
        self.static_memory: StaticRows | None = None

    def use_node_features(self, rows: Tensor | None) -> None:
        """Add ``rows`` [num_nodes, any width], where there are any, in ``add_static``."""
        if rows is not None:
            self.node_features = StaticRows(rows, self.node_dim, keep=False)

    def use_static_memory(self, rows: Tensor, dropout: float = 0.0) -> None:
        """Add the frozen ``rows`` [num_nodes, any width] too; they become part of the state.

        In training a node does without its row with the probability ``dropout``. To be called
        before the parameters are handed to an optimiser.
        """
        self.static_memory = StaticRows(rows, self.node_dim, keep=True, dropout=dropout)

    def add_static(self, memory: Tensor, nodes: Tensor) -> Tensor:
        """What is known of ``nodes``: memory, if any, plus static rows [num_nodes, node_dim]."""
        known = memory if memory.shape[1] else memory.new_zeros(len(memory), self.node_dim)
        for static in (self.node_features, self.static_memory):
            if static is not None:
                known = known + static(nodes)
        return known

    def empty_state(
        self,
        num_nodes: int,
        dtype: torch.dtype = torch.float32,
        device: torch.device | str = "cpu",
    ) -> NodeState:
        """The state of nodes that nothing has happened to."""
        widths = (self.memory_dim, self.mail_dim)
        return NodeState.empty(num_nodes, *widths, dtype, device, self.mailbox_size)

    def mail_sampler(self, sampler: NeighborSampler) -> NeighborSampler | None:
        """What finds the neighbours that mails reach, None where they reach none."""
        return sampler if self.mails_reach_neighbors else None

    def update_memory(self, state: NodeState) -> Tensor:
        """Memory [num_nodes, memory_dim] after the cached mail; ``state`` stays as it is."""
        return state.memory

    def make_mail(self, own: Tensor, other: Tensor) -> Tensor:
        """The mail [num_mails, mail_dim] of an event to the node with memory ``own``."""
        return torch.cat([own, other], dim=-1)

    def make_mails(self, mails: Mails) -> Tensor:
        """The mails [num_mails, mail_dim] of many events, of which a node gets the sum."""
        return self.make_mail(mails.own, mails.other)

    def mail_features(self, state: NodeState) -> Tensor:
        """Features of the events that made the mails, 0 without a mail.

        Shape [num_nodes, edge_dim], with a mailbox [num_nodes, mailbox_size, edge_dim].
        """
        events = state.mail_event
        features = self.edge_features.index_select(0, events.flatten().clamp(min=0))
        features = features.view(*events.shape, features.shape[1])
        return features.masked_fill_((events == NO_EVENT).unsqueeze(-1), 0.0)

    @abstractmethod
    def embed(self, memory: Tensor, subgraph: Subgraph) -> Tensor:
        """Embeddings [num_roots, embedding_dim] from the updated memory of ``subgraph.nodes``."""

    def score_links(self, source: Tensor, destinations: Tensor) -> Tensor:
        """Scores [num_events, num_candidates] of candidate destinations.

        ``source`` [num_events, embedding_dim], ``destinations`` [num_events, num_candidates,
        embedding_dim].
        """
        scores: Tensor = self.link_decoder(source, destinations)
        return scores
