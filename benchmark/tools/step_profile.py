"""What training steps launch, wait for and spend: ``python -m benchmark.tools.step_profile``.

The words are those of ``benchmark.run``, for one experiment.
"""

import sys
import time
from collections import Counter
from itertools import islice

import torch
from torch.profiler import ProfilerActivity, profile

from benchmark.machine.device import synchronize
from benchmark.machine.host_memory import keep_freed_memory
from benchmark.runner.python import experiment
from benchmark.tasks.build import build_dataset, build_protocol, build_system
from benchmark.training.processes import Processes

WARM_UP, TIMED, PROFILED, ROWS = 20, 100, 20, 25
# What the host does on a device, by the names that the profiler gives it.
HOST_CALLS = {
    "launches": "LaunchKernel", "waits": "Synchronize", "copies": "Memcpy",
}  # fmt: skip


def main(words: list[str]) -> int:
    """Print milliseconds, calls of the host, and the operations that take most of the time."""
    asked = experiment(*words)
    keep_freed_memory()  # as workers do
    torch.set_num_threads(asked.threads_per_process)
    system = build_system(asked, build_dataset(asked), build_protocol(asked), Processes())
    device = system.job.training.device
    steps = iter(step for _ in range(system.num_rounds) for step in system.train_round())
    list(islice(steps, WARM_UP))
    synchronize(device)
    start = time.perf_counter()
    timed = len(list(islice(steps, TIMED)))
    synchronize(device)
    print(f"{1000 * (time.perf_counter() - start) / max(timed, 1):.2f} ms a step, {timed} steps")
    activities = [ProfilerActivity.CPU]
    if device.type == "cuda":
        activities.append(ProfilerActivity.CUDA)
        print(f"{torch.cuda.max_memory_allocated(device) / 2**20:.0f} MiB of device memory at most")
    with profile(activities=activities) as profiler:
        profiled = len(list(islice(steps, PROFILED)))
        synchronize(device)
    calls = Counter(event.name for event in profiler.events())
    for kind, part in HOST_CALLS.items():
        found = sum(
            count for name, count in calls.items() if name.startswith("cu") and part in name
        )
        print(f"{found / max(profiled, 1):.1f} {kind} a step")
    order = "self_device_time_total" if device.type == "cuda" else "self_cpu_time_total"
    print(profiler.key_averages().table(sort_by=order, row_limit=ROWS, max_name_column_width=50))
    system.close()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
