"""The link prediction data sets of TGB, read by its own package py-tgb."""

from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import numpy as np
import torch

from benchmark.datasets.archive import fetch_member
from benchmark.datasets.assemble import assemble
from benchmark.datasets.dataset import Dataset, Source, Split
from benchmark.datasets.locations import Locations
from benchmark.datasets.storage import exclusive, sha256_of
from benchmark.datasets.validate import (
    FileRows,
    check_features,
    check_ids,
    check_statistics,
    check_times,
)

PREFIX = "tgbl-"
NODE_FEATURES = {"tgbl-flight": "airport_node_feat"}


def load_tgb(
    locations: Locations,
    name: str,
    sha256: str | None = None,
    num_nodes: int | None = None,
    num_events: int | None = None,
    use_features: bool = True,
) -> Dataset:
    """The stream of ``tgbl-wiki``, ``tgbl-review``, ... with TGB's split, without its negatives.

    ``sha256`` is that of the zip archive; ``num_nodes`` and ``num_events`` are the published
    counts. Source: TGB (NeurIPS 2023, arXiv 2307.01026).
    """
    tgb = _open(locations, name, sha256)
    edges = Path(tgb.meta_dict["fname"])
    rows = FileRows(edges, first=2)
    data = tgb.full_data
    src = check_ids(data["sources"], "source", rows)
    dst = check_ids(data["destinations"], "destination", rows)
    t = check_times(data["timestamps"], "time", rows)
    features, static = (
        None if values is None or not use_features else np.asarray(values, np.float32)
        for values in (tgb.edge_feat, tgb.node_feat)
    )
    if features is not None:
        check_features(features, rows)
    found = {"num_nodes": int(max(src.max(), dst.max())) + 1, "num_events": len(t.whole)}
    check_statistics(name, found, {"num_nodes": num_nodes, "num_events": num_events})
    train, validation = (int(mask.sum()) for mask in (tgb.train_mask, tgb.val_mask))
    return assemble(
        name,
        src,
        dst,
        t,
        split=Split(train, train + validation, len(t.whole)),
        source=Source(f"TGB {edges.resolve()}", {edges.name: sha256_of(edges)}, t.moved_rows),
        num_nodes=found["num_nodes"],
        features=features,
        node_features=None if static is None else torch.from_numpy(static),
    )


def _open(locations: Locations, name: str, sha256: str | None) -> Any:
    """py-tgb's ``LinkPropPredDataset``, whose files are found or fetched like all others.

    What py-tgb writes goes into a folder of the cache that is named after the edge list, so that
    a changed file is never mistaken for the old one. Raises ValueError when py-tgb is missing,
    does not know the data set or cannot read its files.
    """
    try:
        from tgb.linkproppred.dataset import LinkPropPredDataset  # noqa: PLC0415  (optional)
        from tgb.utils.info import DATA_URL_DICT, DATA_VERSION_DICT  # noqa: PLC0415
    except ImportError as error:
        raise ValueError(
            f"data set {name} needs py-tgb: pip install 'disttgl-benchmark[tgb]'"
        ) from error
    known = sorted(key for key in DATA_URL_DICT if key.startswith(PREFIX))
    if name not in known:
        raise ValueError(f"dataset.name is {name!r}: py-tgb has {', '.join(known)}")
    version = DATA_VERSION_DICT[name]
    ending = f"_v{version}.csv" if version > 1 else ".csv"
    needed = [f"{name}_edgelist{ending}"]
    if name in NODE_FEATURES:
        needed.append(NODE_FEATURES[name] + ending)
    folder = name.replace("-", "_")
    files = [fetch_member(locations, folder, file, DATA_URL_DICT[name], sha256) for file in needed]
    own = locations.cache / folder / sha256_of(files[0])[:16]
    with exclusive(own.with_suffix(".lock")):
        own.mkdir(exist_ok=True)
        for file in files:
            link = own / file.name
            if not link.exists():
                link.symlink_to(file.resolve())
        try:
            # An absolute dir_name replaces the folder inside the installed package.
            return LinkPropPredDataset(name, meta_dict={"dir_name": str(own)}, download=False)
        except (ValueError, IndexError, KeyError, EOFError, UnpicklingError) as error:
            raise ValueError(
                f"py-tgb cannot read {files[0]} ({error}): correct it, or delete {own} if an "
                "earlier run was cut off"
            ) from error
