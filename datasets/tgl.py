"""The folder layout of TGL: edges.csv, and where present features, node labels, edge classes.

GDELT-lite is every hundredth event of TGL's GDELT, in the archive that PyG's GDELTLite fetches.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from benchmark.datasets.dataset import Dataset, LabelKind, Source, Split
from benchmark.datasets.exact import Times
from benchmark.datasets.loader import Published, assemble
from benchmark.datasets.tgl_files import (
    ROWS_PER_CHUNK,
    as_float32,
    edge_pieces,
    node_labels,
    stored_matrix,
)
from benchmark.datasets.validate import FractionalTimes
from benchmark.storage.formats import Kind
from benchmark.storage.locations import Locations, fetch_member
from benchmark.storage.prepared import prepared_pieces

CACHE_VERSION = 2  # raise it when what is kept in the cache changes its meaning
EDGES = "edges.csv"
FILES = (EDGES, "edge_features.pt", "node_features.pt")  # of GDELT-lite


@dataclass(frozen=True)
class TGL(Published):
    """The stream in folder ``name``, as github.com/amazon-science/tgl describes its layout.

    The row number in edges.csv is the event id, so rows must be sorted by time; ``ext_roll`` (0
    train, 1 validation, 2 test) is the split. ``edge_classes`` (DistTGL's class file of GDELT)
    holds 0 and 1 of shape [num_events, num_classes] and becomes ``y``; without it ``y`` is the
    label of the source at the time of the event where ``node_labels`` has one, -1 elsewhere.

    A feature or label file is left out where its name is None or, without ``url``, where it is not
    there. Columns and matrices are memory-mapped. ``num_nodes`` and ``num_events`` are the
    published counts.
    """

    locating: ClassVar[tuple[str, ...]] = ("url", "num_nodes", "num_events")

    url: str | None = None
    edge_features: str | None = "edge_features.pt"
    node_features: str | None = "node_features.pt"
    node_labels: str | None = "labels.csv"
    edge_classes: str | None = None
    fractional_times: FractionalTimes = "refuse"

    def paths(self, locations: Locations) -> dict[str, Path]:
        labels = self.node_labels if self.edge_classes is None else None
        kinds: dict[str | None, Kind] = {
            EDGES: "text",
            self.node_features: "tensor",
            labels: "text",
            self.edge_classes: "tensor",
            self.edge_features: "tensor",
        }
        return {
            file: locations.fetch(self.name, file, self.url and f"{self.url}/{file}", kind=kind)
            for file, kind in kinds.items()
            if file is not None
            and (
                self.url is not None
                or file in (EDGES, self.edge_classes)
                or locations.find(self.name, file, kind) is not None
            )
        }

    def load(self, locations: Locations) -> Dataset:
        paths = self.paths(locations)
        checksums = self.checksums(locations)
        matrices = _Matrices(paths, checksums, locations.cache / self.name)
        columns = prepared_pieces(
            matrices.kept(EDGES, f"{self.fractional_times}-v{CACHE_VERSION}"),
            lambda: edge_pieces(paths[EDGES], self.fractional_times),
        )
        src, dst, t = (columns[key].numpy() for key in ("src", "dst", "t"))
        largest_id = int(max(src.max(), dst.max()))
        static = matrices.of_nodes(self.node_features, largest_id)
        labels: NDArray[Any] | None
        if self.edge_classes is not None:
            labels, remark = matrices.classes(self.edge_classes, len(t)), ""
            kind = LabelKind.MULTI_EDGE
        else:
            path = paths.get(self.node_labels or "")
            labels, remark = node_labels(path, src, t, self.fractional_times)
            kind = LabelKind.NONE if labels is None else LabelKind.NODE
        train, validation, _ = columns["rolls"].tolist()
        dataset = assemble(
            self.name,
            src,
            dst,
            Times(t),
            split=Split(train, train + validation, len(t)),
            source=Source(f"TGL folder {paths[EDGES].parent}{remark}", checksums),
            num_nodes=None if static is None else len(static),
            features=matrices.of_events(self.edge_features, len(t)),
            labels=labels,
            label_kind=kind,
            node_features=static,
        )
        self.check_counts(dataset, num_nodes=dataset.num_nodes)
        return dataset


@dataclass(frozen=True)
class _Matrices:
    """The matrices among the files of a folder, mapped as float32."""

    paths: dict[str, Path]
    checksums: dict[str, str]
    cache: Path

    def kept(self, file: str, what: str) -> Path:
        """Where to keep what was made from a file: another place when its content changes."""
        return self.cache / f"{file}-{self.checksums[file][:16]}-{what}"

    def of_nodes(self, file: str | None, largest_id: int) -> Tensor | None:
        if file not in self.paths:
            return None
        stored = stored_matrix(self.paths[file])
        if len(stored) <= largest_id:
            raise ValueError(
                f"{self.paths[file]} has {len(stored)} rows but {self.paths[EDGES]} has node id "
                f"{largest_id}: write one row of features per node"
            )
        return as_float32(stored, self.paths[file], self.kept(file, "float32"))

    def of_events(self, file: str | None, num_events: int) -> Tensor | None:
        """One row per event; DistTGL's files end with a row of zeros that stands for no event."""
        if file not in self.paths:
            return None
        stored = stored_matrix(self.paths[file])
        padded = len(stored) == num_events + 1 and not stored[-1].double().any()
        if len(stored) != num_events and not padded:
            raise ValueError(
                f"{self.paths[file]} has {len(stored)} rows but {self.paths[EDGES]} has "
                f"{num_events} events: write one row per event, in the same order"
            )
        return as_float32(stored, self.paths[file], self.kept(file, "float32"))[:num_events]

    def classes(self, file: str, num_events: int) -> NDArray[np.float32]:
        """The 0/1 vectors [num_events, num_classes] of a file of any type."""
        path = self.paths[file]
        stored = stored_matrix(path)
        for start in range(0, 0 if stored.dtype == torch.bool else len(stored), ROWS_PER_CHUNK):
            rows = stored[start : start + ROWS_PER_CHUNK].double()
            wrong = ((rows != 0) & (rows != 1)).nonzero()
            if len(wrong):
                row, column = wrong[0].tolist()
                raise ValueError(
                    f"{path}, row {start + row}: class {column} is {rows[row, column].item():g}: "
                    "it must be 1 where the event has the class and 0 elsewhere"
                )
        classes = self.of_events(file, num_events)
        assert classes is not None
        return classes.numpy()


@dataclass(frozen=True)
class GDELTLite(Published):
    """The files of the archive at ``url``, or the same files loose in folder ``name``.

    They are a TGL folder, split by ``ext_roll``. Source: GraphMixer (ICLR 2023).
    """

    locating: ClassVar[tuple[str, ...]] = ("url", "sha256", "num_nodes", "num_events")

    url: str | None = None
    sha256: str | None = None
    use_features: bool = True

    def paths(self, locations: Locations) -> dict[str, Path]:
        return {
            file: fetch_member(locations, self.name, file, self.url, self.sha256)
            for file in (FILES if self.use_features else FILES[:1])
        }

    def load(self, locations: Locations) -> Dataset:
        self.paths(locations)
        edge_features, node_features = FILES[1:] if self.use_features else (None, None)
        folder = TGL(
            self.name,
            edge_features=edge_features,
            node_features=node_features,
            node_labels=None,
            num_nodes=self.num_nodes,
            num_events=self.num_events,
        )
        return folder.load(locations)
