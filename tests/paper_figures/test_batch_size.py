"""Accuracy by global batch size: the numbers drawn and what they claim."""

import json
from collections.abc import Sequence
from pathlib import Path

import pandas as pd
import pytest

from paper_figures import batch_size
from paper_figures.batch_size_claims import (
    METRIC,
    SIZE,
    fall,
    free_growth,
    growth_without_loss,
    loss,
)
from paper_figures.claim import Verdict
from paper_figures.collection import load_records
from tests.paper_figures.conftest import WriteRun

F1 = {600: [0.52, 0.48], 1200: [0.49, 0.49], 4800: [0.41, 0.39]}  # of two seeds


@pytest.fixture
def sweep(write_run: WriteRun) -> WriteRun:
    """Writes a run of ``batch_size`` that ends at ``f1``, after validations every 10 steps."""

    def write(
        size: int, f1: float, seed: int = 0, curve: Sequence[float] = (0.5, 1), **changes: object
    ) -> Path:
        folder = write_run(
            f"batch{size}-seed{seed}-{changes.get('suite', '')}",
            **{"suite": "batch_size", "dataset": "icews18", "task": "edge_classification"}
            | {"batch_size": size, "seed": seed, "passes": 10}
            | {"metrics": {"test_f1_micro": f1, "test_f1_micro_majority": 0.1}}
            | {"config": {"batch_size": size, "seed": seed, "passes": 10}}
            | changes,
        )
        lines = [
            {"iteration": 10 * n, "pass": n, "seconds": n, "validation_f1_micro": part * f1}
            for n, part in enumerate(curve, start=1)
        ]
        text = "".join(json.dumps(line) + "\n" for line in lines)
        (folder / "metrics.jsonl").write_text(text)
        return folder

    return write


@pytest.fixture
def two_seeds(sweep: WriteRun) -> None:
    for size, values in F1.items():
        for seed, value in enumerate(values):
            sweep(size, value, seed)


def table(values: dict[int, float]) -> pd.DataFrame:
    return pd.DataFrame({SIZE: values.keys(), METRIC: values.values()})


@pytest.mark.usefixtures("two_seeds")
def test_points_are_the_mean_and_range_over_seeds(results: Path, sweep: WriteRun) -> None:
    sweep(2400, 0.3, suite="edge_classification")
    sweep(2400, 0.3, seed=3, parallelism={"i": 8, "j": 1, "k": 1}, emulated=True)
    [group] = batch_size.sweeps(batch_size.select(load_records(results)[0]))
    points = batch_size.measured(group)
    assert points[SIZE].tolist() == [600, 1200, 4800]
    assert points[METRIC].tolist() == pytest.approx([0.5, 0.49, 0.4])
    assert points["lowest"].tolist() == [0.48, 0.49, 0.39]
    assert points["highest"].tolist() == [0.52, 0.49, 0.41]
    assert points["test_f1_micro_majority"].tolist() == pytest.approx([0.1] * 3)


def test_published_growth_and_loss() -> None:
    paper = batch_size.published_points()
    assert growth_without_loss(paper) == 256
    assert loss(paper) == pytest.approx(1 - 0.4248 / 0.4831)


@pytest.mark.parametrize(
    ("values", "growth", "verdicts"),
    [
        ({600: 0.5, 1200: 0.49, 4800: 0.4}, 2, (Verdict.PARTLY, Verdict.REPRODUCED)),
        ({600: 0.5, 1200: 0.4, 4800: 0.5}, 1, (Verdict.CONTRADICTED, Verdict.INCOMPARABLE)),
        ({600: 0.5, 4800: 0.49}, 8, (Verdict.PARTLY, Verdict.INCOMPARABLE)),
        ({600: 0.5, 4800: 0.48}, 1, (Verdict.CONTRADICTED, Verdict.PARTLY)),
        ({600: 0.5, 614_400: 0.51}, 1024, (Verdict.REPRODUCED, Verdict.CONTRADICTED)),
    ],
)
def test_verdicts(
    values: dict[int, float], growth: float, verdicts: tuple[Verdict, Verdict]
) -> None:
    ours, paper = table(values), batch_size.published_points()
    assert growth_without_loss(ours) == growth
    found = [claim(ours, paper, "", "").verdict for claim in (free_growth, fall)]
    assert tuple(found) == verdicts


@pytest.mark.usefixtures("two_seeds")
def test_claims(results: Path) -> None:
    growth, loss = batch_size.claims(load_records(results)[0])
    assert growth.published == "256x, from 3,200 to 819,200 events"
    assert growth.measured == "2x, from 600 to 1,200 events"
    assert loss.published == "F1 0.4831 at 3,200, F1 0.4248 at 6,553,600 events (-12.1%)"
    assert loss.measured == "F1 0.5000 at 600, F1 0.4000 at 4,800 events (-20.0%)"
    assert "icews18 (paper: GDELT), 10 passes" in growth.conditions
    assert "seeds 0, 1" in growth.conditions


@pytest.mark.parametrize(
    ("curve", "verdict"), [([1.0], Verdict.INCOMPARABLE), ([0.5, 1.0], Verdict.REPRODUCED)]
)
def test_a_largest_batch_of_too_few_steps_says_nothing(
    results: Path, sweep: WriteRun, curve: list[float], verdict: Verdict
) -> None:
    """The smallest is within 3% of its best validation after 20 steps."""
    sweep(600, 0.5, curve=[0.9, 0.98, 1.0])
    sweep(4800, 0.4, curve=curve)
    growth, loss = batch_size.claims(load_records(results)[0])
    assert loss.verdict is verdict
    short = "; 10 steps of the largest, the smallest took 20"
    assert growth.conditions.endswith(short) == (verdict is Verdict.INCOMPARABLE)


def test_one_batch_size_claims_nothing(results: Path, sweep: WriteRun) -> None:
    sweep(600, 0.5)
    assert batch_size.claims(load_records(results)[0]) == []
    assert batch_size.claims([]) == []


@pytest.mark.usefixtures("two_seeds")
def test_files(results: Path, sweep: WriteRun, tmp_path: Path) -> None:
    sweep(600, 0.3, seed=2, config={"learning_rate": 1e-2})
    records, problems = load_records(results)
    assert problems == []
    paths = batch_size.draw(records, tmp_path / "out")
    names = [path.name for path in paths if path.suffix == ".csv"]
    assert names == ["batch_size_icews18.csv", "batch_size_icews18_2.csv"]
    assert all(path.stat().st_size for path in paths)
    drawn = pd.read_csv(tmp_path / "out" / names[0])
    assert drawn.groupby("origin").size().to_dict() == {"measured": 3, "published": 12}
    assert drawn["source"].notna().all()
