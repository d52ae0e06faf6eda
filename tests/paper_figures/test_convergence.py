"""Figure 9: which runs are drawn, and how many iterations they save."""

from math import inf
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from paper_figures import convergence
from paper_figures.claim import Claim, Verdict
from paper_figures.collection import load_records
from paper_figures.published import published
from paper_figures.speedups import speedups
from tests.paper_figures.conftest import WriteRun

# Iterations to .95 of the best of 1x1x1 and the speed-up, read off the paper's Figure 9 as drawn,
# that is with the first evaluation at iteration 0; 1x8x1 in panel b.
AS_DRAWN = {
    "wikipedia": {
        "1x1x1": (4574, 1), "1x2x1": (2012, 2.3), "1x4x1": (549, 8.3), "1x8x1": (366, 12.5),
        "1x4x2": (732, 6.2), "1x2x4": (366, 12.5), "1x1x8": (549, 8.3),
    },
    "reddit": {
        "1x1x1": (10178, 1), "1x2x1": (3914, 2.6), "1x4x1": (1565, 6.5), "1x8x1": (783, 13),
        "1x4x2": (783, 13), "1x2x4": (783, 13), "1x1x8": (783, 13),
    },
    "mooc": {
        "1x1x1": (20236, 1), "1x2x1": (8232, 2.5), "1x4x1": (3430, 5.9), "1x8x1": (2744, 7.4),
        "1x4x2": (2401, 8.4), "1x2x4": (2058, 9.8), "1x1x8": (2058, 9.8),
    },
}  # fmt: skip


def write(write_run: WriteRun, layout: str, seed: int = 0, **changes: Any) -> None:
    """A run on Wikipedia, ``passes`` 100 unless changed."""
    i, j, k = map(int, layout.split("x"))
    passes = changes.setdefault("passes", 100)
    write_run(
        f"{layout}-{seed}-{passes}",
        dataset="wikipedia",
        parallelism={"i": i, "j": j, "k": k},
        emulated=layout != "1x1x1",
        seed=seed,
        **changes,
    )


@pytest.mark.parametrize("dataset", AS_DRAWN)
def test_the_published_curves_give_the_speedups_read_off_them(dataset: str) -> None:
    table = published("figure_9_validation", dataset=dataset)
    table["iteration"] = table["iteration_drawn"].clip(lower=1e-3)  # speed-ups divide by it
    drawn = table.query("panel == 'b' or parallelism != '1x8x1'").groupby("parallelism")
    rows = speedups({str(layout): [run] for layout, run in drawn})
    rows = rows[rows["fraction"] == 0.95].set_index("parallelism")
    for layout, (iterations, speedup) in AS_DRAWN[dataset].items():
        assert rows.loc[layout, "iterations"] == pytest.approx(iterations, abs=4), layout
        assert rows.loc[layout, "speedup"] == pytest.approx(speedup, rel=0.02), layout


def test_published_curves_count_the_iterations_trained() -> None:
    paper = convergence.published_curves("wikipedia", "disttgl")
    assert paper.groupby("panel")["parallelism"].unique().map(set).to_dict() == {
        panel: set(layouts) for panel, layouts in convergence.PANELS.items()
    }
    assert paper["iteration"].min() == 183
    last = paper[paper["parallelism"] == "1x1x8"].iloc[-1]
    assert (last["iteration"], last["test_mrr"]) == (12 * 183, 0.8300)
    assert len(convergence.published_curves("wikipedia", "tgb")) == 0
    assert len(convergence.published_curves("uci", "disttgl")) == 0


def test_speedups_of_hand_made_curves() -> None:
    def run(*mrr: float) -> pd.DataFrame:
        return pd.DataFrame({"iteration": range(10, 10 * len(mrr) + 10, 10), "validation_mrr": mrr})

    rows = speedups(
        {
            "1x1x1": [run(0.1, 0.1, 0.1, 0.71, 0.81, 0.96, 1.1), run(0.2, 0.75, 0.9)],
            "1x1x8": [run(0.8, 0.94), run(0.1, 0.95), run(0.91, 0.91)],
        }
    )
    single, eight = (rows[rows["parallelism"] == layout] for layout in ("1x1x1", "1x1x8"))
    assert rows["validation_mrr"].unique() == pytest.approx([0.7, 0.8, 0.9, 0.95])
    assert single["iterations"].tolist() == [30, 40, 45, inf]
    assert eight["iterations"].tolist() == [10, 10, 20, inf]
    assert eight["lowest"].tolist() == [10, 10, 10, 20]
    assert eight["highest"].tolist() == [20, 20, 20, inf]
    assert eight["speedup"].tolist()[:3] == [3, 4, 2.25]
    assert eight["num_runs"].tolist() == [3] * 4


def test_the_set_with_most_passes_is_drawn_alone(results: Path, write_run: WriteRun) -> None:
    for layout in ("1x1x1", "1x2x1", "1x1x8"):
        write(write_run, layout, passes=16)
    for layout in ("1x1x1", "1x1x8"):
        write(write_run, layout)
    write(write_run, "1x1x1", passes=200)
    write(write_run, "1x2x2", seed=5)
    chosen = convergence.select(load_records(results)[0])
    assert {record.folder.name for record in chosen} == {"1x1x1-0-100", "1x1x8-0-100"}


def test_all_suites_are_used_and_no_seed_counts_twice(results: Path, write_run: WriteRun) -> None:
    write(write_run, "1x1x1", suite="convergence")
    write(write_run, "1x1x8", suite="trainer_grid", mrr=[0.6, 0.7])
    write(write_run, "1x1x8", suite="convergence", mrr=[0.6, 0.7])
    write(write_run, "1x1x8", seed=1, suite="trainer_grid", mrr=[0.8, 0.9])
    table = convergence.measured(convergence.select(load_records(results)[0]))
    row = table[(table["parallelism"] == "1x1x8") & (table["iteration"] == 20)].iloc[0]
    assert (row["panel"], row["num_runs"]) == ("b", 2)
    assert row["validation_mrr"] == pytest.approx(0.8)
    assert row["test_mrr"] == pytest.approx((0.69 + 0.89) / 2)


def claims_of(results: Path) -> list[Claim]:
    return convergence.claims(load_records(results)[0])


def write_three(write_run: WriteRun, passes: float) -> None:
    write(write_run, "1x1x1", passes=passes, mrr=[0.1] * 8 + [0.76, 0.8])  # 90 iterations to .76
    write(write_run, "1x8x1", passes=passes, mrr=[0.77])
    write(write_run, "1x1x8", passes=passes, mrr=[0.1, 0.1, 0.1, 0.1, 0.78])


def test_claims_are_speedups_and_a_loss(results: Path, write_run: WriteRun) -> None:
    write_three(write_run, passes=100)
    epoch, memory, loss = claims_of(results)
    assert epoch.statement == "iterations of 1x8x1 to 95% of the best MRR of 1x1x1"
    assert epoch.measured == "10 against 90, 9.0x"
    assert epoch.published == "549 against 4758, 8.7x (12.5x as drawn, a pass earlier)"
    assert epoch.verdict is Verdict.REPRODUCED
    assert memory.measured == "50 against 90, 1.8x"
    assert memory.published == "732 against 4758, 6.5x (8.3x as drawn, a pass earlier)"
    assert memory.verdict is Verdict.PARTLY
    assert loss.measured == "0.7900 to 0.7700, -0.0200"
    assert loss.published == "0.8354 to 0.8300, -0.0054"
    assert loss.verdict is Verdict.PARTLY


def test_shorter_runs_than_the_papers_do_not_compare(results: Path, write_run: WriteRun) -> None:
    write_three(write_run, passes=16)
    claims = claims_of(results)
    assert len(claims) == 3
    assert {claim.verdict for claim in claims} == {Verdict.INCOMPARABLE}
    assert "16 passes (paper: 100)" in claims[0].conditions


def test_files_are_written_with_holes(tmp_path: Path, results: Path, write_run: WriteRun) -> None:
    for seed in (0, 1):
        write(write_run, "1x1x1", seed=seed, mrr=[0.5, 0.6 + seed / 10])
    write(write_run, "1x1x8", metrics={"validation_mrr_best": 0.6})
    paths = convergence.draw(load_records(results)[0], tmp_path / "out")
    assert [path.name for path in paths] == [
        f"convergence_wikipedia_disttgl{ending}"
        for ending in (".pdf", ".png", ".csv", "_speedups.csv")
    ]
    table = pd.read_csv(paths[2])
    assert table["source"].notna().all()
    ours = table[table["origin"] == "measured"]
    assert set(ours["parallelism"]) == {"1x1x1", "1x1x8"}
    assert ours.loc[ours["parallelism"] == "1x1x8", "test_mrr"].isna().all()
    rows = pd.read_csv(paths[3])
    assert set(rows["origin"]) == {"measured", "published"}
    assert set(rows.loc[rows["origin"] == "published", "panel"]) == {"a", "b"}


def test_a_single_layout_is_no_figure(results: Path, write_run: WriteRun) -> None:
    write(write_run, "1x1x1")
    write(write_run, "1x1x8", passes=16)
    assert convergence.select(load_records(results)[0]) == []
