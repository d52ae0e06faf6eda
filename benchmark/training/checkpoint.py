"""Checkpoints that are whole, or passed over for the one before; beside them the best state."""

import hashlib
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO, cast

import torch

from benchmark.records.run_folder import RunFolder
from benchmark.records.seal import CONFIG, LINES, Prefix, beside, prefix_of
from benchmark.storage.files import (
    discard,
    publish,
    seal,
    sealed,
    temporary_path,
    writing_into,
    written_whole,
)
from benchmark.training.processes import Processes

KEPT = 2  # the newest, and the one before it should it come to be damaged
KEY = "results_dir"
PART = "part"  # marks the run folder of a machine that shares none with machine 0


class Checkpoints:
    """The last checkpoints of a run, one file per process in each sub-folder of ``checkpoint``.

    A checkpoint counts once every process has written its file, when rank 0 seals it: its manifest
    has their checksums and what ``metrics.jsonl``, and what else the task writes, held. So a kill
    at any moment leaves the one before, and of one that was damaged later, or whose lines were, no
    process goes on.

    Of several machines each may have a folder of its own, marked as a part: then the first process
    there seals what its machine has written, and all go on from the newest that is whole on each.
    """

    def __init__(self, folder: RunFolder, processes: Processes) -> None:
        self.record = folder
        self.folder = folder.path / "checkpoint"
        self.processes = processes
        self.parts = self._parts()
        self.limit = "~"  # the last name that ``load`` may take: after all of them
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
        if self._keeps_folder:
            # What a run that was cut short left here may be of more processes, or of other lines.
            for other in self._by_age():
                if other.name >= name:
                    discard(other)
        self.processes.barrier()
        sha256 = write_state(target / _file(self.processes.rank), state, KEY)
        self.processes.barrier()
        sums = self.processes.gather_objects(sha256)
        if self._keeps_folder:
            here = self.parts[self.processes.rank]
            files = {
                _file(rank): sums[rank] for rank, part in enumerate(self.parts) if part == here
            }
            held = {"lines": self.record.settled_metrics(), "beside": beside(self.record.path)}
            seal(target, KEY, sha256=files, processes=self.processes.world_size, **held)
            for old in self._by_age()[KEPT:]:
                discard(old)

    def load(self) -> dict[str, Any] | None:
        """The state that this process saved last, or None; the lines logged since are dropped.

        All processes come to the same one, each for itself. Raises ValueError if it was written by
        another number of processes.
        """
        while True:
            found = self._newest_whole()
            names = [found[0].name if found else ""]
            if any(self.parts):
                names = self.processes.gather_objects(*names)
            if "" in names or len(set(names)) == 1:
                break
            self.passed_over += [f"{max(names)} is not whole on every machine"]
            self.limit = min(names)
        if found is None or "" in names:
            if self._keeps_folder:
                self.record.cut_metrics(0)
            return None
        target, lines = found
        if self._keeps_folder:
            self.record.cut_metrics(lines.num_bytes)
        saved = target / _file(self.processes.rank)  # perhaps from another device
        return dict(torch.load(saved, map_location="cpu", weights_only=True))

    def _newest_whole(self) -> tuple[Path, Prefix] | None:
        """The newest checkpoint that nothing has damaged, up to ``limit``, and its lines."""
        for target in self._by_age():
            if target.name > self.limit:
                continue
            try:
                manifest = sealed(target)
                lines = Prefix(*manifest["lines"])
                if prefix_of(self.record.path / LINES, lines.num_bytes) != lines:
                    raise ValueError(f"{LINES} is not what it was at {target.name}")
                if beside(self.record.path) != manifest.get("beside", {}):
                    raise ValueError(f"a csv file is not what it was at {target.name}")
            except (ValueError, TypeError, KeyError, OSError) as error:
                self.passed_over.append(str(error))
                continue
            written = manifest.get("processes", len(manifest["sha256"]))
            if written != self.processes.world_size:
                raise ValueError(
                    f"The checkpoint {target} was written by {written} processes, not by "
                    f"{self.processes.world_size}: resume with that number or delete the folder."
                )
            return target, lines
        return None

    def _parts(self) -> list[int]:
        """By rank, the machine whose folder has its file; a collective call."""
        place = self.processes
        if place.machines == 1:
            return [0] * place.world_size
        marked = (self.record.path / PART).exists()
        return self.processes.gather_objects(place.machine if marked else 0)

    @property
    def _keeps_folder(self) -> bool:
        """Whether this process is the first of those whose files are in its folder."""
        return self.parts.index(self.parts[self.processes.rank]) == self.processes.rank

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


BEST = "best"
STATE = "state.pt"


@contextmanager
def staged_best(
    folder: RunFolder, state: dict[str, Any]
) -> Iterator[Callable[[dict[str, float]], None]]:
    """Write ``state`` now, and decide within the block whether ``best/`` is to hold it.

    Called with metrics, what is yielded lets ``best/`` hold the state, the experiment, and the
    metrics in a sealed manifest; as a whole or not at all. For one process of a run. A node memory
    so waits on disk, and not as a second one in memory, until its validation is done.
    """
    target = folder.path / BEST
    temporary = temporary_path(target)

    def keep(metrics: dict[str, float]) -> None:
        with writing_into(folder.path, KEY):
            seal(temporary, KEY, name=BEST, sha256=sums, metrics=metrics)
            publish(temporary, target)

    try:
        with writing_into(folder.path, KEY):
            temporary.mkdir()
            sums = {STATE: write_state(temporary / STATE, state, KEY)}
            shutil.copyfile(folder.path / CONFIG, temporary / CONFIG)
        yield keep
    finally:
        discard(temporary)


def read_best(path: Path, metrics: dict[str, float]) -> dict[str, Any]:
    """The state in ``best/`` of the run folder ``path``, on the CPU.

    Raises:
        ValueError: If there is none, it is damaged, or it is not that of the recorded ``metrics``.
    """
    target = path / BEST
    again = "give its command another results_dir to run it again"
    if not target.is_dir():
        raise ValueError(
            f"{path} has no {BEST}/, the state of its best validation (earlier versions kept none, "
            f"and kept records are text alone); {again}."
        )
    try:
        known = sealed(target)["metrics"]
    except (ValueError, KeyError) as error:
        raise ValueError(f"{path}: {error}; {again}.") from error
    wrong = [name for name, value in known.items() if metrics.get(name) != value]
    if wrong:
        raise ValueError(
            f"{target} is of another validation than the record: {wrong[0]} is {known[wrong[0]]} "
            f"there and {metrics.get(wrong[0])} in result.json; {again}."
        )
    return dict(torch.load(target / STATE, map_location="cpu", weights_only=True))
