"""Data sets as counted here beside the papers' tables."""

from pathlib import Path
from typing import Any

import pytest

from paper_figures import dataset_statistics
from paper_figures.claim import Verdict
from paper_figures.collection import load_records
from tests.paper_figures.conftest import WriteRun

WIKIPEDIA = {
    "num_nodes": 9227,
    "num_events": 157_474,
    "first_time": 100,
    "last_time": 2_678_473,
    "node_feature_dim": 0,
    "edge_feature_dim": 0,
    "num_classes": 2,
    "num_node_labels": 217,
    "num_edge_labels": 0,
}


@pytest.fixture
def write(write_run: WriteRun) -> WriteRun:
    """``write(dataset, **changes)``: a count of Wikipedia, with changed numbers."""

    def count(dataset: str, **changes: Any) -> Path:
        folder = write_run(
            dataset,
            suite="dataset_statistics",
            task="dataset_statistics",
            dataset=dataset,
            metrics=WIKIPEDIA | changes,
            throughput_events_per_second=None,
        )
        (folder / "metrics.jsonl").unlink()
        return folder

    return count


def test_published_rows_stand_below_the_data_set_that_was_counted(
    results: Path, write: WriteRun
) -> None:
    write("wikipedia")
    write("uci", num_node_labels=0, num_edge_labels=30)
    records, problems = load_records(results)
    assert problems == []
    table = dataset_statistics.together(dataset_statistics.select(records))
    assert table["dataset"].tolist()[:5] == ["uci", *["wikipedia"] * 3, "flights"]
    assert table["by"].tolist()[:4] == [
        "counted here", "counted here", "DistTGL Table 2", "TGL Table 3",
    ]  # fmt: skip
    assert table["duration"].tolist()[1:4] == [2_678_373, 2.7e6, 2.7e6]
    assert table["num_labels"].tolist()[:2] == [30, 217]
    assert table["labels_of"].tolist()[:2] == ["edges", "nodes"]
    assert len(table) == 2 + 5 + 6


def test_random_features_and_beginnings_are_not_the_data_set(
    results: Path, write: WriteRun
) -> None:
    for name, setting in (("one", "max_events: 9"), ("two", "random_edge_features: 9")):
        (write(name) / "config.yaml").write_text(setting)
    assert dataset_statistics.select(load_records(results)[0]) == []


@pytest.mark.parametrize(
    ("changes", "verdict"),
    [
        ({}, Verdict.REPRODUCED),
        ({"num_nodes": 9228}, Verdict.PARTLY),
        ({"num_nodes": 1, "num_events": 2, "last_time": 300}, Verdict.CONTRADICTED),
    ],
)
def test_the_data_set_is_the_papers_or_not(
    results: Path, write: WriteRun, changes: dict[str, int], verdict: Verdict
) -> None:
    write("wikipedia", **changes)
    write("uci")
    (claim,) = dataset_statistics.claims(load_records(results)[0])
    assert claim.published == "9,227, 157,474, 2.7e6"
    assert claim.conditions == "0 edge features in this copy of the data, 172 in the paper's"
    assert claim.verdict is verdict
