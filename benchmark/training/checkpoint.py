"""Checkpoints that are whole, or passed over for the one before."""

import hashlib
from pathlib import Path
from typing import Any, BinaryIO, cast

import torch

from benchmark.records.run_folder import RunFolder
from benchmark.records.seal import LINES, Prefix, prefix_of
from benchmark.storage.files import seal, sealed, written_whole
from benchmark.storage.leftovers import discard
from benchmark.training.processes import Processes

KEPT = 2  # the newest, and the one before it should it come to be damaged
KEY = "results_dir"


class Checkpoints:
    """The last checkpoints of a run, one file per process in each sub-folder of ``checkpoint``.

    A checkpoint counts once every process has written its file, when rank 0 seals it: its manifest
    has their checksums and what ``metrics.jsonl`` held. So a kill at any moment leaves the one
    before, and of one that was damaged later, or whose lines were, no process goes on.
    """

    def __init__(self, folder: RunFolder, processes: Processes) -> None:
        self.record = folder
        self.folder = folder.path / "checkpoint"
        self.processes = processes
        self.passed_over: list[str] = []  # why ``load`` did not take newer ones, a sentence each

    @property
    def newest(self) -> str | None:
        """The name of the last that was saved."""
        return next((path.name for path in self._by_age()), None)

    def save(self, name: str, state: dict[str, Any]) -> None:
        """Write the ``state`` of this process into the checkpoint ``name``; a collective call.

        ``name`` comes after those of earlier ones in the order of the alphabet.
        """
        target = self.folder / name
        if self.processes.rank == 0:
            # What a run that was cut short left here may be of more processes, or of other lines.
            for other in self._by_age():
                if other.name >= name:
                    discard(other)
        self.processes.barrier()
        sha256 = write_state(target / _file(self.processes.rank), state, KEY)
        self.processes.barrier()
        sums = self.processes.gather_objects(sha256)
        if self.processes.rank == 0:
            files = {_file(rank): found for rank, found in enumerate(sums)}
            seal(target, KEY, sha256=files, lines=self.record.settled_metrics())
            for old in self._by_age()[KEPT:]:
                discard(old)

    def load(self) -> dict[str, Any] | None:
        """The state that this process saved last, or None; the lines logged since are dropped.

        All processes come to the same one, each for itself. Raises ValueError if it was written by
        another number of processes.
        """
        for target in self._by_age():
            try:
                manifest = sealed(target)
                lines = Prefix(*manifest["lines"])
                if prefix_of(self.record.path / LINES, lines.num_bytes) != lines:
                    raise ValueError(f"{LINES} is not what it was at {target.name}")
            except (ValueError, TypeError, KeyError, OSError) as error:
                self.passed_over.append(str(error))
                continue
            written = len(manifest["sha256"])
            if written != self.processes.world_size:
                raise ValueError(
                    f"The checkpoint {target} was written by {written} processes, not by "
                    f"{self.processes.world_size}: resume with that number or delete the folder."
                )
            if self.processes.rank == 0:
                self.record.cut_metrics(lines.num_bytes)
            state = torch.load(target / _file(self.processes.rank), weights_only=True)
            return dict(state)
        if self.processes.rank == 0:
            self.record.cut_metrics(0)
        return None

    def _by_age(self) -> list[Path]:
        """The newest first; also those that were not finished."""
        folders = [path for path in self.folder.glob("[!.]*") if path.is_dir()]
        return sorted(folders, key=lambda path: path.name, reverse=True)


class _Summed:
    """What is written to ``file``, with its checksum.

    torch.save ends the process when a write fails, so ``error`` keeps it from knowing.
    """

    def __init__(self, file: BinaryIO) -> None:
        self.file = file
        self.sum = hashlib.sha256()
        self.error: OSError | None = None

    def write(self, content: bytes) -> int:
        self.sum.update(content)
        if self.error is None:
            try:
                self.file.write(content)
            except OSError as error:
                self.error = error
        return len(content)

    def flush(self) -> None:
        """The file is flushed when it is closed."""


def write_state(path: Path, state: dict[str, Any], key: str) -> str:
    """The sha256 of the file that now holds ``state``; raises PlaceError as ``written_whole``."""
    with written_whole(path, key) as temporary, temporary.open("wb") as file:
        summed = _Summed(file)
        torch.save(state, cast(BinaryIO, summed))
        if summed.error:
            raise summed.error
    return summed.sum.hexdigest()


def _file(rank: int) -> str:
    return f"rank{rank}.pt"
