"""Run folders with made-up numbers."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml


@pytest.fixture
def write_run(tmp_path: Path) -> Callable[..., Path]:
    """Write a finished run of link prediction; keywords replace fields, ``settings`` the config."""

    def write(
        name: str = "one",
        curve: tuple[float, ...] = (0.5, 0.7, 0.8),
        settings: dict[str, Any] | None = None,
        **fields: Any,
    ) -> Path:
        folder = tmp_path / "runs" / name
        folder.mkdir(parents=True)
        result = {
            "status": "finished", "suite": "convergence", "system": "disttgl",
            "model": "tgn_attention", "dataset": "wikipedia", "task": "link_prediction",
            "protocol": "disttgl", "parallelism": {"i": 1, "j": 1, "k": 1}, "processes": 1,
            "emulated": False, "seed": 0, "epochs": 100, "batch_size": 600, "learning_rate": 1e-4,
            "visibility": "event", "command": "python -m benchmark.run suite=convergence",
            "throughput_events_per_second": 1000.0, "seconds": {"train": 10.0},
            "peak_memory_bytes": 2**30, "primary_metric": "mrr",
            "metrics": {"validation_mrr": max(curve), "validation_mrr_best": max(curve),
                        "test_mrr": max(curve) - 0.05},
        } | fields  # fmt: skip
        (folder / "result.json").write_text(json.dumps(result))
        config = {"system": {"static_memory": "off"}, "threads": 1, "pin_cores": True}
        (folder / "config.yaml").write_text(yaml.safe_dump(config | (settings or {})))
        lines = [
            {"iteration": 100 * n, "epoch": n, "seconds": 2.0 * n, "validation_mrr": value}
            for n, value in enumerate(curve, start=1)
        ]
        (folder / "metrics.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
        environment = {"cpu": "a core", "cores": 2, "gpus": [], "threads_per_process": 1}
        (folder / "environment.json").write_text(json.dumps(environment))
        return folder

    return write
