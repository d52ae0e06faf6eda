"""The record of one experiment: a folder whose ``result.json`` is written last."""

import contextlib
import errno
import json
import os
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml
from filelock import FileLock, Timeout

from benchmark.errors import UserError
from benchmark.records.schema import (
    config_of_today,
    line_of_today,
    result_of_today,
    validate_result,
)
from benchmark.records.seal import (
    CONFIG,
    LINES,
    RESULT,
    SEAL,
    DamagedError,
    Prefix,
    check_seal,
    plain,
    prefix_of,
    read_environment,
    read_lines,
    read_object,
    read_settings,
    seal_of,
)
from benchmark.storage.files import collect_leftovers, discard, write_whole, writing_into

HEARTBEAT_INTERVAL = 1.0  # seconds
KEY = "results_dir"  # names another place
# Why processes ended, the likely cause first: a death makes others lose their peer, and be ended.
CAUSES = ("killed", "failed", "ended", "lost a peer")


class RunFolder:
    """Reads and writes the record of one experiment.

    ``config.yaml`` is the resolved configuration, ``environment.json`` the hardware and versions,
    ``metrics.jsonl`` the values as they come, ``log.txt`` the output of the processes,
    ``heartbeat/`` how far each process is, ``checkpoint/`` and ``best/`` belong to the training
    code, and ``result.json``, written last and in one step, means that the experiment has ended.
    Where it cannot be written to, a ``PlaceError`` says so.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self.log_path = self.path / "log.txt"
        self._result_path = self.path / RESULT
        self._metrics_path = self.path / LINES
        self._last_heartbeat: tuple[str, float] = ("", 0.0)

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Hold the folder against other runs; raises ``UserError`` if one holds it."""
        holder = self.path / "holder"
        with contextlib.ExitStack() as held:
            try:
                with writing_into(self.path, KEY):
                    self.path.mkdir(parents=True, exist_ok=True)
                    held.enter_context(FileLock(self.path / "lock", timeout=0))
                    discard(holder)
                    holder.write_text(str(os.getpid()))
            except Timeout:
                raise UserError(
                    f"{self.path} is being run by process {holder.read_text()}; wait for it "
                    "or choose another results_dir."
                ) from None
            collect_leftovers(self.path)
            yield

    def prepare(self, config: dict[str, Any]) -> None:
        """Make the folder ready for a run; what a checkpoint can go on from stays."""
        with writing_into(self.path, KEY):
            self.path.mkdir(parents=True, exist_ok=True)
            discard(self._result_path)
            discard(self.path / "heartbeat")
            for leftover in self.path.glob("failure-rank*.json"):
                discard(leftover)
            if not self.resumable() or self._metrics_path.is_dir():
                discard(self._metrics_path)
            if not self.resumable():
                discard(self.path / "checkpoint")
                discard(self.path / "best")
            self.write_config(config)

    def resumable(self) -> bool:
        """Whether an earlier run has left a checkpoint."""
        return (self.path / "checkpoint").is_dir()

    def config(self) -> dict[str, Any]:
        """The settings of the experiment; those of an earlier version under today's names.

        Raises FileNotFoundError where there are none, and DamagedError where they are damaged.
        """
        path = self.path / CONFIG
        if not path.exists():
            raise FileNotFoundError(errno.ENOENT, "there are no settings", str(path))
        return config_of_today(read_settings(path))

    def write_config(self, config: dict[str, Any]) -> None:
        """Write ``config.yaml``."""
        text = yaml.safe_dump(config, sort_keys=False, allow_unicode=True)
        write_whole(self.path / CONFIG, text, KEY)

    def log(self, values: dict[str, Any]) -> None:
        """Append one line to ``metrics.jsonl``; what is no finite number is null there."""
        with writing_into(self.path, KEY), open(self._metrics_path, "a") as file:
            file.write(json.dumps(plain(values), allow_nan=False) + "\n")

    def metrics(self) -> list[dict[str, Any]]:
        """The lines of ``metrics.jsonl``; one that a kill has cut short is left out."""
        if not self._metrics_path.exists():
            return []
        lines = self._metrics_path.read_text(encoding="utf-8").splitlines(keepends=True)
        return [line_of_today(json.loads(line)) for line in lines if line.endswith("\n")]

    def settled_metrics(self) -> Prefix:
        """What ``metrics.jsonl`` holds by now, once it would survive a power cut."""
        with writing_into(self.path, KEY), open(self._metrics_path, "ab") as file:
            os.fsync(file.fileno())
        return prefix_of(self._metrics_path)

    def cut_metrics(self, num_bytes: int) -> None:
        """Drop the lines after the first ``num_bytes``, which a resumed run will write again."""
        with writing_into(self.path, KEY), open(self._metrics_path, "ab") as file:
            file.truncate(num_bytes)

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
        path = self.path / "heartbeat" / f"rank{rank}.json"
        text = json.dumps({**beat, "done": done, "total": total})
        write_whole(path, text, KEY, durable=False)

    def heartbeats(self) -> dict[int, dict[str, Any]]:
        """The last heartbeat of every process that has given one, by rank."""
        paths = (self.path / "heartbeat").glob("rank*.json")
        return {int(path.stem.removeprefix("rank")): beat for path, beat in _readable(paths)}

    def note_failure(self, rank: int, reason: str, cause: str = "failed") -> None:
        """Say in one sentence why process ``rank`` ended; ``cause`` is one of ``CAUSES``."""
        failure = {"rank": rank, "reason": reason, "cause": cause, "time": time.time()}
        write_whole(self.path / f"failure-rank{rank}.json", json.dumps(failure), KEY)

    def failures(self) -> list[dict[str, Any]]:
        """Why processes ended, what the others followed from first."""
        failures = [failure for _, failure in _readable(self.path.glob("failure-rank*.json"))]
        return sorted(failures, key=lambda one: (CAUSES.index(one["cause"]), one["time"]))

    def finish(self, result: dict[str, Any]) -> None:
        """Write ``result.json``: the experiment has ended. It is sealed, and the lines with it."""
        sealed = plain(result)
        sealed |= {SEAL: seal_of(sealed, self.path)}
        write_whole(self._result_path, json.dumps(sealed, indent=2, allow_nan=False) + "\n", KEY)

    def result(self) -> dict[str, Any] | None:
        """The content of ``result.json``, or None while there is no whole one."""
        try:
            result = read_object(self._result_path)
        except DamagedError:
            return None
        if "status" not in result:
            return None
        return result_of_today({name: result[name] for name in result if name != SEAL})

    def is_finished(self) -> bool:
        """Whether the record is whole and says so."""
        finished = (self.result() or {}).get("status") == "finished"
        return finished and self.problem() is None

    def problem(self) -> str | None:
        """What is damaged where an experiment has ended, as "path: reason"; None if nothing is."""
        if not os.path.lexists(self._result_path):
            return None
        try:
            result = read_object(self._result_path)
            check_seal(self.path, result)
            if wrong := validate_result(result_of_today(result)):
                raise DamagedError(self._result_path, wrong[0])
            if self._metrics_path.exists():
                read_lines(self._metrics_path)
            read_environment(self.path)
            self.config()
        except DamagedError as error:
            return str(error.unreadable)
        except FileNotFoundError as error:
            return f"{error.filename}: the file is missing"
        return None


def _readable(paths: Iterable[Path]) -> Iterator[tuple[Path, dict[str, Any]]]:
    """What the files hold; damaged ones are left out."""
    for path in paths:
        with contextlib.suppress(OSError, ValueError):
            yield path, json.loads(path.read_text(encoding="utf-8"))
