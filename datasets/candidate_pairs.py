"""The user's own candidate pairs: a file or frame of sources, destinations and times."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray

from benchmark.datasets.dataset import UNKNOWN, Dataset, EventBatch
from benchmark.datasets.exact import texts
from benchmark.datasets.reading import read_table
from benchmark.datasets.table_columns import filled
from benchmark.datasets.validate import (
    FileRows,
    FractionalTimes,
    check_columns,
    check_not_empty,
    check_times_or_dates,
)

COLUMNS = ("source", "destination", "time")
NANOSECONDS = {"ns": 1, "us": 10**3, "ms": 10**6, "s": 10**9}
LARGEST = 2**63 - 1
NO_EVENT = -1  # the id of a pair


@dataclass(frozen=True)
class CandidatePairs:
    """Pairs that a run can be asked about: the ``frame`` as it was given, and its ``events``.

    An event's ``start`` and ids mean nothing; ``places`` [num_pairs] is how many events of the
    stream are earlier than it.
    """

    frame: pd.DataFrame
    events: EventBatch
    places: NDArray[np.int64]


def candidate_pairs(
    pairs: Path | pd.DataFrame, dataset: Dataset, fractional: FractionalTimes
) -> CandidatePairs:
    """Read ``COLUMNS``, with the names of nodes and the times as in the files of ``dataset``.

    Raises:
        ValueError: For a node that the data set does not have, and a time at or before its last
            training event, which the network was trained with; names the file and the row.
    """
    frame, rows = _read(pairs)
    ends: dict[str, torch.Tensor] = {}
    for column, find in (
        ("source", dataset.names.sources),
        ("destination", dataset.names.destinations),
    ):
        named = filled(frame, column, rows)
        nodes = find(named)
        if (unknown := np.flatnonzero(nodes == UNKNOWN)).size:
            raise ValueError(
                f"{rows.place(unknown[0])}: {column} {named[unknown[0]]!r} is no {column} of data "
                f"set '{dataset.name}', of which the run knows nothing: remove the row, or train "
                "with data that has it"
            )
        ends[column] = torch.from_numpy(nodes)
    times = _times(frame, rows, dataset, fractional)
    stream = dataset.stream.t.numpy()
    places = np.searchsorted(stream, times)
    early = np.flatnonzero(places < dataset.split.train_end)
    if early.size:
        last = int(stream[dataset.split.train_end - 1]) + dataset.start_time
        unit = f" {dataset.source.time_unit} since 1970" if dataset.source.time_unit else ""
        time = frame["time"].iloc[early[0]]
        raise ValueError(
            f"{rows.place(early[0])}: time {time} is not after {last}{unit}, the time of the last "
            "event that the run was trained on: a score would tell what it was shown, so ask about "
            "later times"
        )
    ids = torch.full((len(frame),), NO_EVENT)
    ends_and_times = ends["source"], ends["destination"], torch.from_numpy(times)
    return CandidatePairs(frame, EventBatch(0, ids, *ends_and_times), places)


def _read(pairs: Path | pd.DataFrame) -> tuple[pd.DataFrame, FileRows]:
    """The columns as text, and where their rows stand."""
    if isinstance(pairs, Path):
        if not pairs.is_file():
            raise FileNotFoundError(f"{pairs} is no file: name one with {', '.join(COLUMNS)}")
        frame, rows = read_table(pairs, COLUMNS[:2], COLUMNS[2], (), None, None)
        return frame[[*COLUMNS]], rows
    rows = FileRows(Path("pairs"), first=0, unit="row")
    check_columns(rows.path, map(str, pairs.columns), COLUMNS)
    check_not_empty(len(pairs), rows.path)
    return pairs[[*COLUMNS]].reset_index(drop=True), rows


def _times(
    frame: pd.DataFrame, rows: FileRows, dataset: Dataset, fractional: FractionalTimes
) -> NDArray[np.int64]:
    """Times of the stream, which counts from its first event."""
    unit = dataset.source.time_unit
    cut = fractional if unit else "floor"  # of whole numbers every fraction is refused below
    found = check_times_or_dates(frame["time"], "time", rows, cut)
    if (found.unit is None) != (unit is None):
        kinds = ("numbers", "dates") if found.unit is None else ("dates", "numbers")
        raise ValueError(
            f"{rows.path}: its times are {kinds[0]} and those of data set '{dataset.name}' are "
            f"{kinds[1]}: write them as {kinds[1]}"
        )
    per_unit = (NANOSECONDS[found.unit], NANOSECONDS[unit]) if found.unit and unit else (1, 1)
    exact = found.whole.astype(object) * per_unit[0]  # Python's integers
    finer = exact % per_unit[1] != 0
    if found.fraction is not None and fractional == "refuse":
        finer |= found.fraction != 0
    if finer.any():
        first = int(finer.argmax())
        raise ValueError(
            f"{rows.place(first)}: time {texts(frame['time'])[first]} is finer than the times of "
            f"data set '{dataset.name}', which counts in {unit or 'whole numbers'}: round it"
        )
    shifted = exact // per_unit[1] - dataset.start_time
    if (far := np.flatnonzero(np.abs(shifted) > LARGEST)).size:
        raise ValueError(f"{rows.place(far[0])}: time is beyond 64 bits: correct it")
    return shifted.astype(np.int64)
