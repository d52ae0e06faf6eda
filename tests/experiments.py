"""Experiments as a suite makes them, small and without a real task."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from benchmark.experiment import Experiment
from benchmark.records.identity import GROUPS
from benchmark.records.run_folder import RunFolder
from benchmark.runner.compose import compose_settings

MakeExperiment = Callable[..., Experiment]


@pytest.fixture
def make_experiment(tmp_path: Path) -> MakeExperiment:
    """A function that makes an experiment; keyword arguments replace settings."""

    def make(**changes: Any) -> Experiment:
        config: dict[str, Any] = {
            "suite": {"name": "trial", "question": "?"},
            **{group: {"name": f"a_{group}"} for group in GROUPS},
            "choices": {group: f"a_{group}" for group in GROUPS},
            "parallelism": {"i": 1, "j": 1, "k": 1},
            "processes": 1,
            "threads": 1,
            "epochs": 2,
            "batch_size": 100,
            "learning_rate": 1e-4,
            "device": "cpu",
            "results_dir": str(tmp_path),
            "wandb": {"mode": "disabled", "project": "trial"},
            "command": "python -m benchmark.run suite=trial",
        }
        for key, value in changes.items():
            config[key] = config[key] | value if isinstance(config.get(key), dict) else value
        return Experiment.from_config(config)

    return make


def experiment_of(*words: str, **changes: Any) -> Experiment:
    """The experiment of these command-line words, with fields replaced by ``changes``."""
    return replace(Experiment.from_config(compose_settings(list(words))), **changes)


def finish(folder: RunFolder, **fields: Any) -> None:
    """Let the experiment of a prepared folder have finished, with these fields of its result."""
    result = {
        "metrics": {}, "throughput_events_per_second": None, "peak_memory_bytes": None,
        "seconds": {"train": None, "evaluate": None, "total": 1.0},
    }  # fmt: skip
    described = Experiment.from_config(folder.config()).describe()
    folder.finish({"status": "finished", **described, **result, **fields})


def run_folder(path: Path) -> RunFolder:
    """The folder of a run that is to begin; of settings that nobody reads."""
    folder = RunFolder(path)
    folder.write_config({})
    return folder
