"""The part of the graph that one forward pass needs."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import NamedTuple

import torch
from torch import Tensor

from benchmark.graph.distinct import distinct, grouped
from benchmark.graph.samplers import NeighborSampler
from benchmark.models.node_state import NO_EVENT, NodeState


class Queries(NamedTuple):
    """Roots of the same node, taken together.

    ``nodes`` [num_queries] are the distinct rows among the roots in ascending order, ``of_root``
    [num_roots] says which of them a root is; ``order[first[q]:first[q + 1]]`` are the roots of q.
    """

    nodes: Tensor
    of_root: Tensor
    order: Tensor
    first: Tensor

    @classmethod
    def of(cls, roots: Tensor, num_nodes: int) -> "Queries":
        """Those of ``roots``, rows of ``num_nodes``, on the host."""
        return cls(*grouped(roots, num_nodes))

    @classmethod
    def one_each(cls, roots: Tensor) -> "Queries":
        """Those of ``roots`` [num_roots] that are the rows from 0 on, on any device."""
        return cls(roots, roots, roots, torch.arange(len(roots) + 1, device=roots.device))


@dataclass(frozen=True)
class Subgraph:
    """Some (node, time) roots, their sampled neighbours and the distinct nodes of both.

    ``nodes`` [num_nodes] are the distinct ids in ascending order; ``roots`` [num_roots] and
    ``neighbors`` [num_roots, num_neighbors] are rows of it. ``events`` are the ids of the sampled
    events, ``elapsed`` the time from each of them to the query (int64), both of the shape of
    ``neighbors``; where ``mask`` is False there is no neighbour. ``times`` [num_roots] are those of
    the queries, ``queries`` the distinct nodes among the roots. ``known_from`` node memory are
    ``mail_times`` and ``mail_events`` [num_nodes], when and by which event the newest mail of each
    of the ``nodes`` was made: 0 and NO_EVENT without one.

    For a model of several layers the neighbours, each pair of node and time once, are the roots of
    ``deeper``, and ``deeper_roots`` (of the shape of ``neighbors``) says which; a neighbour looks
    back from the time of the event that made it one, in a snapshot from that of the query.
    ``earlier`` are the same roots in the snapshots before this one, newest first. All of these
    are over the same ``nodes``.
    """

    nodes: Tensor
    roots: Tensor
    neighbors: Tensor
    events: Tensor
    elapsed: Tensor
    mask: Tensor
    times: Tensor
    queries: Queries
    mail_times: Tensor | None = None
    mail_events: Tensor | None = None
    deeper: "Subgraph | None" = None
    deeper_roots: Tensor | None = None
    earlier: tuple["Subgraph", ...] = ()

    @property
    def num_roots(self) -> int:
        return self.roots.numel()

    @property
    def has_neighbors(self) -> Tensor:
        """Mask [num_roots] of the roots that have a neighbour, in any snapshot."""
        return torch.stack([part.mask.any(1) for part in (self, *self.earlier)]).any(0)

    @property
    def idle(self) -> Tensor:
        """How long before its query the newest mail in a root's memory was made [num_roots].

        0 without one, and where memory already holds later events, as for the batches that epoch
        parallelism trains once more at the end of a round.
        """
        if self.mail_times is None or self.mail_events is None:
            return torch.zeros_like(self.times)
        made, event = (field[self.roots] for field in (self.mail_times, self.mail_events))
        return (self.times - made).clamp_(min=0).masked_fill_(event == NO_EVENT, 0)

    def select(self, roots: slice | Tensor) -> "Subgraph":
        """The given roots only, over the same ``nodes`` and the same ``deeper``; on the host."""
        return replace(
            self,
            roots=self.roots[roots],
            neighbors=self.neighbors[roots],
            events=self.events[roots],
            elapsed=self.elapsed[roots],
            mask=self.mask[roots],
            times=self.times[roots],
            queries=Queries.of(self.roots[roots], self.nodes.numel()),
            deeper_roots=None if self.deeper_roots is None else self.deeper_roots[roots],
            earlier=tuple(part.select(roots) for part in self.earlier),
        )

    def known_from(self, state: NodeState) -> "Subgraph":
        """The same with the newest mails in the ``state`` of ``nodes``."""
        return replace(self, mail_times=state.newest_time, mail_events=state.newest_event)

    def next_layer(self) -> "Subgraph":
        """The same over embeddings: a row for every root, then one for every root of ``deeper``."""
        if self.deeper is None or self.deeper_roots is None:
            raise ValueError("There are no deeper neighbours: the model's num_layers is too small.")
        roots = torch.arange(self.num_roots, device=self.roots.device)
        neighbors = torch.where(self.mask, self.num_roots + self.deeper_roots, roots.unsqueeze(1))
        rows = torch.cat([self.roots, self.deeper.roots])
        times, events = (
            None if known is None else known[rows] for known in (self.mail_times, self.mail_events)
        )
        return Subgraph(
            self.nodes[rows],
            roots,
            neighbors,
            self.events,
            self.elapsed,
            self.mask,
            self.times,
            Queries.one_each(roots),
            mail_times=times,
            mail_events=events,
        )


def build_subgraph(
    nodes: Tensor,
    times: Tensor,
    sampler: NeighborSampler,
    first_event: int | None,
    others: Tensor | None = None,
) -> Subgraph:
    """The subgraph of the roots (``nodes``, ``times``), as deep as ``sampler`` says, on the host.

    ``first_event`` is that of the batch that asks; ``others`` are ids to be among its nodes too.
    """
    newest, *earlier = (
        _look_around(nodes, times, sampler, first_event, snapshot, sampler.num_layers)
        for snapshot in range(sampler.snapshots.number)
    )
    return _number_nodes(replace(newest, earlier=tuple(earlier)), others)


def _look_around(
    nodes: Tensor,
    times: Tensor,
    sampler: NeighborSampler,
    first_event: int | None,
    snapshot: int,
    num_layers: int,
) -> Subgraph:
    """One snapshot of the roots' surroundings, with ids in the place of rows."""
    sampled = sampler.sample(nodes, times, first_event, snapshot=snapshot)
    mask = sampled.mask
    neighbors = torch.where(mask, sampled.nodes, nodes.unsqueeze(1))
    elapsed = torch.where(mask, times.unsqueeze(1) - sampled.times, 0)
    nobody = Queries.of(nodes[:0], 0)  # until nodes have rows
    around = Subgraph(nodes, nodes, neighbors, sampled.events, elapsed, mask, times, nobody)
    if num_layers == 1:
        return around
    if sampler.snapshots.duration is None:
        # What came before a visible event is visible: no batch needs to be told apart.
        moments, moment, first_event = sampler.index.times, sampled.events, None
    else:
        moments, of_root = times.unique(return_inverse=True)
        moment = of_root.unsqueeze(1).expand_as(mask)
    num_nodes = sampler.index.num_nodes
    pairs, places = distinct((moment * num_nodes + neighbors)[mask])
    deeper = _look_around(
        pairs % num_nodes,
        moments[pairs // num_nodes],
        sampler,
        first_event,
        snapshot,
        num_layers - 1,
    )
    deeper_roots = torch.zeros_like(neighbors).masked_scatter_(mask, places)
    return replace(around, deeper=deeper, deeper_roots=deeper_roots)


def _number_nodes(subgraph: Subgraph, others: Tensor | None) -> Subgraph:
    """The subgraph with rows of its distinct ``nodes``, ``others`` too, in the place of ids."""
    ids = [x for part in _parts(subgraph) for x in (part.roots, part.neighbors)]
    ids += [] if others is None else [others]
    nodes, rows = distinct(torch.cat([x.flatten() for x in ids]))
    numbered = iter(rows.split([x.numel() for x in ids]))

    def number(part: Subgraph) -> Subgraph:
        roots, neighbors = next(numbered), next(numbered).view_as(part.neighbors)
        return replace(
            part,
            nodes=nodes,
            roots=roots,
            neighbors=neighbors,
            queries=Queries.of(roots, nodes.numel()),
            deeper=None if part.deeper is None else number(part.deeper),
            earlier=tuple(number(other) for other in part.earlier),
        )

    return number(subgraph)


def _parts(subgraph: Subgraph) -> Iterator[Subgraph]:
    """The subgraph itself, what is deeper, and what is earlier, in this order."""
    yield subgraph
    if subgraph.deeper is not None:
        yield from _parts(subgraph.deeper)
    for part in subgraph.earlier:
        yield from _parts(part)
