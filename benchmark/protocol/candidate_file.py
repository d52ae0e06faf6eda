"""Evaluation candidates in a file, for other programs to rank or to compare with."""

import hashlib
import json
import os
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from benchmark.datasets.dataset import Dataset, SplitName
from benchmark.protocol.link_protocol import LinkProtocol


def candidates_checksum(candidates: Tensor) -> str:
    """sha256 over the shape and the little-endian int64 values."""
    values = np.ascontiguousarray(candidates.numpy(), dtype="<i8")
    return hashlib.sha256(f"{values.shape}".encode() + values.tobytes()).hexdigest()


def _facts(dataset: Dataset, split: SplitName, protocol: LinkProtocol) -> dict[str, Any]:
    return {
        "dataset": dataset.name,
        "split": split,
        "protocol": protocol.name,
        "negative_pool": str(protocol.negative_pool),
        "negative_sampling": str(protocol.negative_sampling),
        "num_negatives": protocol.num_negatives,
        "seed": protocol.seed,
    }


def save_candidates(
    path: Path, candidates: Tensor, dataset: Dataset, split: SplitName, protocol: LinkProtocol
) -> None:
    """Write the candidates of a whole split as npz (``candidates``, ``header``), atomically."""
    header = _facts(dataset, split, protocol) | {"sha256": candidates_checksum(candidates)}
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f"{path.name}.{os.getpid()}.part")
    try:
        with unfinished.open("wb") as file:
            np.savez(file, candidates=candidates.numpy(), header=np.array(json.dumps(header)))
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)


def load_candidates(
    path: Path, dataset: Dataset, split: SplitName, protocol: LinkProtocol
) -> Tensor:
    """The candidates of a whole split, int64 [num_events, 1 + num_negatives].

    Refuses a file that is damaged, that another choice of data set, split or protocol wrote, or
    whose true destinations are not this stream's.
    """
    if not path.exists():
        raise FileNotFoundError(f"{path} does not exist; write it with save_candidates first.")
    try:
        with np.load(path, allow_pickle=False) as archive:
            header = json.loads(str(archive["header"]))
            candidates = torch.from_numpy(archive["candidates"])
    except (zipfile.BadZipFile, KeyError, ValueError, EOFError) as problem:
        raise ValueError(
            f"{path} is not a readable candidates file ({problem}); write it again."
        ) from problem
    for fact, expected in _facts(dataset, split, protocol).items():
        if header.get(fact) != expected:
            raise ValueError(
                f"{path} was written for {fact} {header.get(fact)!r}, not {expected!r}; "
                "use the file that belongs to this run."
            )
    if header.get("sha256") != candidates_checksum(candidates):
        raise ValueError(f"{path} does not match its own checksum; write it again.")
    events = dataset.split.range(split)
    if not torch.equal(candidates[:, 0], dataset.stream.dst[events.start : events.stop]):
        raise ValueError(
            f"{path} holds other true destinations than the {split} split of '{dataset.name}'; "
            "it was written for another version of the data."
        )
    return candidates
