"""Processes that report progress and end as a test asks for: ``FOLDER NUM_PROCESSES ACTION``.

Stands in for the launcher and its workers where a test is about the runner.
"""

import os
import signal
import sys
import time

from benchmark.machine.process_tree import child_environment, end_with_parent
from benchmark.records.run_folder import RunFolder

LONG = 600  # seconds; the runner must not wait for it


def work(folder: RunFolder, rank: int, action: str) -> None:
    folder.heartbeat(rank, "train", 1, 2)
    if rank == 0 and action == "fail":
        folder.note_failure(rank, "rank 0: no more rows")
    if rank == 0 and action == "stop":
        os.kill(os.getpid(), signal.SIGSTOP)
    if action == "finish":
        return
    signal.signal(signal.SIGTERM, signal.SIG_IGN)  # must be killed
    time.sleep(LONG)


def main(path: str, num_processes: str, action: str) -> None:
    end_with_parent()
    os.environ.update(child_environment())
    folder = RunFolder(path)
    children = []
    for rank in range(int(num_processes)):
        child = os.fork()
        if child == 0:
            os.setsid()  # as the launcher starts its workers
            end_with_parent()
            work(folder, rank, action)
            os._exit(0)
        children.append(child)
    if action == "kill launcher":
        while len(folder.heartbeats()) < len(children):
            time.sleep(0.01)
        os.kill(os.getpid(), signal.SIGKILL)
    for child in children:
        os.waitpid(child, 0)
    if action == "finish":
        folder.finish({"status": "finished"})


if __name__ == "__main__":
    main(*sys.argv[1:])
