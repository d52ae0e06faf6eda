"""A run that records the accuracy of every node, from the configuration to its files."""

from pathlib import Path

import pandas as pd
import pytest
from hydra.utils import instantiate

from benchmark.runner.suites import expand
from benchmark.training.processes import Processes
from tests.experiments import experiment_of, run_folder


@pytest.mark.parametrize(
    "memory",
    [
        ["model=tgn_attention", "system.static_memory=off"],
        [
            "model=tgat_one_layer",
            "system.static_memory=pretrained",
            "system.static_memory_epochs=1",
        ],
    ],
)
def test_nodes_add_up_to_the_metrics_of_the_best_round(tmp_path: Path, memory: list[str]) -> None:
    words = ["task=node_accuracy", "system=disttgl", *memory, f"cache_dir={tmp_path / 'cache'}"]
    words += ["max_events=600", "batch_size=100", "learning_rate=1e-2", "epochs=6", "device=cpu"]
    experiment = experiment_of(*words)
    folder = run_folder(tmp_path)
    result = instantiate(experiment.task, _convert_="all").run(experiment, folder, Processes())

    validations = [line["validation_mrr"] for line in folder.metrics() if "validation_mrr" in line]
    assert len(validations) == 6
    assert len(set(validations)) > 1  # so that a file of another round would be noticed
    nodes = pd.read_csv(tmp_path / "nodes.csv")
    assert set(nodes["split"]) == {"validation", "test"}
    for split, rows in nodes.groupby("split"):
        assert rows["num_events"].sum() == result["metrics"][f"{split}_num_events"]
        mean = (rows["num_events"] * rows["mrr"]).sum() / rows["num_events"].sum()
        assert mean == pytest.approx(result["metrics"][f"{split}_mrr"], abs=0.5001e-4)


def test_the_compared_networks_differ_in_dynamic_memory_only() -> None:
    static, dynamic = (
        one.model for one in expand(["suite=node_accuracy"], may_download=False).experiments
    )
    assert static["num_layers"] == 1
    shared = set(static) & set(dynamic) - {"_target_"}
    assert {"num_neighbors", "num_heads", "dropout", "attention_dropout"} < shared
    assert {name: static[name] for name in shared} == {name: dynamic[name] for name in shared}
    assert static["node_dim"] == dynamic["memory_dim"]
