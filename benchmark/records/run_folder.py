"""The record of one experiment: a folder whose ``result.json`` is written last."""

import contextlib
import json
import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml
from filelock import FileLock, Timeout

from benchmark.errors import UserError
from benchmark.records.schema import config_of_today, line_of_today, result_of_today

HEARTBEAT_INTERVAL = 1.0  # seconds


class RunFolder:
    """Reads and writes the record of one experiment.

    ``config.yaml`` is the resolved configuration, ``environment.json`` the hardware and versions,
    ``metrics.jsonl`` the values as they come, ``log.txt`` the output of the processes,
    ``heartbeat/`` how far each process is, ``checkpoint/`` belongs to the training code, and
    ``result.json``, written last and in one step, means that the experiment has ended.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self.log_path = self.path / "log.txt"
        self._result_path = self.path / "result.json"
        self._metrics_path = self.path / "metrics.jsonl"
        self._last_heartbeat: tuple[str, float] = ("", 0.0)

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Hold the folder against other runs; raises ``UserError`` if one holds it."""
        self.path.mkdir(parents=True, exist_ok=True)
        holder = self.path / "holder"
        try:
            with FileLock(self.path / "lock", timeout=0):
                holder.write_text(str(os.getpid()))
                yield
        except Timeout:
            raise UserError(
                f"{self.path} is being run by process {holder.read_text()}; wait for it "
                "or choose another results_dir."
            ) from None

    def prepare(self, config: dict[str, Any]) -> None:
        """Make the folder ready for a run; what a checkpoint can go on from stays."""
        self.path.mkdir(parents=True, exist_ok=True)
        self._result_path.unlink(missing_ok=True)
        shutil.rmtree(self.path / "heartbeat", ignore_errors=True)
        for leftover in self.path.glob("failure-rank*.json"):
            leftover.unlink()
        if not self.resumable():
            self._metrics_path.unlink(missing_ok=True)
        self.write_config(config)

    def resumable(self) -> bool:
        """Whether an earlier run has left a checkpoint."""
        return (self.path / "checkpoint").exists()

    def config(self) -> dict[str, Any]:
        """The settings of the experiment; those of an earlier version under today's names.

        Raises FileNotFoundError where there are none.
        """
        return config_of_today(yaml.safe_load((self.path / "config.yaml").read_text()))

    def write_config(self, config: dict[str, Any]) -> None:
        """Write ``config.yaml``."""
        text = yaml.safe_dump(config, sort_keys=False, allow_unicode=True)
        _write_whole(self.path / "config.yaml", text)

    def log(self, values: dict[str, Any]) -> None:
        """Append one line to ``metrics.jsonl``."""
        with open(self._metrics_path, "a") as file:
            file.write(json.dumps(values, default=float) + "\n")

    def metrics(self) -> list[dict[str, Any]]:
        """The lines of ``metrics.jsonl``; one that a kill has cut short is left out."""
        if not self._metrics_path.exists():
            return []
        lines = self._metrics_path.read_text().splitlines(keepends=True)
        return [line_of_today(json.loads(line)) for line in lines if line.endswith("\n")]

    def truncate_metrics(self, iteration: int) -> None:
        """Drop the lines past ``iteration``, which a resumed run will write again."""
        kept = [line for line in self.metrics() if line["iteration"] <= iteration]
        text = "".join(json.dumps(line) + "\n" for line in kept)
        _write_whole(self._metrics_path, text)

    def heartbeat(self, rank: int, phase: str, done: int, total: int) -> None:
        """Say that process ``rank`` is alive and how far it is; cheap enough for every iteration.

        To be called by the code that does the work, so that a hang shows.
        """
        last_phase, last_time = self._last_heartbeat
        now = time.monotonic()
        if phase == last_phase and done < total and now - last_time < HEARTBEAT_INTERVAL:
            return
        self._last_heartbeat = (phase, now)
        beat = {"pid": os.getpid(), "time": time.time(), "phase": phase}
        (self.path / "heartbeat").mkdir(exist_ok=True)
        path = self.path / "heartbeat" / f"rank{rank}.json"
        _write_whole(path, json.dumps({**beat, "done": done, "total": total}), durable=False)

    def heartbeats(self) -> dict[int, dict[str, Any]]:
        """The last heartbeat of every process that has given one, by rank."""
        paths = (self.path / "heartbeat").glob("rank*.json")
        return {int(path.stem.removeprefix("rank")): json.loads(path.read_text()) for path in paths}

    def note_failure(self, rank: int, reason: str, killed: bool = False) -> None:
        """Say in one sentence why process ``rank`` ended."""
        failure = {"rank": rank, "reason": reason, "killed": killed, "time": time.time()}
        _write_whole(self.path / f"failure-rank{rank}.json", json.dumps(failure))

    def failures(self) -> list[dict[str, Any]]:
        """Why processes ended, the likely cause first: a killed one makes the others fail."""
        paths = self.path.glob("failure-rank*.json")
        failures = [json.loads(path.read_text()) for path in paths]
        return sorted(failures, key=lambda failure: (not failure["killed"], failure["time"]))

    def finish(self, result: dict[str, Any]) -> None:
        """Write ``result.json``: the experiment has ended."""
        text = json.dumps(result, indent=2, default=float) + "\n"
        _write_whole(self._result_path, text)

    def result(self) -> dict[str, Any] | None:
        """The content of ``result.json``, or None while there is no whole one."""
        with contextlib.suppress(FileNotFoundError, json.JSONDecodeError):
            result = json.loads(self._result_path.read_text())
            return result_of_today(result) if isinstance(result, dict) else None
        return None


def _write_whole(path: Path, text: str, durable: bool = True) -> None:
    """Replace a file in one step; ``durable`` waits until it would survive a power cut."""
    temporary = path.with_name(f"{path.name}.{os.getpid()}.tmp")
    with open(temporary, "w") as file:
        file.write(text)
        if durable:
            file.flush()
            os.fsync(file.fileno())
    os.replace(temporary, path)
