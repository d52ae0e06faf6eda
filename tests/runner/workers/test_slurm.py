"""Under a real SLURM of two nodes, ``srun`` and a batch script run what one process does.

``pytest -m slow tests/runner/workers/test_slurm.py``, as root, where slurm-wlm and munge are
installed.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.runner.workers.namespaces import ROOT, SMALL, alone, best, record

CLUSTER = str(Path(__file__).with_name("slurm.sh"))
NEEDED = ("slurmctld", "slurmd", "munged", "srun", "nsenter")
SECONDS = 600


def cluster(folder: Path, *command: str) -> str:
    """What a command has printed on the first node of a cluster of its own."""
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    found = subprocess.run(
        ["bash", CLUSTER, str(folder), *command],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        cwd=ROOT,
        env=env,
        timeout=SECONDS,
    )
    assert found.returncode == 0, found.stdout
    return found.stdout


@pytest.mark.slow
@pytest.mark.parametrize("batch", [False, True], ids=["srun", "sbatch"])
def test_two_nodes(tmp_path: Path, batch: bool) -> None:
    missing = [name for name in NEEDED if shutil.which(name) is None]
    if missing or os.geteuid() != 0:
        pytest.skip(f"needs root and {', '.join(missing) or 'nothing else'}")
    results = tmp_path / "results"
    words = [*SMALL, "parallelism.k=2"]
    asked = [*words, "processes=2", f"results_dir={results}"]
    start = ["srun", "-N2", "--ntasks-per-node=1", sys.executable, "-m", "benchmark.run"]
    if batch:
        options = ["--nodes=2", "--wait", "--cpus-per-task=1", f"--output={tmp_path}/job.log"]
        start = [sys.executable, "-m", "benchmark.submit", *options]
    cluster(tmp_path / "cluster", *start, *asked)
    result, metrics = record(results)
    assert (result["status"], result["machines"]) == ("finished", 2)
    expected, lines = alone(words, tmp_path / "one")
    assert (best(result), metrics) == (best(expected), lines)
