"""The accuracy of each node, against a search through all events."""

from pathlib import Path

import pytest
import torch

from benchmark.datasets.dataset import Split
from benchmark.protocol.evaluator import evaluate_links
from benchmark.protocol.metrics import node_ranks, write_rows
from tests.protocol.known_scorers import Random
from tests.protocol.streams import dataset_of, protocol_with, random_dataset


def test_by_hand(tmp_path: Path) -> None:
    """Ranks 1, 2 and 1.5 (a tie) of source 0, rank 3 of source 1; node 2 is no source."""
    src, dst = torch.tensor([1, 0, 0, 0, 1]), torch.tensor([2, 2, 3, 3, 2])
    dataset = dataset_of(src, dst, 4, Split(1, 5, 5), bipartite=True)
    scores = torch.tensor([[3.0, 1, 2], [2, 1, 3], [2, 2, 1], [1, 2, 3]], dtype=torch.float64)
    rows = node_ranks(dataset, "validation", scores)
    assert rows == [("validation", 0, 3, 3, 0.7222), ("validation", 1, 2, 1, 0.3333)]
    write_rows(tmp_path / "nodes.csv", rows)
    assert (tmp_path / "nodes.csv").read_text() == (
        "split,node,degree,num_events,mrr\nvalidation,0,3,3,0.7222\nvalidation,1,2,1,0.3333\n"
    )


def test_a_missing_negative_is_none() -> None:
    """The second event has no negative but the first, the third has none."""
    src, dst = torch.tensor([1, 0, 0, 1]), torch.tensor([2, 2, 3, 3])
    dataset = dataset_of(src, dst, 4, Split(1, 4, 4), bipartite=True)
    scores = torch.tensor([[1.0, 2, 2], [1, 2, 2], [1, 2, 2]], dtype=torch.float64)
    rows = node_ranks(dataset, "validation", scores, torch.tensor([2, 1, 0]))
    assert rows == [("validation", 0, 2, 2, 0.4167), ("validation", 1, 2, 1, 1.0)]


@pytest.mark.parametrize("bipartite", [True, False])
def test_against_a_search_and_the_pooled_metric(bipartite: bool) -> None:
    dataset = random_dataset(1000, num_nodes=60, bipartite=bipartite)
    told = []
    metrics = evaluate_links(
        Random(), dataset, "validation", protocol_with(9), 70, on_scores=lambda *a: told.append(a)
    )
    [(split, scores, num_negatives)] = told
    assert split == "validation"
    rows = node_ranks(dataset, split, scores, num_negatives)

    src, dst = dataset.stream.src.tolist(), dataset.stream.dst.tolist()
    expected: dict[int, list[float]] = {}
    for event, row in zip(dataset.split.range(split), scores.tolist(), strict=True):
        rank = 1 + sum(other > row[0] for other in row[1:])
        expected.setdefault(src[event], []).append(1 / rank)
    assert [node for _, node, *_ in rows] == sorted(expected)
    for _, node, degree, num_events, mrr in rows:
        assert degree == src.count(node) + dst.count(node)
        assert num_events == len(expected[node])
        assert mrr == pytest.approx(sum(expected[node]) / num_events, abs=0.5001e-4)

    total = sum(row[3] for row in rows)
    assert total == metrics["num_events"]
    pooled = sum(row[3] * row[4] for row in rows) / total
    assert pooled == pytest.approx(metrics["mrr"], abs=0.5001e-4)
