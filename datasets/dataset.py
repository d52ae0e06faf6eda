"""The one shape every data set takes: a time-ordered stream of events and the facts about it."""

from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from typing import Any, Literal, NamedTuple

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from torch import Tensor

from benchmark.machine.host_memory import let_go

SplitName = Literal["train", "validation", "test"]

Ints = NDArray[np.int64]
UNLABELLED = -1  # the label of an event that has none
UNKNOWN = -1  # the node of a name that is nobody's
ROWS_AT_ONCE = 1 << 20


class LabelKind(StrEnum):
    """What ``stream.y`` holds, if anything."""

    NONE = "none"
    NODE = "node"  # class of the source node at the time of the event
    EDGE = "edge"  # one class per event
    MULTI_EDGE = "multi_edge"  # a 0/1 vector of classes per event


@dataclass(frozen=True)
class Split:
    """Chronological split: events [0, train_end), [train_end, validation_end), [.., num_events)."""

    train_end: int
    validation_end: int
    num_events: int

    def range(self, name: SplitName) -> range:
        """Event ids of one part of the split."""
        bounds = {
            "train": (0, self.train_end),
            "validation": (self.train_end, self.validation_end),
            "test": (self.validation_end, self.num_events),
        }
        return range(*bounds[name])


class Fractions(NamedTuple):
    """Shares of the events that validate and test, taken by time quantile."""

    validation: float
    test: float


@dataclass(frozen=True)
class Source:
    """Where a data set came from, for the record."""

    description: str
    files: dict[str, str]  # file name -> sha256
    moved_rows: int = 0  # rows that a stable sort by time had to move
    random_edge_features: int = 0  # how many per event replace the files' own
    time_unit: str | None = None  # s, ms, us or ns where the times were dates, since 1970


@dataclass(frozen=True)
class NodeNames:
    """The ``names`` [num_nodes] of all nodes, whole numbers or text, in order of node.

    Where sources and destinations are named apart, so that one name may stand for two nodes, nodes
    from ``first_destination`` on are the destinations; else that is None.
    """

    names: NDArray[Any]
    first_destination: int | None = None

    def take(self, nodes: Ints) -> "NodeNames":
        """The names of some of the nodes, sorted, which are numbered anew."""
        first = self.first_destination
        return NodeNames(
            self.names[nodes], None if first is None else int(np.searchsorted(nodes, first))
        )

    def sources(self, names: NDArray[np.object_]) -> Ints:
        """The nodes that sources of these names are, ``UNKNOWN`` where there is none."""
        return self._find(names, 0, self.first_destination)

    def destinations(self, names: NDArray[np.object_]) -> Ints:
        """The nodes that destinations of these names are, ``UNKNOWN`` where there is none."""
        return self._find(names, self.first_destination or 0, None)

    def _find(self, names: NDArray[np.object_], first: int, end: int | None) -> Ints:
        known = pd.Index(self.names[first:end].astype(str))
        found = known.get_indexer(pd.Index(names.astype(str)))
        return np.where(found < 0, UNKNOWN, found + first).astype(np.int64)


@dataclass
class Stream:
    """The columns of all events, in order of time: the fields of PyG's ``TemporalData``.

    ``src``, ``dst``, ``t`` are int64 of shape [num_events], sorted by ``t``; ``msg`` float32
    [num_events, edge_dim] with ``edge_dim`` 0 where there are no features; ``y`` int64
    [num_events], float32 [num_events, num_classes] where an event has several classes, or None.
    """

    src: Tensor
    dst: Tensor
    t: Tensor
    msg: Tensor
    y: Tensor | None = None

    def first(self, num_events: int) -> "Stream":
        """The first events only."""
        columns = {name: column for name, column in vars(self).items() if column is not None}
        return Stream(**{name: column[:num_events] for name, column in columns.items()})


@dataclass(frozen=True)
class EventBatch:
    """A few events of one batch, as a system sees them.

    ``ids``, ``src``, ``dst`` and ``t`` are int64 of shape [num_events]; ``start`` is the id of the
    first event of the whole batch, also when this object holds only a share of it.
    """

    start: int
    ids: Tensor
    src: Tensor
    dst: Tensor
    t: Tensor

    def __len__(self) -> int:
        return self.ids.numel()

    def select(self, rows: Tensor | slice) -> "EventBatch":
        """The given rows of this batch; ``start`` stays that of the batch."""
        return EventBatch(self.start, self.ids[rows], self.src[rows], self.dst[rows], self.t[rows])

    def to(self, device: torch.device) -> "EventBatch":
        """This batch on another device."""
        fields = (field.to(device) for field in (self.ids, self.src, self.dst, self.t))
        return EventBatch(self.start, *fields)


@dataclass(frozen=True)
class Dataset:
    """A stream of events and what a trainer must know about it.

    The times of ``stream`` count from the first event, at ``start_time`` in the source. Node ids
    lie in [0, ``num_nodes``); those of ``nodes`` occur and may be drawn as negatives. ``bipartite``
    means that no node is both a source and a destination. Class c is called ``class_names[c]`` in
    the source; of two node classes 1 is the positive one. ``fractions`` is None where files say the
    split; ``indicators`` are the feature columns that say whether an event has a certain word;
    ``node_names`` is None where files call a node by its id.
    """

    name: str
    stream: Stream
    num_nodes: int
    bipartite: bool
    split: Split
    source: Source
    start_time: int = 0
    node_features: Tensor | None = None
    label_kind: LabelKind = LabelKind.NONE
    num_classes: int = 0
    class_names: tuple[str, ...] = ()
    fractions: Fractions | None = None
    indicators: tuple[int, ...] = ()
    node_names: NodeNames | None = None

    @property
    def names(self) -> NodeNames:
        """What the files call the nodes."""
        return self.node_names or NodeNames(np.arange(self.num_nodes))

    @property
    def num_events(self) -> int:
        return self.stream.src.numel()

    @property
    def labels(self) -> Tensor:
        """``stream.y`` of a stream that has labels."""
        assert self.stream.y is not None
        return self.stream.y

    @property
    def edge_dim(self) -> int:
        return self.stream.msg.shape[1]

    @cached_property
    def nodes(self) -> Tensor:
        """The ids with an event of the stream, sorted."""
        return self._occurring(self.stream.src, self.stream.dst)

    @cached_property
    def destinations(self) -> Tensor:
        """The ids that are the destination of an event, sorted."""
        return self._occurring(self.stream.dst)

    def _occurring(self, *columns: Tensor) -> Tensor:
        occurs = torch.zeros(self.num_nodes, dtype=torch.bool)
        for ids in columns:
            occurs[ids] = True
        let_go(*columns)
        return occurs.nonzero().flatten()

    def flaw_of_features(self) -> str | None:
        """The first feature that is not finite, in words; None where all are."""
        for kind, features in (("event", self.stream.msg), ("node", self.node_features)):
            if features is None or not features.numel():
                continue
            for start in range(0, len(features), ROWS_AT_ONCE):
                finite = features[start : start + ROWS_AT_ONCE].isfinite()
                if not finite.all():
                    row, column = (~finite).nonzero()[0].tolist()
                    value = features[start + row, column].item()
                    return (
                        f"feature {column + 1} of {kind} {start + row} of data set '{self.name}' "
                        f"is {value}: replace it by a finite number"
                    )
            let_go(features)
        return None

    def batch(self, start: int, stop: int) -> EventBatch:
        """Events [start, stop) as one batch."""
        stream = self.stream
        ids = torch.arange(start, stop)
        return EventBatch(
            start, ids, stream.src[start:stop], stream.dst[start:stop], stream.t[start:stop]
        )
