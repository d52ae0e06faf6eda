"""What every data set is to the suite: typed options that find its files and make a ``Dataset``."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from benchmark.datasets.dataset import (
    UNLABELLED,
    Dataset,
    Fractions,
    LabelKind,
    NodeNames,
    Source,
    Split,
    Stream,
)
from benchmark.datasets.exact import Times, split_by_time, stable_order
from benchmark.datasets.validate import FractionalTimes, check_split
from benchmark.storage.formats import content_checksum
from benchmark.storage.locations import Locations


@dataclass(frozen=True)
class Loader(ABC):
    """The options of one data set: a subclass is a frozen dataclass, a yaml its values.

    ``locating`` names the options that say where files lie or what they must be like to be taken;
    what is loaded does not depend on them, so that they identify nothing.
    """

    locating: ClassVar[tuple[str, ...]] = ()
    name: str

    @property
    def known_labels(self) -> LabelKind | None:
        """The kind of labels that is known before anything is read; None where only that tells."""
        return None

    @abstractmethod
    def paths(self, locations: Locations) -> dict[str, Path]:
        """The files behind the data set, found or fetched, by their names without ``.gz``.

        Raises FileNotFoundError where one cannot be had and ValueError where it is a wrong one.
        """

    @abstractmethod
    def load(self, locations: Locations) -> Dataset:
        """The stream; ``source.files`` holds ``checksums`` of the files it was read from."""

    def checksums(self, locations: Locations) -> dict[str, str]:
        """The sha256 of the content of every file, by its name: what the data is."""
        return {
            name: content_checksum(path, locations.cache)
            for name, path in self.paths(locations).items()
        }


@dataclass(frozen=True, kw_only=True)
class Published(Loader):
    """A data set whose counts are published; None is not checked."""

    num_nodes: int | None = None  # with an event
    num_events: int | None = None

    def check_counts(self, dataset: Dataset, **others: int) -> None:
        """Refuse other counts than the published ones, the options of the same names."""
        counts = {"num_nodes": len(dataset.nodes), "num_events": dataset.num_events, **others}
        for key, found in counts.items():
            published = getattr(self, key)
            if published not in (None, found):
                raise ValueError(
                    f"data set {self.name}: {key} is {found:,} but {published:,} is published: get "
                    f"the published file, or set dataset.{key}=null to take this one as it is"
                )


@dataclass(frozen=True, kw_only=True)
class ByQuantile(Loader):
    """A data set that is split by time quantile, and whose times may have fractions."""

    fractional_times: FractionalTimes = "refuse"
    validation_fraction: float = 0.15
    test_fraction: float = 0.15

    @property
    def fractions(self) -> Fractions:
        return Fractions(self.validation_fraction, self.test_fraction)


Ints = NDArray[np.int64]
ROWS_AT_A_TIME = 1 << 16


def assemble(
    name: str,
    src: Ints,
    dst: Ints,
    times: Times,
    *,
    split: Split | Fractions,
    source: Source,
    num_nodes: int | None = None,
    features: NDArray[np.float32] | Tensor | None = None,
    labels: NDArray[Any] | None = None,
    label_kind: LabelKind = LabelKind.NONE,
    class_names: Sequence[str] = (),
    node_features: Tensor | None = None,
    indicators: Sequence[int] = (),
    names: NodeNames | None = None,
) -> Dataset:
    """Sort the events stably by their exact times, split them and wrap them.

    Without ``num_nodes`` ids are any numbers, and nodes those that occur, in their order; with it
    they are nodes as they stand, such as rows of ``node_features``. Times count from the first
    event: to a network that begins at 0 a node's first mail would otherwise look as old as the
    clock, decades where that counts unix seconds. ``names`` are those of the ids, where the files
    have others. ``features`` [num_events, edge_dim] and
    ``labels`` [num_events, ...] are in the order of ``src``; features that are zero throughout are
    left out, and so are labels of fewer than two classes. Raises ValueError when a part of the
    split is empty.
    """
    order = stable_order(times.exact)
    src, dst, t = src[order], dst[order], times.whole[order]
    if num_nodes is None:
        src, dst, nodes = numbered(src, dst)
        num_nodes = len(nodes)
        names = NodeNames(nodes) if names is None else names.take(nodes)
    boundaries = split_by_time(t, *split) if isinstance(split, Fractions) else split
    check_split(name, boundaries)
    start_time = int(t[0])
    if start_time:  # a mapped column that need not change stays on disk
        t = t - start_time
    if features is None or not _has_nonzero(features):
        features, indicators = np.empty((len(t), 0), np.float32), ()
    labels, label_kind, class_names = _classes(labels, label_kind, class_names)
    stream = Stream(
        src=torch.from_numpy(src),
        dst=torch.from_numpy(dst),
        t=torch.from_numpy(t),
        msg=torch.as_tensor(features if isinstance(order, slice) else features[order]),
        y=None if labels is None else torch.from_numpy(labels[order]),
    )
    return Dataset(
        name=name,
        stream=stream,
        num_nodes=num_nodes,
        start_time=start_time,
        bipartite=not (_appearing(src, num_nodes) & _appearing(dst, num_nodes)).any(),
        split=boundaries,
        source=source,
        node_features=node_features,
        label_kind=label_kind,
        num_classes=len(class_names),
        class_names=tuple(class_names),
        fractions=split if isinstance(split, Fractions) else None,
        indicators=tuple(indicators),
        node_names=names,
    )


def numbered(src: Ints, dst: Ints) -> tuple[Ints, Ints, Ints]:
    """Both columns as positions among the distinct ids of both, and those ids, sorted."""
    distinct = np.unique(np.concatenate([src, dst]))
    if distinct[0] == 0 and distinct[-1] == len(distinct) - 1:
        return src, dst, distinct
    return np.searchsorted(distinct, src), np.searchsorted(distinct, dst), distinct


def _classes(
    labels: NDArray[Any] | None, kind: LabelKind, names: Sequence[str]
) -> tuple[NDArray[Any] | None, LabelKind, Sequence[str]]:
    """Labels numbered by the classes that occur, in their order, and what these are called."""
    if labels is None or kind is LabelKind.MULTI_EDGE:
        count = 0 if labels is None else labels.shape[1]
        return labels, kind, names or [*map(str, range(count))]
    present = np.unique(labels)
    present = present[present != UNLABELLED]
    if len(present) < 2:
        return None, LabelKind.NONE, ()
    codes = np.where(labels == UNLABELLED, UNLABELLED, np.searchsorted(present, labels))
    return codes, kind, [names[c] if names else str(c) for c in present.tolist()]


def _appearing(ids: Ints, num_nodes: int) -> NDArray[np.bool_]:
    """For every node whether it is among ``ids``, without sorting a large column."""
    mask = np.zeros(num_nodes, np.bool_)
    mask[ids] = True
    return mask


def _has_nonzero(features: NDArray[np.float32] | Tensor) -> bool:
    """Of a large matrix as few rows are read as tell."""
    starts = range(0, len(features), ROWS_AT_A_TIME)
    return any(bool(features[start : start + ROWS_AT_A_TIME].any()) for start in starts)
