"""The link prediction data sets of TGB, read by its own package py-tgb."""

from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from benchmark.datasets.dataset import Dataset, Source, Split
from benchmark.datasets.exact import Times
from benchmark.datasets.loader import Published, assemble
from benchmark.datasets.validate import (
    FileRows,
    check_features,
    check_ids,
    check_times,
)
from benchmark.storage.locations import Locations, fetch_member
from benchmark.storage.prepared import prepared_tensors

CACHE_VERSION = 1  # raise it when what is kept in the cache changes its meaning
PREFIX = "tgbl-"
NODE_FEATURES = {"tgbl-flight": "airport_node_feat"}


@dataclass(frozen=True)
class TGB(Published):
    """The stream of ``tgbl-wiki``, ``tgbl-review``, ... with TGB's split, without its negatives.

    ``sha256`` is that of the zip archive; ``num_nodes`` and ``num_events`` are the published
    counts. Source: TGB (NeurIPS 2023, arXiv 2307.01026).
    """

    locating: ClassVar[tuple[str, ...]] = ("sha256", "num_nodes", "num_events")

    sha256: str | None = None
    use_features: bool = True

    def paths(self, locations: Locations) -> dict[str, Path]:
        """The edge list, and the node features where there are any, in py-tgb's version."""
        info = _import("tgb.utils.info", self.name)
        known = sorted(key for key in info.DATA_URL_DICT if key.startswith(PREFIX))
        if self.name not in known:
            raise ValueError(f"dataset.name is {self.name!r}: py-tgb has {', '.join(known)}")
        version = info.DATA_VERSION_DICT[self.name]
        ending = f"_v{version}.csv" if version > 1 else ".csv"
        needed = [f"{self.name}_edgelist{ending}"]
        if self.name in NODE_FEATURES:
            needed.append(NODE_FEATURES[self.name] + ending)
        url = info.DATA_URL_DICT[self.name]
        folder = _folder(self.name)
        return {file: fetch_member(locations, folder, file, url, self.sha256) for file in needed}

    def load(self, locations: Locations) -> Dataset:
        files = self.paths(locations)
        checksums = self.checksums(locations)
        key = "-".join(digest[:16] for digest in checksums.values())
        kept = locations.cache / _folder(self.name) / f"{self.name}-{key}-v{CACHE_VERSION}"
        columns = prepared_tensors(kept, lambda: _read(self.name, files, kept))
        src, dst, t = (columns[key].numpy() for key in ("src", "dst", "t"))
        static = columns.get("node_features") if self.use_features else None
        train, validation = columns["part_sizes"].tolist()
        edges = next(iter(files.values()))
        dataset = assemble(
            self.name,
            src,
            dst,
            Times(t),
            split=Split(train, train + validation, len(t)),
            source=Source(f"TGB {edges.resolve()}", checksums, Times(t).moved_rows),
            num_nodes=None if static is None else len(static),
            features=columns.get("features") if self.use_features else None,
            node_features=static,
        )
        self.check_counts(dataset)
        return dataset


def _folder(name: str) -> str:
    return name.replace("-", "_")


def _read(name: str, files: dict[str, Path], kept: Path) -> dict[str, Tensor]:
    """What py-tgb reads out of the files, checked; what it writes beside them is thrown away.

    Raises ValueError when it cannot read them.
    """
    dataset = _import("tgb.linkproppred.dataset", name).LinkPropPredDataset
    edges = next(iter(files.values()))
    with TemporaryDirectory(dir=kept.parent, prefix=f".{kept.name}.", suffix=".tmp") as own:
        for file, path in files.items():
            (Path(own) / file).symlink_to(path.resolve())
        try:
            # An absolute dir_name replaces the folder inside the installed package.
            tgb = dataset(name, meta_dict={"dir_name": own}, download=False)
        except (ValueError, IndexError, KeyError, EOFError) as error:
            raise ValueError(f"py-tgb cannot read {edges} ({error}): correct it") from error
    rows = FileRows(edges, first=2)
    data = tgb.full_data
    columns: dict[str, NDArray[Any]] = {
        "src": check_ids(data["sources"], "source", rows),
        "dst": check_ids(data["destinations"], "destination", rows),
        "t": check_times(data["timestamps"], "time", rows).whole,
        "part_sizes": np.array([tgb.train_mask.sum(), tgb.val_mask.sum()]),
    }
    if tgb.edge_feat is not None:
        columns["features"] = np.asarray(tgb.edge_feat, np.float32)
        check_features(columns["features"], rows)
    if tgb.node_feat is not None:
        columns["node_features"] = np.asarray(tgb.node_feat, np.float32)
    return {key: torch.from_numpy(values) for key, values in columns.items()}


def _import(module: str, name: str) -> Any:
    try:
        return import_module(module)
    except ImportError as error:
        raise ValueError(
            f"data set {name} needs py-tgb: pip install 'disttgl-benchmark[tgb]'"
        ) from error
