"""What a negative sampler is: which other destinations an event is compared with."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from benchmark.datasets.dataset import Dataset, EventBatch, SplitName

if TYPE_CHECKING:
    from benchmark.protocol.link_protocol import LinkProtocol

NO_NODE = -1  # fills the rows of events that have fewer negatives than another


class NegativeSampler(ABC):
    """The negatives of one data set under one protocol, in training and in evaluation.

    All tensors lie on the CPU. What is drawn for an event must not depend on the events beside it.
    """

    def __init__(self, dataset: Dataset, protocol: LinkProtocol) -> None:
        self.dataset = dataset
        self.protocol = protocol

    @abstractmethod
    def training(
        self, events: EventBatch, num_negatives: int, seed: int, *key: int | str
    ) -> Tensor:
        """Negatives of one training batch, int64 [num_events, num_negatives].

        ``seed`` is that of the experiment; ``key`` (logical trainer, iteration, purpose) is that of
        the batch. The same call gives the same negatives in every process.
        """

    @abstractmethod
    def evaluation(self, events: EventBatch, split: SplitName) -> Tensor:
        """Negatives to rank for ``events`` of one split, int64 [num_events, most negatives].

        They depend on the protocol, the split and the event only. ``NO_NODE`` ends a row that is
        shorter than another.
        """

    def candidates(self, events: EventBatch, split: SplitName) -> Tensor:
        """``evaluation`` behind the true destinations, int64 [num_events, 1 + most negatives].

        Raises ValueError where events are of another split, or negatives break the contract.
        """
        bounds = self.dataset.split.range(split)
        ids = events.ids
        if len(events) and not (ids.min() >= bounds.start and ids.max() < bounds.stop):
            raise ValueError(f"events {ids.min()} to {ids.max()} are not all in the {split} split.")
        negatives = self.evaluation(events, split)
        self._check(events, negatives)
        return torch.cat([events.dst.unsqueeze(1), negatives], dim=1)

    def _check(self, events: EventBatch, negatives: Tensor) -> None:
        name, missing = type(self).__name__, negatives == NO_NODE
        if negatives.dim() != 2 or len(negatives) != len(events):
            raise ValueError(
                f"{name} gave negatives of shape {tuple(negatives.shape)} for {len(events)} "
                "events; it must give one row for each."
            )
        outside = (negatives < 0) & ~missing | (negatives >= self.dataset.num_nodes)
        if outside.any():
            raise ValueError(
                f"{name} gave the negative {negatives[outside][0]}, which is none of the "
                f"{self.dataset.num_nodes} nodes of data set '{self.dataset.name}'."
            )
        if (missing[:, :-1] & ~missing[:, 1:]).any():
            raise ValueError(f"{name} gave a row in which a negative follows NO_NODE.")
        own = (negatives == events.dst.unsqueeze(1)).any(1)
        if own.any():
            event = int(events.ids[own][0])
            raise ValueError(f"{name} gave event {event} its own destination as a negative.")
