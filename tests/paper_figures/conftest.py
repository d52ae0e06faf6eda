"""Run folders as the runner writes them, with made-up numbers."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from omegaconf import OmegaConf

WriteRun = Callable[..., Path]


def write_run_folder(root: Path, name: str, **changes: Any) -> Path:
    """A finished link prediction run; ``changes`` replace fields of its result.

    ``mrr`` are the validation values after 10, 20, ... iterations and 5, 10, ... seconds;
    ``config`` replaces settings. A field changed to ``...`` is left out.
    """
    mrr = changes.pop("mrr", [0.5, 0.6])
    config = changes.pop("config", {})
    result: dict[str, Any] = {
        "status": "finished",
        "suite": "quick",
        "system": "disttgl",
        "model": "tgn_attention",
        "dataset": "synthetic",
        "task": "link_prediction",
        "protocol": "disttgl",
        "parallelism": {"i": 1, "j": 1, "k": 1},
        "processes": 1,
        "emulated": False,
        "seed": 0,
        "passes": 2,
        "batch_size": 600,
        "learning_rate": 1e-4,
        "metrics": {"validation_mrr_best": max(mrr), "test_mrr": max(mrr) - 0.01},
        "throughput_events_per_second": 20_000.0,
        "seconds": {"train": 5.0 * len(mrr), "evaluate": 1.0, "total": 5.0 * len(mrr) + 2},
        "peak_memory_bytes": 10**9,
        "visibility": "event",
        "command": "python -m benchmark.run suite=quick",
    }
    result = {k: v for k, v in (result | changes).items() if v is not ...}
    folder = root / result.get("suite", "quick") / name
    folder.mkdir(parents=True)
    lines = [{"iteration": 5, "pass": 0.5, "seconds": 2.5, "loss": 0.7}]
    lines += [
        {"iteration": 10 * n, "pass": n, "seconds": 5.0 * n, "validation_mrr": value}
        for n, value in enumerate(mrr, start=1)
    ]
    settings = {
        "passes": 2,
        "batch_size": 600,
        "seed": result.get("seed"),
        "pin_cores": True,
        "results_dir": str(root),
    }
    (folder / "metrics.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    (folder / "environment.json").write_text(json.dumps({"cpu": "a processor", "cores": 2}))
    OmegaConf.save(OmegaConf.create(settings | config), folder / "config.yaml")
    (folder / "result.json").write_text(json.dumps(result))
    return folder


def write_count_folder(root: Path, batch_size: int, bars: list[int], **changes: Any) -> Path:
    """A finished count of captured events."""
    metrics = {"largest_bar": max(bars), "sum_of_3000_largest": sum(bars)}
    changes = {"suite": "captured_events", "task": "captured_events", **changes}
    folder = write_run_folder(
        root,
        changes.pop("name", f"batch{batch_size}"),
        batch_size=batch_size,
        metrics=metrics,
        throughput_events_per_second=None,
        **changes,
    )
    (folder / "metrics.jsonl").unlink()
    (folder / "bars.csv").write_text("captured_events\n" + "\n".join(map(str, bars)) + "\n")
    return folder


@pytest.fixture
def write_run(tmp_path: Path) -> WriteRun:
    """``write_run(name, **changes)`` below the folder ``tmp_path / "results"``."""
    return lambda name="run", **changes: write_run_folder(tmp_path / "results", name, **changes)


@pytest.fixture
def write_count(tmp_path: Path) -> WriteRun:
    """``write_count(batch_size, bars, **changes)`` below the same folder."""
    return lambda size, bars, **changes: write_count_folder(
        tmp_path / "results", size, bars, **changes
    )


@pytest.fixture
def results(tmp_path: Path) -> Path:
    """The folder that the run folders are below."""
    (tmp_path / "results").mkdir(exist_ok=True)
    return tmp_path / "results"
