"""Edge classification over iterations: the curves drawn and what they claim."""

import json
from pathlib import Path

import pandas as pd
import pytest

from paper_figures import edge_convergence
from paper_figures.claim import Verdict
from paper_figures.collection import load_records
from paper_figures.edge_convergence_claims import iterations_to_level
from tests.paper_figures.conftest import WriteRun

Curve = dict[int, float]
CURVES: dict[str, Curve] = {
    "1x1x1": {100: 0.2, 1000: 0.37, 1360: 0.38, 2000: 0.4},  # the level is .38
    "8x1x1": {50: 0.3, 100: 0.39},
    "8x1x4": {20: 0.3, 50: 0.38},
}
TEST = {"1x1x1": 0.40, "8x1x1": 0.41, "8x1x4": 0.375}


@pytest.fixture
def train(write_run: WriteRun) -> WriteRun:
    """Writes a run of a layout with this curve of validation F1-micro."""

    def write(layout: str, curve: Curve, test: float, seed: int = 0) -> Path:
        degrees = dict(zip("ijk", map(int, layout.split("x")), strict=True))
        folder = write_run(
            f"{layout}-seed{seed}",
            suite="edge_convergence",
            task="edge_classification",
            dataset="icews18",
            parallelism=degrees,
            emulated=layout != "1x1x1",
            seed=seed,
            metrics={"test_f1_micro": test},
        )
        lines = [
            {"iteration": n, "pass": 1, "seconds": 1, "validation_f1_micro": value}
            for n, value in curve.items()
        ]
        text = "".join(json.dumps(line) + "\n" for line in lines)
        (folder / "metrics.jsonl").write_text(text)
        return folder

    return write


@pytest.fixture
def trained(train: WriteRun) -> None:
    for layout, curve in CURVES.items():
        train(layout, curve, TEST[layout])


def test_curves_are_the_mean_and_range_over_seeds(results: Path, train: WriteRun) -> None:
    train("8x1x1", {50: 0.2, 100: 0.4}, 0.3)
    train("8x1x1", {50: 0.3, 100: 0.5}, 0.4, seed=1)
    table = edge_convergence.measured(load_records(results)[0])
    assert table["iteration"].tolist() == [50, 100]
    assert table["validation_f1_micro"].tolist() == pytest.approx([0.25, 0.45])
    assert table[["lowest", "highest"]].to_numpy().tolist() == [[0.2, 0.3], [0.4, 0.5]]
    assert table["test_f1_micro"].tolist() == pytest.approx([0.35, 0.35])
    assert table["emulated"].all()


def test_published_iterations_to_the_level() -> None:
    """A single trainer's best is .4736, so that the level is .4499."""
    paper = edge_convergence.published_curves()
    curves = {str(layout): [curve] for layout, curve in paper.groupby("parallelism")}
    assert iterations_to_level(curves) == {
        "1x1x1": 136_000,
        "8x1x1": 10_000,
        "8x1x2": 6_000,
        "8x1x4": 4_000,
    }


@pytest.mark.usefixtures("trained")
def test_claims(results: Path) -> None:
    batch, copies, accuracy = edge_convergence.claims(load_records(results)[0])
    assert batch.published == "1x1x1: 136,000, 8x1x1: 10,000, 13.6x"
    assert batch.measured == "1x1x1: 1,360, 8x1x1: 100, 13.6x"
    assert copies.published == "8x1x1: 10,000, 8x1x4: 4,000, 2.5x"
    assert copies.measured == "8x1x1: 100, 8x1x4: 50, 2.0x"
    assert accuracy.published == "1x1x1: 0.4831, 8x1x1: 0.4935, 8x1x4: 0.4896"
    assert accuracy.measured == "1x1x1: 0.4000, 8x1x1: 0.4100, 8x1x4: 0.3750"
    assert accuracy.conditions == "icews18 (paper: GDELT), 2 passes, logical trainers, seed 0"
    reproduced = Verdict.REPRODUCED
    # The worst test F1 is .025 below 1x1x1; the published ones are all above it.
    assert [batch.verdict, copies.verdict, accuracy.verdict] == [
        reproduced, reproduced, Verdict.PARTLY,
    ]  # fmt: skip


def test_runs_that_were_not_tested_say_nothing_of_the_test(results: Path, train: WriteRun) -> None:
    for layout in ("1x1x1", "8x1x1"):
        folder = train(layout, CURVES[layout], 0.4)
        result = json.loads((folder / "result.json").read_text())
        (folder / "result.json").write_text(json.dumps(result | {"metrics": {}}))
    (batch,) = edge_convergence.claims(load_records(results)[0])
    assert "global batch" in batch.statement


def test_never_reaching_the_level_contradicts(results: Path, train: WriteRun) -> None:
    train("1x1x1", CURVES["1x1x1"], 0.4)
    train("8x1x1", {50: 0.31, 100: 0.3}, 0.3)
    batch, accuracy = edge_convergence.claims(load_records(results)[0])
    assert batch.measured == "1x1x1: 1,360, 8x1x1: not reached"
    assert batch.verdict == Verdict.CONTRADICTED
    assert accuracy.verdict == Verdict.CONTRADICTED


def test_ending_before_the_level_says_nothing(results: Path, train: WriteRun) -> None:
    train("1x1x1", CURVES["1x1x1"], 0.4)
    train("8x1x1", {50: 0.3, 100: 0.31}, 0.3)
    batch, _ = edge_convergence.claims(load_records(results)[0])
    assert batch.verdict == Verdict.INCOMPARABLE


def test_without_a_single_trainer_there_is_a_figure_and_no_claim(
    results: Path, train: WriteRun, tmp_path: Path
) -> None:
    train("8x1x1", CURVES["8x1x1"], 0.4)
    records, _ = load_records(results)
    assert edge_convergence.claims(records) == []
    assert len(edge_convergence.draw(records, tmp_path / "out")) == 3


@pytest.mark.usefixtures("trained")
def test_files(results: Path, tmp_path: Path, write_run: WriteRun) -> None:
    write_run("links")
    records, problems = load_records(results)
    assert problems == []
    assert len(edge_convergence.select(records)) == 3
    paths = edge_convergence.draw(records, tmp_path / "out")
    assert [path.name for path in paths][-1] == "edge_convergence_icews18.csv"
    drawn = pd.read_csv(paths[-1])
    assert drawn.groupby("origin").size().to_dict() == {"measured": 8, "published": 263}
    assert drawn["source"].notna().all()
