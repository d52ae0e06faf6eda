"""Accuracy of each node by degree: the numbers drawn and what they claim."""

from pathlib import Path

import pandas as pd
import pytest

from paper_figures import node_accuracy
from paper_figures.claim import Verdict
from paper_figures.collection import load_records
from paper_figures.records import RecordError
from tests.paper_figures.conftest import WriteRun

DEGREES = [10, 40, 20, 30]  # of nodes 0 to 3
STATIC = {0: [0.2, 0.9, 0.5, 0.6], 1: [0.4, 0.9, 0.5, 0.6]}  # by seed
DYNAMIC = {0: [0.3, 0.8, 0.5, 0.3], 1: [0.3, 0.8, 0.5, 0.3]}
MEMORY = {"tgat_one_layer": "pretrained", "tgn_attention": "off"}


@pytest.fixture
def pair(write_run: WriteRun) -> WriteRun:
    """Writes a run of ``model`` with the ``mrr`` of every node; validation holds other numbers."""

    def write(model: str, mrr: list[float], seed: int = 0, **changes: object) -> Path:
        folder = write_run(
            f"{model}-seed{seed}",
            **{"suite": "node_accuracy", "task": "node_accuracy", "dataset": "wikipedia"}
            | {"model": model, "seed": seed}
            | {"config": {"system": {"static_memory": MEMORY[model]}}}
            | changes,
        )
        lines = [f"test,{n},{d},2,{m}" for n, (d, m) in enumerate(zip(DEGREES, mrr, strict=True))]
        header = "split,node,degree,num_events,mrr\nvalidation,0,10,1,1.0\n"
        (folder / "nodes.csv").write_text(header + "\n".join(lines) + "\n")
        return folder

    return write


@pytest.fixture
def two_seeds(pair: WriteRun) -> None:
    for seed in (0, 1):
        pair("tgat_one_layer", STATIC[seed], seed)
        pair("tgn_attention", DYNAMIC[seed], seed)


@pytest.mark.usefixtures("two_seeds")
def test_nodes_are_the_mean_over_seeds_by_degree(results: Path) -> None:
    [group] = node_accuracy.pairs(node_accuracy.select(load_records(results)[0]))
    nodes = node_accuracy.mean_over_seeds(group)
    assert nodes["node"].tolist() == [1, 3, 2, 0]
    assert nodes["degree"].tolist() == [40, 30, 20, 10]
    assert nodes["static"].tolist() == pytest.approx([0.9, 0.6, 0.5, 0.3])
    assert nodes["difference"].tolist() == pytest.approx([0.1, 0.3, 0.0, 0.0], abs=1e-12)
    assert nodes["num_events"].tolist() == [2, 2, 2, 2]
    assert nodes["num_runs"].tolist() == [2, 2, 2, 2]


def test_the_running_mean_is_over_a_twentieth_of_the_nodes(
    monkeypatch: pytest.MonkeyPatch, results: Path, pair: WriteRun
) -> None:
    pair("tgat_one_layer", STATIC[0])
    pair("tgn_attention", DYNAMIC[0])
    monkeypatch.setattr(node_accuracy, "WINDOWS", 2)
    nodes = node_accuracy.mean_over_seeds(load_records(results)[0])
    assert nodes["difference"].tolist() == pytest.approx([0.1, 0.3, 0.0, -0.1])
    assert nodes["running_mean"].tolist()[1:] == pytest.approx([0.2, 0.15, -0.05])
    assert pd.isna(nodes["running_mean"][0])


def test_the_rank_correlation_by_hand() -> None:
    """Ranks 1 2 3 4 and 1 2 4 3: 1 - 6 * 2 / (4 * 15)."""
    nodes = pd.DataFrame({"degree": [1, 5, 6, 90], "difference": [-0.4, 0.0, 0.3, 0.1]})
    assert node_accuracy.rank_correlation(nodes) == pytest.approx(0.8)


@pytest.mark.parametrize(
    ("correlation", "verdict"),
    [
        (0.1, Verdict.REPRODUCED),
        (-0.11, Verdict.PARTLY),
        (-0.31, Verdict.CONTRADICTED),
        (float("nan"), Verdict.INCOMPARABLE),
    ],
)
def test_verdicts(correlation: float, verdict: Verdict) -> None:
    assert node_accuracy.of_correlation(correlation) == verdict


@pytest.mark.usefixtures("two_seeds")
def test_claim(results: Path) -> None:
    """Differences by degree 10 to 40: -.1 0 .3 .1 (rho .8) and .1 0 .3 .1 (ranks 2.5 1 4 2.5)."""
    [claim] = node_accuracy.claims(load_records(results)[0])
    assert claim.measured == (
        "rank correlation +0.56 [+0.32, +0.80]; static better for 50% of nodes, dynamic for 0%"
    )
    assert claim.conditions == "wikipedia, 4 sources of test events, 2 passes, seeds 0, 1"
    assert claim.verdict == Verdict.CONTRADICTED


def test_one_kind_of_memory_is_not_enough(results: Path, pair: WriteRun, tmp_path: Path) -> None:
    pair("tgat_one_layer", STATIC[0])
    pair("tgn_attention", DYNAMIC[1], seed=1)
    (pair("tgn_attention", DYNAMIC[0], seed=2) / "nodes.csv").unlink()
    records, _ = load_records(results)
    assert len(node_accuracy.select(records)) == 2
    assert node_accuracy.claims(records) == []
    assert node_accuracy.draw(records, tmp_path / "out") == []


def test_both_memories_at_once_are_neither(results: Path, pair: WriteRun) -> None:
    pair("tgn_attention", DYNAMIC[0], config={"system": {"static_memory": "pretrained"}})
    assert node_accuracy.select(load_records(results)[0]) == []


def test_a_damaged_file_is_named(results: Path, pair: WriteRun) -> None:
    pair("tgat_one_layer", STATIC[0])
    (pair("tgn_attention", DYNAMIC[0]) / "nodes.csv").write_text("split,node\ntest,0\n")
    with pytest.raises(RecordError, match=r"tgn_attention-seed0/nodes.csv: not readable as split"):
        node_accuracy.claims(load_records(results)[0])


@pytest.mark.usefixtures("two_seeds")
def test_files(results: Path, tmp_path: Path) -> None:
    records, problems = load_records(results)
    assert problems == []
    paths = node_accuracy.draw(records, tmp_path / "out")
    assert [path.name for path in paths][-1] == "node_accuracy_wikipedia.csv"
    drawn = pd.read_csv(paths[-1])
    assert drawn["origin"].tolist() == ["measured"] * 4
    assert drawn["source"].notna().all()
