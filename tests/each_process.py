"""What holds for every test: one thread, the same examples each time, no stopwatch; folders."""

import gc
import os
import signal
from pathlib import Path

import pytest
import torch
from hypothesis import HealthCheck, settings

from benchmark.storage.locations import Locations
from tests.experiments import make_experiment  # noqa: F401 - a fixture
from tests.run_folders import write_run  # noqa: F401 - a fixture

# What is imported and collected stays, so that looking for garbage among it is lost time.
gc.disable()
# On small tensors more threads only cost time; processes that a test starts inherit it.
os.environ.setdefault("OMP_NUM_THREADS", "1")
torch.set_num_threads(1)
# Without a GPU Triton's kernels are interpreted, on CPU tensors; it asks when they are defined.
if not torch.cuda.is_available():
    os.environ.setdefault("TRITON_INTERPRET", "1")
# A shell ignores Ctrl-C for what it runs in the background; commands that a test starts inherit it.
if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
# What a test writes need not outlive a power cut.
os.fsync = lambda descriptor: None
settings.register_profile(
    "steady", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("steady")
# Fixtures that take long to make, which every process would do for itself.
LONG = {"drawn", "few", "finished_run", "verdicts"}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Those that share something long come first: what comes late may go to an idle process."""
    items.sort(key=lambda item: LONG.isdisjoint(getattr(item, "fixturenames", ())))


def pytest_collection_finish() -> None:
    gc.freeze()
    gc.enable()


@pytest.fixture
def locations(tmp_path: Path) -> Locations:
    """An empty data folder and a cache beside it."""
    root = tmp_path / "root"
    root.mkdir()
    return Locations(root, tmp_path / "cache")
