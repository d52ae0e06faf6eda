"""The network between the machines of a run: how fast it is, and what it has carried."""

import os
import time
from statistics import median

import psutil
import torch
import torch.distributed as dist

from benchmark.training.processes import Processes

REPEATS = 9  # of a small message
WARM = 3  # times that the same is sent until TCP has found its window
FIRST_BYTES, LAST_BYTES = 2**20, 2**24
ENOUGH_SECONDS = 0.2  # of sending, for a rate


def measure_link(processes: Processes) -> dict[str, float]:
    """``megabits_per_second`` and ``message_ms`` between the machines 0 and 1.

    The first process of machine 0 knows them; what others get is empty, and so with one machine. A
    collective call. It is the link as gloo uses it, over TCP: NCCL may know a faster one. A message
    takes a round trip of the wire, since gloo waits until the receiver is ready.
    """
    asks, answers = 0, processes.local_size
    if processes.machines == 1 or processes.rank not in (asks, answers):
        return {}
    if processes.rank == answers:
        _answer(asks)
        return {}
    there_and_back = median(_seconds(answers, 1) for _ in range(REPEATS))
    size, seconds = FIRST_BYTES // 4, 0.0
    while seconds < ENOUGH_SECONDS and size < LAST_BYTES:
        size *= 4
        seconds = min(_seconds(answers, size) for _ in range(WARM)) - there_and_back
    dist.send(torch.tensor(0), answers)
    rate = 8e-6 * size / max(seconds, 1e-9)
    return {"megabits_per_second": rate, "message_ms": 500 * there_and_back}


def _seconds(other: int, num_bytes: int) -> float:
    """How long so many bytes and the answer to them take."""
    payload = torch.zeros(num_bytes, dtype=torch.uint8)
    dist.send(torch.tensor(num_bytes), other)
    start = time.perf_counter()
    dist.send(payload, other)
    dist.recv(payload[:1], other)
    return time.perf_counter() - start


def _answer(other: int) -> None:
    """Answer every payload until one is announced as empty."""
    length = torch.tensor(0)
    while dist.recv(length, other) is not None and int(length):
        dist.recv(torch.empty(int(length), dtype=torch.uint8), other)
        dist.send(torch.zeros(1, dtype=torch.uint8), other)


def sent_by_interface(processes: Processes) -> int | None:
    """Bytes that this machine's interface to the others has sent so far, headers and all.

    None with one machine, or where gloo was not told which interface that is.
    """
    interfaces = psutil.net_io_counters(pernic=True)
    name = os.environ.get("GLOO_SOCKET_IFNAME")
    if processes.machines == 1 or name not in interfaces:
        return None
    return int(interfaces[name].bytes_sent)
