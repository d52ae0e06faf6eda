"""A run that measures speed, from the configuration to the fields of its result."""

from pathlib import Path
from typing import Any

import pytest
from hydra.utils import instantiate

from benchmark.models.tgn_attention import BatchShape
from benchmark.training.processes import Processes
from tests.experiments import experiment_of, run_folder


def outcome(tmp_path: Path, *chosen: str) -> dict[str, Any]:
    words = ["task=link_speed", *chosen, "max_events=300", "random_edge_features=2"]
    words += ["batch_size=100", "epochs=1", "device=cpu"]
    experiment = experiment_of(*words)
    task = instantiate(experiment.task, _convert_="all")
    result: dict[str, Any] = task.run(experiment, run_folder(tmp_path), Processes())
    return result


@pytest.mark.parametrize("system", ["tgn", "disttgl"])
def test_what_the_record_gains(tmp_path: Path, system: str) -> None:
    result = outcome(tmp_path, f"system={system}")
    assert result["source"]["random_edge_features"] == 2
    assert set(result["cpu_seconds"]) == {"train", "evaluate"}
    assert "validation_mrr_best" in result["metrics"]
    assert not any(name.startswith("test") for name in result["metrics"])
    floor = result.get("operation_floor", {})
    if system == "tgn":
        assert floor == {}
        return
    assert set(BatchShape._fields) < set(floor)
    rate = floor["gflop_per_second"] / floor["gflop_per_batch"]
    assert floor["events_per_second"] == pytest.approx(floor["events"] * rate)


def test_a_missing_model_is_named(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="link_speed trains a model, but model=none names none"):
        outcome(tmp_path, "system=disttgl", "model=none")
