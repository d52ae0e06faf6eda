"""Historical and inductive negatives (Poursafaei et al., NeurIPS'22, arXiv 2207.10128, section 4).

The paper draws whole links; here, as in TGB, by the same authors, a negative keeps the source of
its event, for a rank needs one source.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor

from benchmark.datasets.dataset import Dataset, EventBatch, SplitName
from benchmark.graph.pairs import Pairs
from benchmark.protocol.negatives import SLOTS, RandomNegatives
from benchmark.randomness import key_to_seed, random_integers

if TYPE_CHECKING:
    from benchmark.protocol.link_protocol import LinkProtocol


class HistoricalNegatives(RandomNegatives):
    """First the destinations that the source of an event met in training, but not now.

    Those come in random order and each once; random nodes fill the rest, and all of training.
    """

    def __init__(self, dataset: Dataset, protocol: LinkProtocol) -> None:
        super().__init__(dataset, protocol)
        self.by_split: dict[SplitName, LinkedDestinations] = {}

    def evaluation(self, events: EventBatch, split: SplitName) -> Tensor:
        """As ``RandomNegatives``, with linked destinations in the place of the first ones."""
        negatives = super().evaluation(events, split)
        if not self.draws_all:
            key = key_to_seed(self.protocol.seed, "order of linked destinations", split)
            _put_first(negatives, *self.linked(split)(events.ids), key, events.ids)
        return negatives

    def linked(self, split: SplitName) -> LinkedDestinations:
        """The linked destinations of events in ``split``, found once."""
        if split not in self.by_split:
            self.by_split[split] = LinkedDestinations(self.dataset, self._links(split))
        return self.by_split[split]

    def _links(self, split: SplitName) -> Pairs:
        """The (source, destination) pairs that may be negatives in ``split``."""
        return training_links(self.dataset)


class InductiveNegatives(HistoricalNegatives):
    """First the destinations that the source meets in the split, be it later, not in training."""

    def _links(self, split: SplitName) -> Pairs:
        stream, events = self.dataset.stream, self.dataset.split.range(split)
        src, dst = (side[events.start : events.stop] for side in (stream.src, stream.dst))
        new = training_links(self.dataset).positions(src, dst) < 0
        return Pairs(src[new], dst[new], self.dataset.num_nodes)


def training_links(dataset: Dataset) -> Pairs:
    """The (source, destination) pairs of training events."""
    stream, end = dataset.stream, dataset.split.train_end
    return Pairs(stream.src[:end], stream.dst[:end], dataset.num_nodes)


class LinkedDestinations:
    """The destinations that a source is linked to by ``links``, but not at the time of an event."""

    def __init__(self, dataset: Dataset, links: Pairs) -> None:
        self.stream = stream = dataset.stream
        self.links = links
        self.times = torch.unique(stream.t)
        met = links.positions(stream.src, stream.dst)
        kept = met >= 0
        moments = torch.searchsorted(self.times, stream.t[kept])
        self.meetings = Pairs(met[kept], moments, self.times.numel())

    def __call__(self, ids: Tensor) -> tuple[Tensor, Tensor]:
        """``(rows, destinations)``: destination d may be a negative of the event ``ids[row]``."""
        src = self.stream.src[ids]
        rows, destinations = self.links.seconds(src)
        links = self.links.positions(src[rows], destinations)
        moments = torch.searchsorted(self.times, self.stream.t[ids])[rows]
        elsewhere = self.meetings.positions(links, moments) < 0
        return rows[elsewhere], destinations[elsewhere]


def _put_first(negatives: Tensor, rows: Tensor, nodes: Tensor, key: int, ids: Tensor) -> None:
    """Write each row's ``nodes`` over its first negatives, in an order keyed by event and node."""
    order = random_integers(key, ids[rows] * SLOTS + nodes, SLOTS).argsort(stable=True)
    order = order[rows[order].argsort(stable=True)]
    rows, nodes = rows[order], nodes[order]
    counts = torch.bincount(rows, minlength=ids.numel())
    slots = torch.arange(rows.numel()) - (counts.cumsum(0) - counts)[rows]
    kept = slots < negatives.shape[1]
    negatives[rows[kept], slots[kept]] = nodes[kept]
