"""SNAP text: lines of ``SRC DST UNIXTIME``, in one file or in one file per edge class."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from benchmark.datasets.assemble import assemble
from benchmark.datasets.chronology import count_out_of_order, split_by_time
from benchmark.datasets.dataset import Dataset, LabelKind, Source
from benchmark.datasets.locations import Locations
from benchmark.datasets.storage import sha256_of
from benchmark.datasets.text import NumberRows, open_text, read_number_rows, whole_file
from benchmark.datasets.validate import (
    FractionalTimes,
    check_ids,
    check_statistics,
    check_times,
)

NUM_COLUMNS = 3


def load_snap(
    locations: Locations,
    name: str,
    folder: str,
    files: Sequence[str],
    url: str | None,
    num_nodes: int | None = None,
    num_events: int | None = None,
    fractional_times: FractionalTimes = "refuse",
    validation_fraction: float = 0.15,
    test_fraction: float = 0.15,
) -> Dataset:
    """The events of all ``files`` (each plain or gzipped) in one stream.

    Nodes are numbered in the order of their original ids. With several files the position of an
    event's file is its edge class; events of equal time keep the order of files and lines.
    ``FILE.gz`` is fetched from the folder ``url`` where a file is missing.
    """
    paths = [locations.fetch(folder, file, url and f"{url}/{file}.gz") for file in files]
    tables = [_read(path) for path in paths]
    times = [check_times(x.leading[:, 2], "time", x.rows, fractional_times) for x in tables]
    nodes, edges = np.unique(
        np.concatenate([_edges(table) for table in tables]), return_inverse=True
    )
    src, dst = edges.reshape(-1, 2).T.copy()
    found = {"num_nodes": len(nodes), "num_events": len(src)}
    check_statistics(name, found, {"num_nodes": num_nodes, "num_events": num_events})
    classes = np.repeat(np.arange(len(files)), [len(t) for t in times])
    labelled = len(files) > 1
    return assemble(
        name,
        src,
        dst,
        np.concatenate(times),
        split=lambda t: split_by_time(t, validation_fraction, test_fraction),
        source=Source(
            f"SNAP text {', '.join(map(str, paths))}",
            {path.name: sha256_of(path) for path in paths},
            sum(count_out_of_order(t) for t in times),
        ),
        num_nodes=len(nodes),
        bipartite=False,
        labels=classes if labelled else None,
        label_kind=LabelKind.EDGE if labelled else LabelKind.NONE,
        num_classes=len(files) if labelled else 0,
    )


def _read(path: Path) -> NumberRows:
    with whole_file(path), open_text(path) as file:
        comments = 0
        while file.readline().startswith("#"):
            comments += 1
    table = read_number_rows(path, None, num_leading=NUM_COLUMNS, skipped_lines=comments)
    if table.features.shape[1]:
        raise ValueError(
            f"{table.rows.place(0)} has {NUM_COLUMNS + table.features.shape[1]} fields where "
            "source, destination and time are expected: remove the others, or use dataset=table"
        )
    return table


def _edges(table: NumberRows) -> np.ndarray:
    """Original ids, int64 [num_events, 2]."""
    columns = (
        check_ids(table.leading[:, i], n, table.rows)
        for i, n in enumerate(("source", "destination"))
    )
    return np.stack(list(columns), axis=1)
