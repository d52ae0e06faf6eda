"""A finished run that several tests ask, and none changes."""

import pytest

from benchmark.records.run_folder import RunFolder
from tests.runner.finished import DISTTGL, experiment_in, finish, metrics_of


@pytest.fixture(scope="session")
def finished_run(tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    """A run whose best validation is neither its first nor its last."""
    words = [*DISTTGL, "parallelism.k=2", "epochs=8", "dataset.seed=10", "learning_rate=3e-2"]
    folder = finish(experiment_in(tmp_path_factory.mktemp("kept"), words))
    lines = [line for line in folder.metrics() if "validation_mrr" in line]
    best = metrics_of(folder)["best_iteration"]
    assert lines[0]["iteration"] < best < lines[-1]["iteration"]
    return folder
