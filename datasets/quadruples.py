"""Temporal knowledge graphs: lines of ``SUBJECT RELATION OBJECT TIME``, in one file per split."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmark.datasets.assemble import assemble
from benchmark.datasets.chronology import count_out_of_order
from benchmark.datasets.dataset import Dataset, LabelKind, Source, Split
from benchmark.datasets.locations import Locations
from benchmark.datasets.storage import sha256_of
from benchmark.datasets.text import read_number_rows
from benchmark.datasets.validate import check_ids, check_labels, check_statistics, check_times

FILES = ("train.txt", "valid.txt", "test.txt")
NUM_COLUMNS = 4


def load_quadruples(
    locations: Locations,
    name: str,
    url: str | None,
    num_nodes: int | None = None,
    num_events: int | None = None,
    num_relations: int | None = None,
) -> Dataset:
    """The events of train.txt, valid.txt and test.txt, plain or gzipped; the files are the split.

    ``y`` is the relation, one edge class per event. Further columns are ignored. ``FILE`` is
    fetched from the folder ``url`` where it is missing. ``num_nodes``, ``num_events`` and
    ``num_relations`` are the published counts. Raises ValueError when a file begins before the end
    of the one before it. Source of the layout: RE-Net (EMNLP 2020).
    """
    paths = [locations.fetch(name, file, url and f"{url}/{file}") for file in FILES]
    parts = [_read(path) for path in paths]
    for i, later in enumerate(parts[1:], start=1):
        _check_follows(parts[i - 1], paths[i - 1], later, paths[i])
    src, relation, dst, t = np.concatenate(parts, axis=1)
    found = {
        "num_nodes": int(max(src.max(), dst.max())) + 1,
        "num_events": len(t),
        "num_relations": int(relation.max()) + 1,
    }
    published = {
        "num_nodes": num_nodes,
        "num_events": num_events,
        "num_relations": num_relations,
    }
    check_statistics(name, found, published)
    train_end, validation_end, _ = np.cumsum([part.shape[1] for part in parts]).tolist()
    return assemble(
        name,
        src,
        dst,
        t,
        split=lambda t: Split(train_end, validation_end, len(t)),
        source=Source(
            f"quadruples {', '.join(map(str, paths))}",
            {path.name: sha256_of(path) for path in paths},
            count_out_of_order(t),
        ),
        num_nodes=found["num_nodes"],
        bipartite=False,
        labels=relation,
        label_kind=LabelKind.EDGE,
        num_classes=found["num_relations"],
    )


def _read(path: Path) -> NDArray[np.int64]:
    """Subject, relation, object and time, [4, num_events]."""
    table = read_number_rows(path, None, num_leading=NUM_COLUMNS, skipped_lines=0)
    subject, relation, object_, time = table.leading.T
    return np.stack(
        [
            check_ids(subject, "subject", table.rows),
            check_labels(relation, "relation", table.rows),
            check_ids(object_, "object", table.rows),
            check_times(time, "time", table.rows),
        ]
    )


def _check_follows(
    earlier: NDArray[np.int64], earlier_path: Path, later: NDArray[np.int64], later_path: Path
) -> None:
    """Refuse a split by files that is not one in time."""
    end = earlier[3].max()
    row = int(later[3].argmin())
    if later[3, row] < end:
        raise ValueError(
            f"{later_path}, line {row + 1}: time {later[3, row]} is earlier than {end}, the end of "
            f"{earlier_path.name}: the files must follow each other in time"
        )
