"""Where a fault happens: folders of its own, what is left in them, and what a record says."""

import json
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil

from tests.faults.forked import Forked, command

PATIENCE = 900.0  # seconds, on a busy machine
MARK = "FAULTS_SCENE"
# Of a result: what it took, and that it was gone on with.
INCIDENTAL = {
    "seconds", "cpu_seconds", "seconds_by_part", "peak_memory_bytes", "resumed", "seal",
    "throughput_events_per_second", "command",
}  # fmt: skip


class Scene:
    """A results folder, a cache and a folder for temporary files below ``path``."""

    def __init__(self, path: Path, *words: str) -> None:
        self.path = path
        self.results, self.cache, self.temporary = (path / n for n in ("results", "cache", "tmp"))
        self.temporary.mkdir(parents=True)
        self.output = path / "output.txt"
        self.words = [f"results_dir={self.results}", f"cache_dir={self.cache}", *words]
        self.before = set(os.listdir("/dev/shm"))

    def environment(self) -> dict[str, str]:
        """Tells a command of this scene; what torch makes on import lies elsewhere."""
        return {
            "TMPDIR": str(self.temporary),
            "TORCHINDUCTOR_CACHE_DIR": str(self.path / "compiled"),
            MARK: str(self.path),
        }

    def start(self, *words: str, prepare: Callable[[], None] = lambda: None) -> Forked:
        self.output.unlink(missing_ok=True)
        environment = self.environment()

        def ready() -> None:
            import tempfile  # noqa: PLC0415

            tempfile.tempdir = None
            prepare()

        return command([*self.words, *words], self.output, environment, ready)

    def run(self, *words: str, prepare: Callable[[], None] = lambda: None) -> tuple[int, str]:
        """Exit code and output of a command that nobody disturbs."""
        code = self.start(*words, prepare=prepare).wait(PATIENCE)
        return code, self.said()

    def said(self) -> str:
        return self.output.read_text(errors="replace") if self.output.exists() else ""

    @property
    def folders(self) -> list[Path]:
        return sorted(path for path in self.results.glob("*/*") if (path / "config.yaml").exists())

    @property
    def folder(self) -> Path | None:
        return next(iter(self.folders), None)

    def processes(self) -> Iterator[psutil.Process]:
        """All that descend from a command here, whoever their parent is now."""
        for process in psutil.process_iter():
            try:
                words = process.environ() if process.pid != os.getpid() else {}
                marked = words.get(MARK) == str(self.path) or process.pid in self.forks()
                if marked and process.status() != psutil.STATUS_ZOMBIE:
                    yield process
            except (psutil.Error, OSError):
                continue

    def forks(self) -> set[int]:
        """Ranks that have reported: a fork's environment is that of its start."""
        found = set()
        for path in self.results.glob("*/*/heartbeat/rank*.json"):
            try:
                found.add(int(json.loads(path.read_text())["pid"]))
            except (OSError, ValueError):
                continue
        return found

    def left(self) -> list[str]:
        """What is there and should not be, once processes have had a little time to end."""
        deadline = time.monotonic() + 60
        while (alive := [p.pid for p in self.processes()]) and time.monotonic() < deadline:
            time.sleep(0.1)
        files = [p for p in self.path.rglob("*") if p.name.endswith(".tmp")]
        shared = set(os.listdir("/dev/shm")) - self.before
        temporary = list(self.temporary.iterdir())
        return [str(each) for each in (*alive, *files, *shared, *temporary)]


def record(folder: Path) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """The result and the lines of a run, without what is incidental."""
    result = json.loads((folder / "result.json").read_text())
    lines = [json.loads(text) for text in (folder / "metrics.jsonl").read_text().splitlines()]
    for line in lines:
        line.pop("seconds")
    return {name: result[name] for name in result if name not in INCIDENTAL}, lines


def wait_until(condition: Callable[[], object], seconds: float = PATIENCE) -> bool:
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.005)
    return True
