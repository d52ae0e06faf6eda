"""Checkpoints that are either whole or not there."""

import os
import shutil
from pathlib import Path
from typing import Any

import torch

from benchmark.training.processes import Processes


class Checkpoints:
    """The latest checkpoint of a run, one file per process under ``folder``.

    ``folder/latest`` names the newest sub-folder in which every process has written its file; it
    is replaced in one step, so a kill at any moment leaves the previous or the new checkpoint.
    """

    def __init__(self, folder: Path, processes: Processes) -> None:
        self.folder = folder
        self.processes = processes
        self.pointer = folder / "latest"

    def save(self, name: str, state: dict[str, Any]) -> None:
        """Write the ``state`` of this process into the checkpoint ``name``; a collective call.

        ``name`` must be another one each time, or a kill would leave half of the old one.
        """
        target = self.folder / name
        if self.processes.rank == 0:
            # A run that was cut short here may have had more processes.
            shutil.rmtree(target, ignore_errors=True)
            target.mkdir(parents=True)
        self.processes.barrier()
        torch.save(state, target / self._file())
        self.processes.barrier()
        if self.processes.rank == 0:
            temporary = self.folder / "latest.tmp"
            temporary.write_text(name)
            os.replace(temporary, self.pointer)
            self._remove_all_but(name)

    def load(self) -> dict[str, Any] | None:
        """The state that this process saved last, or None.

        Raises ValueError if the checkpoint was written by another number of processes.
        """
        if not self.pointer.exists():
            return None
        target = self.folder / self.pointer.read_text()
        written = len(list(target.glob("rank*.pt")))
        if written != self.processes.world_size:
            raise ValueError(
                f"The checkpoint {target} was written by {written} processes, not by "
                f"{self.processes.world_size}: resume with that number or delete the folder."
            )
        return torch.load(target / self._file(), weights_only=True)

    def _file(self) -> str:
        return f"rank{self.processes.rank}.pt"

    def _remove_all_but(self, name: str) -> None:
        for entry in self.folder.iterdir():
            if entry.is_dir() and entry.name != name:
                shutil.rmtree(entry)
