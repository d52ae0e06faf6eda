"""The files of a TGL folder: edges.csv of any size, labels, and matrices mapped as float32."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from zipfile import is_zipfile

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from torch import Tensor

from benchmark.datasets.dataset import UNLABELLED
from benchmark.datasets.exact import Times
from benchmark.datasets.reading import chunks, read_text
from benchmark.datasets.text_rows import TextRows, text_rows
from benchmark.datasets.validate import (
    FileRows,
    FractionalTimes,
    check_features,
    check_ids,
    check_labels,
    check_sorted,
    check_times,
)
from benchmark.storage.formats import packing_of
from benchmark.storage.prepared import Piece, prepared_pieces, prepared_tensors

EDGES = ("src", "dst", "time", "ext_roll")
LABELS = ("node", "time", "label")
ROW_NUMBERS = ("", "Unnamed: 0")  # the column that pandas leaves unnamed, and its name once read
ROLLS = (0, 1, 2)  # train, validation, test
ROWS_PER_CHUNK = 1 << 16  # of a matrix
Ids = NDArray[np.int64]


def edge_pieces(path: Path, fractional_times: FractionalTimes) -> Iterator[Piece]:
    """``src``, ``dst`` and ``t`` int64, some rows at a time, and at last ``rolls`` [3].

    ``rolls`` counts the events of each part of the split.
    """
    rolls = np.zeros(len(ROLLS), np.int64)
    last_time, last_roll = Times(np.zeros(0, np.int64)), np.zeros(0, np.int64)
    layout = text_rows(path, EDGES, separators=(",",))
    for frame, rows in chunks(layout, whole=(*EDGES, *ROW_NUMBERS)):
        _check_row_numbers(frame, rows, int(rolls.sum()))
        times = check_times(frame["time"], "time", rows, fractional_times)
        roll = check_labels(frame["ext_roll"], "ext_roll", rows)
        # The last row of the chunk before stands in front, so that order is checked across chunks.
        before = replace(rows, offset=rows.offset - len(last_roll))
        check_sorted(Times.joined([last_time, times]), "time", before)
        _check_rolls(np.concatenate([last_roll, roll]), before)
        yield {
            "src": check_ids(frame["src"], "src", rows),
            "dst": check_ids(frame["dst"], "dst", rows),
            "t": times.whole,
        }
        rolls += np.bincount(roll, minlength=len(ROLLS))
        last_time, last_roll = times.part(slice(-1, None)), roll[-1:]
    yield {"rolls": rolls}


def node_labels(
    path: Path | None, src: Ids, t: Ids, fractional_times: FractionalTimes
) -> tuple[Ids | None, str]:
    """One label per event, and a remark on labels that belong to no event.

    The k-th label of a (node, time) goes to the k-th event with this source and time.
    """
    if path is None:
        return None, ""
    rows = text_rows(path, LABELS, separators=(",",))
    frame = read_text(rows, LABELS)
    given = pd.DataFrame({"node": check_ids(frame["node"], "node", rows)})
    given["time"] = check_times(frame["time"], "time", rows, fractional_times).whole
    # Few nodes of a large graph have labels: only their events are looked at.
    candidates = np.flatnonzero(np.isin(src, given["node"].unique()))
    events = pd.DataFrame({"node": src[candidates], "time": t[candidates]})
    for part in (given, events):
        part["turn"] = part.groupby(["node", "time"]).cumcount()
    given["label"] = check_labels(frame["label"], "label", rows)
    label = events.merge(given, how="left")["label"]
    unused = len(given) - int(label.notna().sum())
    if unused == len(given):
        raise ValueError(
            f"{path}: no (node, time) is the source and time of an event in edges.csv: check that "
            "both files count nodes and time alike"
        )
    labels = np.full(len(src), UNLABELLED)
    labels[candidates] = label.fillna(UNLABELLED)
    return labels, f", {unused} of {len(given)} labels belong to no event" if unused else ""


def _check_row_numbers(frame: pd.DataFrame, rows: TextRows, start: int) -> None:
    for name in {*frame.columns} & {*ROW_NUMBERS}:
        index = check_ids(frame[name], "the index", rows)
        wrong = np.flatnonzero(index != np.arange(start, start + len(index)))
        if wrong.size:
            raise ValueError(
                f"{rows.place(wrong[0])}: the index is {index[wrong[0]]} on row "
                f"{start + wrong[0]}: the feature files refer to events by row, so number the rows "
                "0, 1, 2, ..."
            )


def _check_rolls(ext_roll: Ids, rows: TextRows) -> None:
    """Refuse what is not 0, then 1, then 2."""
    wrong = np.flatnonzero(~np.isin(ext_roll, ROLLS))
    if wrong.size:
        raise ValueError(
            f"{rows.place(wrong[0])}: ext_roll is {ext_roll[wrong[0]]}: it must be 0 (train), "
            "1 (validation) or 2 (test)"
        )
    back = np.flatnonzero(ext_roll[1:] < ext_roll[:-1])
    if back.size:
        raise ValueError(
            f"{rows.place(back[0] + 1)}: ext_roll goes back from {ext_roll[back[0]]} to "
            f"{ext_roll[back[0] + 1]}: the split must be chronological"
        )


def stored_matrix(path: Path) -> Tensor:
    """The mapped matrix [rows, width] of a file, of the type that it has; a column for a vector.

    Raises ValueError when the file holds something else.
    """
    remedy = "write it with torch.save(tensor, path)"
    try:
        # Only the format of torch 1.6 and later can be mapped.
        tensor = torch.load(path, map_location="cpu", weights_only=True, mmap=is_zipfile(path))
    except Exception as error:  # what torch raises depends on where the file is wrong
        found = packing_of(path)
        named = f" and is {found}" if found not in (None, "a zip archive") else ""
        raise ValueError(f"{path} cannot be read as a tensor{named}: {remedy}") from error
    if not isinstance(tensor, Tensor):
        found = type(tensor).__name__
        raise ValueError(f"{path} holds a {found} where a tensor is expected: {remedy}")
    if tensor.layout != torch.strided or tensor.is_quantized or tensor.is_meta:
        raise ValueError(
            f"{path} holds a tensor that is sparse, quantized or without values: write it with "
            "torch.save(tensor.to_dense(), path)"
        )
    if tensor.is_complex() or tensor.dim() not in (1, 2):
        raise ValueError(
            f"{path} holds {tensor.dtype} {list(tensor.shape)} where a matrix of real numbers of "
            "shape [rows, dim] is expected"
        )
    matrix = tensor.detach()
    return matrix if matrix.dim() == 2 else matrix[:, None]


def as_float32(matrix: Tensor, path: Path, kept: Path) -> Tensor:
    """``matrix`` [rows, width], which the file ``path`` holds, as mapped float32.

    The first time it is read through, a part at a time; another type is converted into the folder
    ``kept``. Raises ValueError where a value is not finite or too large to be computed with.
    """
    chunks = _checked_chunks(matrix, path)
    if matrix.dtype != torch.float32:
        return prepared_pieces(kept, lambda: ({"rows": rows.numpy()} for rows in chunks))["rows"]
    prepared_tensors(kept, lambda: {"checked": torch.tensor(sum(map(len, chunks)))})
    return matrix


def _checked_chunks(matrix: Tensor, path: Path) -> Iterator[Tensor]:
    for start in range(0, len(matrix), ROWS_PER_CHUNK):
        rows = matrix[start : start + ROWS_PER_CHUNK]
        check_features(rows.double().numpy(), FileRows(path, first=start, unit="row"))
        yield rows.float()
