"""The tasks of classification from configuration to record, on small streams."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from benchmark.datasets.dataset import Dataset, LabelKind, Split
from benchmark.datasets.synthetic import Synthetic
from benchmark.experiment import Experiment
from benchmark.protocol.metrics import positive_class
from benchmark.records.run_folder import RunFolder
from benchmark.runner.checks import check_task
from benchmark.storage.locations import Locations
from benchmark.tasks import task as tasks
from benchmark.tasks.classification import (
    EdgeClassification,
    NodeClassification,
    require_labels,
    require_metric,
)
from benchmark.training.processes import Processes
from tests.experiments import experiment_of, run_folder
from tests.protocol.streams import dataset_of

SMALL = [
    "dataset.num_nodes=40",
    "dataset.num_events=600",
    "dataset.edge_dim=3",
    "protocol.num_negatives=3",
    "system=disttgl",
    "model.memory_dim=8",
    "model.time_dim=4",
    "model.embedding_dim=8",
    "epochs=2",
    "batch_size=50",
    "device=cpu",
]
DECODER = {"epochs": 1, "batch_size": 10, "learning_rate": 1e-3, "hidden_dim": 4}


def small(*words: str) -> Experiment:
    return experiment_of(*SMALL, *words)


def folder_in(path: Path) -> RunFolder:
    path.mkdir(exist_ok=True)
    return run_folder(path)


def nodes(path: Path, embeddings: str, **changes: int) -> dict[str, float]:
    """The metrics of node classification, with the values of its yaml but for ``changes``."""
    experiment = small("task=node_classification", "parallelism.k=2")
    decoder = {**experiment.task["decoder"], **changes}
    task = NodeClassification("node_classification", 50, "node_auc", embeddings, decoder)
    result = task.run(experiment, folder_in(path), Processes())
    assert result["positive_class"] == "1"  # the synthetic stream has no names for them
    metrics: dict[str, float] = result["metrics"]
    return metrics


def test_frozen_embeddings_record_states_and_links(tmp_path: Path) -> None:
    metrics = nodes(tmp_path / "whole", "frozen", epochs=20)
    assert next(iter(metrics)) == "validation_node_auc_best"
    assert 1 <= metrics["best_epoch"] <= 20
    assert {"test_node_auc", "test_node_ap"} <= set(metrics)
    assert "validation_mrr_best" in metrics
    assert "test_mrr" not in metrics


def test_a_decoder_is_trained_again_where_only_that_was_cut_short(tmp_path: Path) -> None:
    first = nodes(tmp_path / "run", "frozen", epochs=3)
    assert nodes(tmp_path / "run", "frozen", epochs=3) == first


def test_joint_training_records_the_states_alone(tmp_path: Path) -> None:
    metrics = nodes(tmp_path / "joint", "joint")
    assert metrics["validation_node_auc_best"] == metrics["validation_node_auc"]
    assert "test_node_ap" in metrics
    assert "validation_mrr" not in metrics


def test_edge_classes_stand_beside_the_majority(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def labelled(experiment: Experiment) -> Dataset:
        stream = Synthetic(num_nodes=40, num_events=600, edge_dim=3).load(Locations(None, tmp_path))
        return replace(stream, label_kind=LabelKind.EDGE)

    monkeypatch.setattr(tasks, "build_dataset", labelled)
    experiment = small("task=edge_classification", "parallelism.j=2")
    task = EdgeClassification("edge_classification", 50, "f1_micro")
    result = task.run(experiment, folder_in(tmp_path / "run"), Processes())
    metrics = result["metrics"]
    assert metrics["validation_f1_micro_best"] == metrics["validation_f1_micro"]
    assert metrics["test_f1_micro_majority"] == metrics["test_top1_majority"] > 0
    assert result["throughput_events_per_second"] is None


def test_what_does_not_fit_is_refused(tmp_path: Path) -> None:
    folder = folder_in(tmp_path / "refused")
    task = EdgeClassification("edge_classification", 50, "f1_micro")
    with pytest.raises(ValueError) as refused:
        task.run(small("task=edge_classification"), folder, Processes())
    assert str(refused.value) == (
        "task edge_classification needs labels of kind edge or multi_edge, and those of data set "
        "'synthetic' are of kind node; choose another dataset."
    )
    words = [word for word in SMALL if "model." not in word and "system" not in word]
    settings = experiment_of(*words, "system=tgn", "task=node_classification")
    with pytest.raises(ValueError, match="system=tgn cannot be used for task node_classification"):
        check_task(settings, LabelKind.NODE)
    pairs = experiment_of(*words, "system=disttgl", "model=dygformer", "task=node_classification")
    with pytest.raises(ValueError) as refused:
        check_task(pairs, LabelKind.NODE)
    assert str(refused.value) == (
        "model=dygformer embeds pairs of nodes and no node alone, which task node_classification "
        "needs; choose model=tgn_attention, or task=edge_classification."
    )
    with pytest.raises(ValueError, match="embeddings is 'thawed'; choose one of frozen, joint"):
        NodeClassification("node_classification", 50, "node_auc", "thawed", DECODER)


def labelled_nodes(y: list[int]) -> Dataset:
    """Four events with these labels, of which the first two are for training."""
    src, dst = torch.tensor([0, 0, 1, 1]), torch.tensor([2, 2, 2, 2])
    dataset = dataset_of(src, dst, 3, Split(2, 3, 4), bipartite=True)
    dataset.stream.y = torch.tensor(y)
    return replace(dataset, label_kind=LabelKind.NODE, num_classes=2)


def test_the_positive_class_has_the_name_of_the_source() -> None:
    dataset = labelled_nodes([0, 1, 0, 1])
    assert positive_class(dataset) == "1"
    assert positive_class(replace(dataset, class_names=("legit", "fraud"))) == "fraud"


@pytest.mark.parametrize(
    ("y", "shown"), [([0, 0, 1, 0], "only the class 0"), ([-1, -1, 0, 1], "no class")]
)
def test_training_labels_must_show_two_classes(y: list[int], shown: str) -> None:
    task = NodeClassification("node_classification", 50, "node_auc", "frozen", DECODER)
    require_labels(task, labelled_nodes([0, 1, 0, 0]))
    with pytest.raises(ValueError) as refused:
        require_labels(task, labelled_nodes(y))
    assert str(refused.value) == (
        f"the training split of data set '{labelled_nodes(y).name}' shows {shown} in its 2 events, "
        "and a classifier needs two; move the boundaries of the split or use more of the stream."
    )


def test_events_without_labels_show_no_class() -> None:
    task = EdgeClassification("edge_classification", 50, "f1_micro")
    dataset = replace(labelled_nodes([0, 0, 0, 0]), label_kind=LabelKind.MULTI_EDGE)
    dataset.stream.y = torch.tensor([[1.0, 0.0], [-1.0, -1.0], [0.0, 1.0], [1.0, 1.0]])
    with pytest.raises(ValueError, match="shows only the class 0 in its 2 events"):
        require_labels(task, dataset)


def test_the_primary_metric_is_one_that_evaluation_gives(tmp_path: Path) -> None:
    folder = folder_in(tmp_path / "refused")
    task = NodeClassification("node_classification", 50, "f1_micro", "frozen", DECODER)
    message = "task.primary_metric is 'f1_micro'; choose one of node_auc, node_ap"
    with pytest.raises(ValueError, match=message):
        task.run(small("task=node_classification"), folder, Processes())
    edges = replace(labelled_nodes([0, 1, 0, 1]), label_kind=LabelKind.EDGE)
    require_metric(edges, "f1_macro")
    with pytest.raises(ValueError, match="'node_auc'; choose one of f1_micro, f1_macro, top1"):
        require_metric(edges, "node_auc")
