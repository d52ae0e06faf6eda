"""The last step of every loader: checked numpy columns become a ``Dataset``."""

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch_geometric.data import TemporalData

from benchmark.datasets.chronology import stable_order
from benchmark.datasets.dataset import Dataset, LabelKind, Source, Split
from benchmark.datasets.validate import check_split


def assemble(
    name: str,
    src: NDArray[np.int64],
    dst: NDArray[np.int64],
    t: NDArray[np.int64],
    *,
    split: Callable[[NDArray[np.int64]], Split],
    source: Source,
    num_nodes: int,
    bipartite: bool,
    features: NDArray[np.float32] | Tensor | None = None,
    labels: NDArray[Any] | None = None,
    label_kind: LabelKind = LabelKind.NONE,
    num_classes: int = 0,
    node_features: Tensor | None = None,
) -> Dataset:
    """Sort the events stably by time, split them with ``split(times)`` and wrap them.

    Times then count from the first event: to a network that begins at 0 a node's first mail would
    otherwise look as old as the clock, decades where that counts unix seconds. ``features``
    [num_events, edge_dim] and ``labels`` [num_events, ...] are in the order of ``src``. Raises
    ValueError when a part of the split is empty.
    """
    order = stable_order(t)
    src, dst, t = src[order], dst[order], t[order]
    boundaries = split(t)
    check_split(name, boundaries)
    start_time = int(t[0])
    if start_time:  # a mapped column that need not change stays on disk
        t = t - start_time
    if features is None:
        features = np.empty((len(t), 0), np.float32)
    stream = TemporalData(
        src=torch.from_numpy(src),
        dst=torch.from_numpy(dst),
        t=torch.from_numpy(t),
        msg=torch.as_tensor(features if isinstance(order, slice) else features[order]),
    )
    if labels is not None:
        stream.y = torch.from_numpy(labels[order])
    return Dataset(
        name=name,
        stream=stream,
        num_nodes=num_nodes,
        start_time=start_time,
        bipartite=bipartite,
        split=boundaries,
        source=source,
        node_features=node_features,
        label_kind=label_kind,
        num_classes=num_classes,
    )
