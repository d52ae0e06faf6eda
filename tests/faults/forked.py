"""Commands, launchers and ranks as forks of this process, which has imported everything once.

A real command spends seconds of CPU time on imports in each of its processes; a fork does the same
work without. The runner, the launcher, the workers, the memory daemons (real programs) and all that
they write are the suite's own.
"""

import importlib
import os
import signal
import subprocess
import sys
import time
import traceback
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import IO, Any, cast

import benchmark.run
from benchmark.runner.workers import launch, launcher

WORDS = [
    "suite=quick", "system=disttgl", "dataset.num_events=400", "dataset.num_nodes=40",
    "epochs=6", "batch_size=60", "threads=1", "device=cpu", "suite.figures=[]",
    "wandb.mode=disabled", "task.log_interval=2", "protocol.num_negatives=5",
    "model.memory_dim=8", "model.time_dim=8", "model.embedding_dim=8",
]  # fmt: skip
GRACE_SECONDS = 2.0


def all_words(words: list[str]) -> list[str]:
    """``WORDS`` and ``words``, the last for each key: a command takes it once."""
    return list({word.partition("=")[0]: word for word in [*WORDS, *words]}.values())


class Forked:
    """A child of this process, with what is used of ``subprocess.Popen``."""

    def __init__(self, work: Callable[[], int]) -> None:
        self.returncode: int | None = None
        sys.stdout.flush()
        sys.stderr.flush()
        self.pid = os.fork()
        if self.pid == 0:
            code = 70
            try:
                code = work()
            except KeyboardInterrupt:  # before the command had begun
                code = 128 + signal.SIGINT
            except BaseException:
                traceback.print_exc()
            finally:
                os._exit(code)

    def poll(self) -> int | None:
        if self.returncode is None:
            ended, status = os.waitpid(self.pid, os.WNOHANG)
            if ended:
                self.returncode = os.waitstatus_to_exitcode(status)
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        deadline = time.monotonic() + (timeout if timeout is not None else 1e9)
        while (code := self.poll()) is None:
            if time.monotonic() > deadline:
                raise subprocess.TimeoutExpired("fork", timeout or 0.0)
            time.sleep(0.01)
        return code


def command(
    words: list[str], output: Path, environment: Mapping[str, str], prepare: Callable[[], None]
) -> Forked:
    """``python -m benchmark.run WORDS`` as a fork; ``prepare`` is called in it first."""

    def work() -> int:
        os.setsid()
        _redirect(output)
        os.environ.update(environment)
        signal.signal(signal.SIGINT, signal.default_int_handler)
        cast(Any, launch.fork_server).start = _start
        launch.LOOK_SECONDS = 0.1
        launcher.GRACE_SECONDS = GRACE_SECONDS
        prepare()
        return benchmark.run.main(all_words(words))

    return Forked(work)


def _redirect(output: Path) -> None:
    descriptor = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    for stream in (1, 2):
        os.dup2(descriptor, stream)
    sys.stdout, sys.stderr = sys.__stdout__, sys.__stderr__  # type: ignore[assignment]


def _start(words: list[str], output: IO[str], environment: Mapping[str, str]) -> Forked:
    """The launcher with its ranks, or the only process of a run."""
    module, *arguments = words[2:]

    def work() -> int:
        os.setsid()
        os.dup2(output.fileno(), 1)
        os.dup2(output.fileno(), 2)
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_DFL)
        os.environ.clear()
        os.environ.update(environment)
        return int(importlib.import_module(module).main(*arguments))

    return Forked(work)
