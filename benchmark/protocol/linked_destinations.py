"""Historical and inductive negatives (Poursafaei et al., NeurIPS'22, arXiv 2207.10128, section 4).

The paper draws whole links; here, as in TGB, by the same authors, a negative keeps the source of
its event, for a rank needs one source.
"""

import torch
from torch import Tensor

from benchmark.datasets.dataset import Dataset, SplitName
from benchmark.graph.pairs import Pairs
from benchmark.protocol.link_protocol import NegativeSampling


class LinkedDestinations:
    """The destinations that a source is linked to at another time than an event's.

    ``HISTORICAL``: in training. ``INDUCTIVE``: in ``split``, be it later, and not in training.
    """

    def __init__(self, dataset: Dataset, split: SplitName, sampling: NegativeSampling) -> None:
        self.stream = stream = dataset.stream
        train_end, now = dataset.split.train_end, dataset.split.range(split)
        self.links = Pairs(stream.src[:train_end], stream.dst[:train_end], dataset.num_nodes)
        if sampling is NegativeSampling.INDUCTIVE:
            src, dst = stream.src[now.start : now.stop], stream.dst[now.start : now.stop]
            new = self.links.positions(src, dst) < 0
            self.links = Pairs(src[new], dst[new], dataset.num_nodes)
        self.times = torch.unique(stream.t)
        links = self.links.positions(stream.src, stream.dst)
        kept = links >= 0
        moments = torch.searchsorted(self.times, stream.t[kept])
        self.meetings = Pairs(links[kept], moments, self.times.numel())

    def __call__(self, ids: Tensor) -> tuple[Tensor, Tensor]:
        """``(rows, destinations)``: destination d may be a negative of the event ``ids[row]``."""
        src = self.stream.src[ids]
        rows, destinations = self.links.seconds(src)
        links = self.links.positions(src[rows], destinations)
        moments = torch.searchsorted(self.times, self.stream.t[ids])[rows]
        elsewhere = self.meetings.positions(links, moments) < 0
        return rows[elsewhere], destinations[elsewhere]
