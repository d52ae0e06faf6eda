"""Starts the processes of one experiment with torch's elastic launcher and says how they ended.

``python -m benchmark.runner.workers.elastic RUN_FOLDER NUM_PROCESSES`` is what the runner starts;
where there are several machines, followed by ``MACHINE MACHINES HOST:PORT ADDRESS``. The processes
are forks of the launcher, which computes nothing and has imported what they need.
"""

import contextlib
import os
import signal
import sys
from typing import Any

from torch.distributed.elastic.multiprocessing.api import SignalException
from torch.distributed.elastic.multiprocessing.errors import ChildFailedError
from torch.distributed.launcher.api import LaunchConfig, elastic_launch

from benchmark.errors import one_sentence
from benchmark.machine.process_tree import child_environment, end_with_parent, how_killed
from benchmark.records.run_folder import RunFolder
from benchmark.runner.workers import worker
from benchmark.runner.workers.fork_server import leave

LAUNCHER = -1  # in the place of a rank
LATE_SECONDS = 5  # after a failure the launcher has begun to end the others


def main(path: str, num_processes: str, *rendezvous: str) -> int:
    """Run the worker in every process; the exit code is 0 if all went well."""
    end_with_parent()
    # What is asked about GPUs before the fork must not open one: torch then asks NVML.
    os.environ.update(child_environment(), PYTORCH_NVML_BASED_CUDA_CHECK="1")
    folder = RunFolder(path)
    try:
        config = LaunchConfig(
            **_meet(*rendezvous),
            nproc_per_node=int(num_processes),
            run_id="experiment",
            max_restarts=0,
            start_method="fork",
        )
        elastic_launch(config, _work)(path)
    except ChildFailedError as error:
        with contextlib.suppress(
            OSError, ValueError
        ):  # of a disk that is full: what can be told is
            print(error, file=sys.stderr)
            _note_silent_deaths(folder, error)
        return 1
    except OSError as error:  # of its temporary files
        folder.note_failure(LAUNCHER, f"the launcher: {one_sentence(error)}")
        return 1
    except SignalException as error:
        name = signal.Signals(error.sigval).name
        folder.note_failure(LAUNCHER, f"the launcher was ended by {name}", "killed")
        return 1
    return 0


def _work(path: str) -> None:
    """One process; what the launcher does on a signal is not for it."""
    os.setsid()
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT):
        signal.signal(number, signal.SIG_DFL)
    if exit_code := worker.main(path):
        leave(exit_code)


def _meet(*rendezvous: str) -> dict[str, Any]:
    """How the launchers meet, without a look-up of the machine's name, which may need a network."""
    if not rendezvous:  # on a port that the kernel picks: runs never collide
        return {
            "min_nodes": 1, "max_nodes": 1, "local_addr": "127.0.0.1",
            "rdzv_backend": "c10d", "rdzv_endpoint": "localhost:0",
        }  # fmt: skip
    machine, machines, endpoint, address = rendezvous
    return {
        "min_nodes": int(machines), "max_nodes": int(machines), "local_addr": address,
        # Numbers the machines as they are, not by their addresses.
        "rdzv_backend": "static", "rdzv_endpoint": endpoint, "rdzv_configs": {"rank": int(machine)},
    }  # fmt: skip


def _note_silent_deaths(folder: RunFolder, error: ChildFailedError) -> None:
    """Give a reason for the processes that could not say it themselves.

    SIGTERM is what the launcher ends the others with when one has failed, and SIGKILL where that
    was not heard, so whether such a death came first shows in what else there is.
    """
    noted = {failure["rank"]: failure for failure in folder.failures()}
    failed = [failure["time"] for failure in noted.values() if failure["cause"] == "failed"]
    for rank, failure in error.failures.items():
        if rank in noted:
            continue
        if failure.exitcode < 0:
            late = bool(failed) and failure.timestamp > min(failed) + LATE_SECONDS
            cause = "ended" if late or failure.exitcode == -signal.SIGTERM else "killed"
            folder.note_failure(rank, f"rank {rank} {how_killed(-failure.exitcode)}", cause)
        else:
            folder.note_failure(rank, f"rank {rank} ended with exit code {failure.exitcode}")


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
