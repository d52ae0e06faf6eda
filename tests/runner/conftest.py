"""A finished run that several tests ask, and none changes."""

import pytest

from benchmark.records.run_folder import RunFolder
from tests.runner.finished import DISTTGL, experiment_in, finish, metrics_of


@pytest.fixture(scope="session")
def finished_run(tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    """A run whose best validation is neither its first nor its last."""
    for seed in range(10, 16):  # which of them is such a run depends on how a machine rounds
        words = [*DISTTGL, "parallelism.k=2", "epochs=8", "learning_rate=1e-1"]
        path = tmp_path_factory.mktemp("kept")
        folder = finish(experiment_in(path, [*words, f"dataset.seed={seed}"]))
        lines = [line for line in folder.metrics() if "validation_mrr" in line]
        best = metrics_of(folder)["best_iteration"]
        if lines[0]["iteration"] < best < lines[-1]["iteration"]:
            return folder
    raise AssertionError("the best validation of every run is its first or its last")
