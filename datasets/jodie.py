"""JODIE csv: wikipedia, reddit, mooc and lastfm, with or without feature columns."""

from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from benchmark.datasets.assemble import assemble
from benchmark.datasets.chronology import count_out_of_order, split_by_time, stable_order
from benchmark.datasets.dataset import Dataset, LabelKind, Source
from benchmark.datasets.locations import Locations
from benchmark.datasets.prepared import prepared_tensors
from benchmark.datasets.storage import sha256_of
from benchmark.datasets.text import open_text, read_number_rows, whole_file
from benchmark.datasets.validate import (
    FractionalTimes,
    check_features,
    check_ids,
    check_labels,
    check_statistics,
    check_times,
)

COLUMNS = ("user_id", "item_id", "timestamp", "state_label")
CACHE_VERSION = 1  # raise it when what is kept in the cache changes its meaning


def load_jodie(
    locations: Locations,
    name: str,
    url: str | None,
    sha256: str | None = None,
    num_nodes: int | None = None,
    num_events: int | None = None,
    num_labels: int | None = None,
    use_features: bool = True,
    fractional_times: FractionalTimes = "refuse",
    validation_fraction: float = 0.15,
    test_fraction: float = 0.15,
) -> Dataset:
    """The stream in ``NAME.csv``: a header, then user, item, timestamp, state_label[, features].

    Items follow the users in one numbering; ``y`` is the state label of the user (class 1: banned
    or dropped out after this event). ``num_nodes``, ``num_events`` and ``num_labels`` (events of
    class 1) are the published counts that the file must have. Source: JODIE (KDD 2019).
    """
    path = locations.fetch(name, f"{name}.csv", url, sha256)
    digest = sha256_of(path)
    parsed = f"{path.name}-{digest[:16]}-{fractional_times}-v{CACHE_VERSION}.pt"
    columns = prepared_tensors(
        locations.cache / name / parsed, lambda: _parse(path, fractional_times)
    )
    y = columns["y"].numpy()
    found = {
        "num_nodes": int(columns["num_nodes"]),
        "num_events": len(y),
        "num_labels": int(np.count_nonzero(y)),
    }
    published = {"num_nodes": num_nodes, "num_events": num_events, "num_labels": num_labels}
    check_statistics(name, found, published)
    labelled = found["num_labels"] > 0
    return assemble(
        name,
        columns["src"].numpy(),
        columns["dst"].numpy(),
        columns["t"].numpy(),
        split=lambda t: split_by_time(t, validation_fraction, test_fraction),
        source=Source(f"JODIE csv {path}", {path.name: digest}, int(columns["moved_rows"])),
        num_nodes=found["num_nodes"],
        bipartite=True,
        features=columns["msg"] if use_features else None,
        labels=y if labelled else None,
        label_kind=LabelKind.NODE if labelled else LabelKind.NONE,
        num_classes=int(y.max()) + 1 if labelled else 0,
    )


def _parse(path: Path, fractional_times: FractionalTimes) -> dict[str, Tensor]:
    """The checked columns of the file, sorted by time."""
    _check_header(path)
    table = read_number_rows(path, ",", num_leading=len(COLUMNS), skipped_lines=1)
    user, item, timestamp, state_label = table.leading.T
    src = check_ids(user, "user_id", table.rows)
    dst = check_ids(item, "item_id", table.rows) + src.max() + 1
    t = check_times(timestamp, "timestamp", table.rows, fractional_times)
    y = check_labels(state_label, "state_label", table.rows)
    check_features(table.features, table.rows)
    order = stable_order(t)
    columns = {"src": src[order], "dst": dst[order], "t": t[order], "y": y[order]}
    return {
        **{key: torch.from_numpy(values) for key, values in columns.items()},
        "msg": torch.from_numpy(table.features[order]),
        "num_nodes": torch.tensor(int(dst.max()) + 1),
        "moved_rows": torch.tensor(count_out_of_order(t)),
    }


def _check_header(path: Path) -> None:
    # The public files name four columns and then one "comma_separated_list_of_features" for all.
    with whole_file(path), open_text(path) as file:
        header = file.readline().strip()
    if not header.replace(" ", "").lower().startswith(",".join(COLUMNS)):
        raise ValueError(
            f"{path}, line 1: the header starts with {header[:60]!r} where {','.join(COLUMNS)} is "
            "expected: add it, or load the file with dataset=table"
        )
