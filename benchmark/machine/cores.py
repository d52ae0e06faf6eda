"""How many cores and GPUs there are."""

import os


def available_cores() -> int:
    """CPU cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def num_devices(device: str) -> int:
    """How many processes can have a GPU, or where ``device`` means the CPU a core, of their own."""
    if device != "cpu":
        from torch.cuda import device_count  # noqa: PLC0415 - seconds, and only needed here

        if device_count() > 0:
            return device_count()
    return available_cores()
