"""Experiments as the composer makes them, small and without a real task."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from omegaconf import DictConfig, OmegaConf

MakeExperiment = Callable[..., DictConfig]


@pytest.fixture
def make_experiment(tmp_path: Path) -> MakeExperiment:
    """A function that makes an experiment; keyword arguments replace settings."""

    def make(**changes: Any) -> DictConfig:
        groups = ("dataset", "task", "protocol", "system", "model")
        experiment = OmegaConf.create(
            {
                "suite": {"name": "trial", "question": "?", "sweep": [], "figures": []},
                **{group: {"name": f"a_{group}"} for group in groups},
                "choices": {group: f"a_{group}" for group in groups},
                "parallelism": {"i": 1, "j": 1, "k": 1},
                "processes": 1,
                "threads": 1,
                "seeds": 1,
                "seed": 0,
                "epochs": 2,
                "batch_size": 100,
                "learning_rate": 1e-4,
                "max_events": None,
                "random_edge_features": None,
                "device": "cpu",
                "results_dir": str(tmp_path),
                "datasets_root": None,
                "cache_dir": None,
                "time_limit_minutes": None,
                "heartbeat_seconds": 300.0,
                "evaluation_mebibytes": 64,
                "wandb": {"mode": "disabled", "project": "trial"},
                "command": "python -m benchmark.run suite=trial",
            }
        )
        return OmegaConf.merge(experiment, changes)  # type: ignore[return-value]

    return make
