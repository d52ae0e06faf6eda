"""Figure 10: the cells of the grid, and what they claim."""

from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from matplotlib.axes import Axes

from paper_figures import trainer_grid
from paper_figures.claim import Verdict
from paper_figures.collection import load_records
from tests.paper_figures.conftest import WriteRun


def write(write_run: WriteRun, layout: str, mrr: list[float], **changes: Any) -> None:
    """A run of 100 passes on Wikipedia whose test MRR is .01 below the best of ``mrr``."""
    i, j, k = map(int, layout.split("x"))
    changes = {"dataset": "wikipedia", "passes": 100, **changes}
    name = "-".join(str(part) for part in (layout, *changes.values()))
    write_run(name, parallelism={"i": i, "j": j, "k": k}, mrr=mrr, **changes)


def test_cells_are_the_mean_test_mrr_and_the_median_best_iteration(
    results: Path, write_run: WriteRun
) -> None:
    write(write_run, "1x2x4", [0.5, 0.7, 0.6], seed=0)
    write(write_run, "1x2x4", [0.5, 0.6, 0.8, 0.8], seed=1, suite="trainer_grid")
    write(write_run, "1x1x1", [0.5, 0.6], suite="convergence")
    table = trainer_grid.measured(load_records(results)[0]).set_index("parallelism")
    assert table.loc["1x2x4", "test_mrr"] == pytest.approx((0.69 + 0.79) / 2)
    assert table.loc["1x2x4", "iterations_to_best"] == (20 + 30) / 2
    assert table.loc["1x2x4", "num_runs"] == 2
    assert table.loc["1x1x1", "iterations_to_best"] == 20


def test_the_set_with_most_passes_and_i_of_one_is_drawn(results: Path, write_run: WriteRun) -> None:
    for layout in ("1x1x1", "1x1x8", "2x1x8", "1x1x16", "1x8x4"):
        write(write_run, layout, [0.5])
    for layout in ("1x1x1", "1x2x1", "1x1x2", "1x8x4"):
        write(write_run, layout, [0.5], passes=16)
    chosen = trainer_grid.select(load_records(results)[0])
    assert {record.passes for record in chosen} == {100}
    assert {record.parallelism for record in chosen} == {"1x1x1", "1x1x8", "1x8x4"}


def test_a_single_cell_is_no_figure(results: Path, write_run: WriteRun) -> None:
    write(write_run, "1x1x1", [0.5])
    assert trainer_grid.select(load_records(results)[0]) == []


def test_the_published_grid_has_one_hole() -> None:
    grid = trainer_grid.published_grid("wikipedia", "disttgl")
    iterations = trainer_grid.by_layout(grid, "iterations_to_best")
    assert trainer_grid.LAYOUTS.keys() - iterations.keys() == {"1x8x8"}
    assert (iterations["1x1x1"], iterations["1x4x8"]) == (14274, 549)
    assert len(trainer_grid.published_grid("uci", "disttgl")) == 0
    assert len(trainer_grid.published_grid("wikipedia", "tgb")) == 0


def test_claims_are_iterations_saved_and_which_end_higher(
    results: Path, write_run: WriteRun
) -> None:
    write(write_run, "1x1x1", [0.5] * 7 + [0.9, 0.8])  # best after 80 iterations
    write(write_run, "1x1x8", [0.82, 0.5])
    write(write_run, "1x8x1", [0.80])
    write(write_run, "1x4x8", [0.5] * 8 + [0.6, 0.5])
    eight, thirty_two, higher = trainer_grid.claims(load_records(results)[0])
    assert eight.measured == "10 against 80, 8.0x"
    assert eight.published == "1830 against 14274, 7.8x"
    assert eight.verdict is Verdict.REPRODUCED
    assert thirty_two.published == "549 against 14274, 26.0x"
    assert thirty_two.measured == "90 against 80, 0.9x"
    assert thirty_two.verdict is Verdict.CONTRADICTED
    assert higher.measured == "0.8100 against 0.7900, +0.0200"
    assert higher.published == "0.8300 against 0.8122, +0.0178"
    assert higher.verdict is Verdict.REPRODUCED


def test_a_best_at_the_end_of_a_run_says_only_how_long_it_was(
    results: Path, write_run: WriteRun
) -> None:
    write(write_run, "1x1x1", [0.5] * 7 + [0.9])
    write(write_run, "1x1x8", [0.82, 0.5])
    (saved,) = trainer_grid.claims(load_records(results)[0])
    assert saved.measured == "10 against 80, 8.0x"
    assert saved.verdict is Verdict.INCOMPARABLE


def test_shorter_runs_than_the_papers_do_not_compare(results: Path, write_run: WriteRun) -> None:
    for layout in ("1x1x1", "1x1x8"):
        write(write_run, layout, [0.5], passes=24)
    (claim,) = trainer_grid.claims(load_records(results)[0])
    assert claim.verdict is Verdict.INCOMPARABLE


def test_holes_are_drawn_as_holes(
    tmp_path: Path, results: Path, write_run: WriteRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    written: list[str] = []
    text = Axes.text

    def remember(axes: Axes, x: float, y: float, s: str, **looks: Any) -> object:
        written.append(s)
        return text(axes, x, y, s, **looks)

    monkeypatch.setattr(Axes, "text", remember)
    write(write_run, "1x1x1", [0.5, 0.6])
    write(write_run, "1x1x8", [0.7], metrics={"validation_mrr_best": 0.7})
    _, _, csv = trainer_grid.draw(load_records(results)[0], tmp_path / "out")
    assert written.count("not\nrun") == 15 + 1 + 14 + 1
    assert {".5900", "20", "10", "14274"} <= set(written)
    table = pd.read_csv(csv)
    assert table.groupby("origin").size().to_dict() == {"measured": 2, "published": 15}
    assert table["source"].notna().all()
