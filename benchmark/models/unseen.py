"""Nodes that nothing is known about: a model gives all of them the same score, to the last bit.

A matrix product may round equal rows differently, depending on where they stand. Between unseen
nodes that would break ties by accident, and otherwise with another number of processes.
"""

from dataclasses import replace

import torch
from torch import Tensor

from benchmark.models.contract import TemporalModel
from benchmark.models.node_state import NO_EVENT, NodeState
from benchmark.models.roots import CandidateRoots
from benchmark.models.subgraph import Subgraph


def find_unseen(model: TemporalModel, state: NodeState, subgraph: Subgraph) -> Tensor:
    """Mask [num_roots] of the roots without neighbour, static row of their own, or mail.

    ``state`` is that of all nodes; a model without memory does not know of a mail.
    """
    known = (state.newest_event[subgraph.nodes] != NO_EVENT) & (model.memory_dim > 0)
    for static in (model.node_features, model.static_memory):
        if static is not None:
            known |= static.knows(subgraph.nodes)
    return ~(known[subgraph.roots] | subgraph.has_neighbors)


def tie_unseen(
    model: TemporalModel, roots: CandidateRoots, unseen: Tensor, scores: Tensor
) -> Tensor:
    """The ``scores`` [num_events, num_candidates] with those that must be equal made equal.

    ``unseen`` [num_roots] says which of the ``roots`` are. Unseen candidates get the score of the
    first one of their event, and where the source is unseen too, the score that two unseen nodes
    have in every batch.
    """
    sources, candidates = roots.split(unseen)
    first = candidates.int().argmax(1, keepdim=True)
    scores = torch.where(candidates, scores.gather(1, first), scores)
    score_of_two = _score_of_two(model, roots.nodes, unseen)
    return torch.where(candidates & sources.unsqueeze(1), score_of_two, scores)


def _score_of_two(model: TemporalModel, nodes: Tensor, unseen: Tensor) -> Tensor:
    """The score [1, 1] of two unseen nodes, always from one row alone; anything without one."""
    root = unseen.int().argmax().view(1)
    embedding = embed_unseen(model, nodes[root])
    return model.score_links(embedding, embedding.unsqueeze(1))


def embed_unseen(model: TemporalModel, node: Tensor) -> Tensor:
    """The embedding [1, embedding_dim] of ``node`` [1] if nothing has happened to it."""
    alone = _nobody_around(model, node, torch.zeros_like(node), model.num_layers)
    alone = replace(alone, earlier=(alone,) * (model.snapshots.number - 1))
    dtype = next(model.parameters()).dtype
    empty = model.empty_state(1, dtype, node.device)
    return model.embed(model.update_memory(empty), alone)


def _nobody_around(model: TemporalModel, nodes: Tensor, roots: Tensor, num_layers: int) -> Subgraph:
    """The ``roots``, rows of ``nodes``, without neighbours."""
    none = roots.new_zeros(len(roots), model.num_neighbors)
    mask = torch.zeros_like(none, dtype=torch.bool)
    now = torch.zeros_like(roots)
    around = Subgraph(nodes, roots, none, none, none, mask, now, now)
    if num_layers == 1:
        return around
    deeper = _nobody_around(model, nodes, roots[:0], num_layers - 1)
    return replace(around, deeper=deeper, deeper_roots=none)
