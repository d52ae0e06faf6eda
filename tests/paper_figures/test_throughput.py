"""Figure 12: measured, projected and published throughput, and the claims on them."""

from pathlib import Path
from typing import Any

import matplotlib.image
import pandas as pd
import pytest

from paper_figures import projection, throughput
from paper_figures.claim import Verdict
from paper_figures.collection import load_records
from paper_figures.records import Record
from paper_figures.throughput_table import (
    PER_TRAINER,
    TOTAL,
    measured,
    projected,
    published_bars,
    strategy_of,
)
from tests.paper_figures.conftest import WriteRun

COLUMNS = ["label", "parallelism", TOTAL, "lowest", "highest", PER_TRAINER]


def write(write_run: WriteRun, system: str, parallelism: str, rate: float, **changes: Any) -> None:
    """A run of suite=scaling on Wikipedia with one process for each trainer."""
    i, j, k = (int(degree) for degree in parallelism.split("x"))
    run: dict[str, Any] = {
        "suite": "scaling",
        "dataset": "wikipedia",
        "system": system,
        "parallelism": {"i": i, "j": j, "k": k},
        "processes": i * j * k,
        "throughput_events_per_second": rate,
    }
    run |= changes
    name = "-".join(str(part) for part in (system, parallelism, rate, *changes.values()))
    write_run(name, **run)


def chosen(results: Path) -> list[Record]:
    return throughput.select(load_records(results)[0])


def test_throughput_is_the_median_in_total_and_per_trainer(
    results: Path, write_run: WriteRun
) -> None:
    for seed, rate in enumerate([10_000.0, 12_000.0, 17_000.0]):
        write(write_run, "disttgl", "1x1x2", rate, seed=seed)
    (row,) = measured(chosen(results)).to_dict("records")
    assert row["label"] == "disttgl 1x1x2"
    assert row[TOTAL] == 12
    assert row[PER_TRAINER] == 6
    assert (row["lowest"], row["highest"], row["num_runs"]) == (10, 17, 3)
    assert (row["strategy"], row["origin"]) == ("memory", "measured")


def test_emulated_trainers_and_suites_of_other_questions_are_left_out(
    results: Path, write_run: WriteRun
) -> None:
    write(write_run, "disttgl", "1x1x2", 10_000.0)
    write(write_run, "disttgl", "1x1x4", 10_000.0, emulated=True)
    write(write_run, "disttgl", "1x1x8", 10_000.0, throughput_events_per_second=None)
    write(write_run, "disttgl", "8x1x1", 10_000.0, suite="exactness")
    write(write_run, "disttgl", "2x1x1", 10_000.0, config={"pin_cores": False})
    assert [record.parallelism for record in chosen(results)] == ["1x1x2"]


def test_the_suite_that_takes_the_most_care_is_drawn(
    results: Path, tmp_path: Path, write_run: WriteRun
) -> None:
    write(write_run, "disttgl", "1x1x1", 1000.0, suite="quick")
    write(write_run, "disttgl", "1x1x1", 2000.0)
    write(write_run, "disttgl", "1x1x1", 3000.0, suite="quick", dataset="uci")
    throughput.draw(chosen(results), tmp_path)
    totals = {
        path.name: pd.read_csv(path).set_index("origin").loc["measured", TOTAL]
        for path in tmp_path.glob("*.csv")
    }
    assert totals == {"throughput_wikipedia_disttgl.csv": 2, "throughput_uci_disttgl.csv": 3}


def test_projection_spans_what_the_measured_sizes_leave_open(
    results: Path, write_run: WriteRun
) -> None:
    write(write_run, "disttgl", "1x1x1", 600 / 0.040)
    write(write_run, "disttgl", "1x1x2", 1200 / 0.046)
    write(write_run, "tgl", "2x1x1", 10_000.0)
    table = projected(measured(chosen(results)))
    assert table["label"].tolist() == ["disttgl 1x1x4", "disttgl 1x1x8"]
    assert set(table["origin"]) == {"projected"}
    eight = table.iloc[1]
    # 6 ms more for each further copy, or once for the exchange: 2 x 7/8 of it.
    assert eight[TOTAL] == eight["lowest"] == pytest.approx(4.8 / (0.040 + 7 * 0.006))
    assert eight["highest"] == pytest.approx(4.8 / (0.040 + 1.75 * 0.006))
    assert eight[PER_TRAINER] == pytest.approx(eight["lowest"] / 8)


def test_measured_sizes_are_not_projected(results: Path, write_run: WriteRun) -> None:
    write(write_run, "disttgl", "1x1x1", 600 / 0.040)
    write(write_run, "disttgl", "4x1x1", 2400 / 0.049)
    write(write_run, "disttgl", "2x1x1", 1200 / 0.043)
    write(write_run, "disttgl", "2x2x1", 2400 / 0.049)
    (row,) = projected(measured(chosen(results))).to_dict("records")
    # 3 ms for each further trainer of a copy explains all four, which leaves nothing open.
    assert row["label"] == "disttgl 8x1x1"
    assert (row["lowest"], row["highest"]) == pytest.approx([4.8 / 0.061] * 2)


def test_nothing_is_projected_without_one_trainer_or_with_nothing_else(
    results: Path, write_run: WriteRun
) -> None:
    write(write_run, "disttgl", "1x1x2", 10_000.0)
    assert len(projected(measured(chosen(results)))) == 0
    write(write_run, "disttgl", "1x1x1", 5000.0, config={"threads": 1}, batch_size=200)
    assert len(projected(measured(chosen(results)))) == 0


def test_projections_are_of_one_variant(results: Path, write_run: WriteRun) -> None:
    for threads, slower in ((1, 1), (2, 2)):
        config = {"threads": threads}
        write(write_run, "disttgl", "1x1x1", 600 / 0.040 / slower, config=config)
        write(write_run, "disttgl", "1x1x2", 1200 / 0.046 / slower, config=config)
    table = projected(measured(chosen(results))).set_index("label")
    ratio = (
        table["lowest"]["disttgl 1x1x8, threads=1"] / table["lowest"]["disttgl 1x1x8, threads=2"]
    )
    assert ratio == pytest.approx(2)


@pytest.mark.parametrize(
    ("parallelism", "strategy"),
    [
        ("1x1x1", "single"),
        ("8x1x1", "mini-batch"),
        ("1x2x1", "epoch"),
        ("1x1x2", "memory"),
        ("1x8x2", "epoch + memory"),
    ],
)
def test_strategies(parallelism: str, strategy: str) -> None:
    assert strategy_of(parallelism) == strategy


def test_published_throughput_up_to_the_number_of_trainers() -> None:
    table = pd.DataFrame(
        {
            "label": ["tgn 1x1x1, threads=2", "disttgl 1x1x2", "disttgl 2x1x1"],
            "system": ["tgn", "disttgl", "disttgl"],
            "parallelism": ["1x1x1", "1x1x2", "2x1x1"],
            "num_trainers": [1, 2, 2],
        }
    )
    bars = published_bars("wikipedia", table).set_index("label")
    assert bars[PER_TRAINER].to_dict() == {
        "tgn 1x1x1, threads=2": 6.45,
        "tgl 1x1x1": 21.07,
        "tgl 2x1x1": 15.49,
        "disttgl 1x1x1": 23.77,
        "disttgl 1x2x1": 22.18,
        "disttgl 1x1x2": 21.87,
    }
    assert bars[TOTAL]["disttgl 1x1x2"] == 43.74
    assert "tgn 1x1x1" not in published_bars("gdelt", table)["label"].tolist()  # not completed
    assert len(published_bars("reddit", table)) == 0


def test_claims_by_hand(results: Path, write_run: WriteRun) -> None:
    for seed, (one, two, tgn, tgl, tgl_two) in enumerate(
        [(10_000.0, 18_000.0, 4000.0, 10_000.0, 10_000.0),
         (12_500.0, 20_000.0, 6250.0, 10_000.0, 16_000.0)]
    ):  # fmt: skip
        write(write_run, "disttgl", "1x1x1", one, seed=seed)
        write(write_run, "disttgl", "1x1x2", two, seed=seed)
        write(write_run, "tgn", "1x1x1", tgn, seed=seed)
        write(write_run, "tgl", "1x1x1", tgl, seed=seed)
        write(write_run, "tgl", "2x1x1", tgl_two, seed=seed)
    claims = throughput.claims(chosen(results))
    assert [(c.statement, c.published, c.measured, c.verdict) for c in claims] == [
        (
            "events/s of disttgl 1x1x2 by disttgl 1x1x1",
            "1.84 on NVIDIA T4",
            "1.70 [1.60, 1.80]",
            Verdict.REPRODUCED,
        ),
        (
            "events/s per trainer of disttgl 1x1x1 by tgn 1x1x1",
            "3.69 on NVIDIA T4",
            "2.25 [2.00, 2.50]",
            Verdict.PARTLY,
        ),
        (
            "events/s per trainer of disttgl 1x1x1 by tgl 1x1x1",
            "1.13 on NVIDIA T4",
            "1.12 [1.00, 1.25]",
            Verdict.REPRODUCED,
        ),
        (
            "events/s per trainer of disttgl 1x1x2 by tgl 2x1x1",
            "1.41 on NVIDIA T4",
            "1.52 [1.25, 1.80]",
            Verdict.REPRODUCED,
        ),
    ]
    assert claims[0].conditions == "wikipedia, batch 600, on a processor, 2 cores, seeds 0, 1"


def test_claims_need_the_same_seed_batch_size_and_whole_stream(
    results: Path, write_run: WriteRun
) -> None:
    write(write_run, "disttgl", "1x1x1", 10_000.0)
    write(write_run, "disttgl", "1x1x2", 18_000.0, seed=1)
    write(write_run, "disttgl", "1x1x2", 18_000.0, batch_size=200)
    write(write_run, "disttgl", "1x1x2", 18_000.0, config={"max_events": 5000})
    assert throughput.claims(chosen(results)) == []


def test_claims_do_not_mix_runs_of_different_length(results: Path, write_run: WriteRun) -> None:
    for passes, one, two in ((2, 10_000.0, 18_000.0), (9, 5_000.0, 5_000.0)):
        for seed in range(2 if passes == 2 else 1):
            write(write_run, "disttgl", "1x1x1", one, passes=passes, seed=seed)
            write(write_run, "disttgl", "1x1x2", two, passes=passes, seed=seed)
    (claim,) = throughput.claims(chosen(results))
    assert claim.measured == "1.80 [1.80, 1.80]"


def test_the_figure_tells_measured_projected_and_published(
    results: Path, tmp_path: Path, write_run: WriteRun
) -> None:
    write(write_run, "disttgl", "1x1x1", 10_000.0)
    write(write_run, "disttgl", "1x1x2", 18_000.0)
    pdf, png, csv = throughput.draw(chosen(results), tmp_path)
    assert pdf.read_bytes().startswith(b"%PDF")
    height, width, _ = matplotlib.image.imread(png).shape
    assert (width / 300, height / 300) == pytest.approx((7, 5), abs=0.5)
    table = pd.read_csv(csv)
    sizes = table.groupby("origin")["num_trainers"].max().to_dict()
    assert sizes == {"measured": 2, "projected": 8, "published": 8}
    assert table["source"].notna().all()


def test_bars_that_are_not_measured_are_hollow(
    results: Path, write_run: WriteRun, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    write(write_run, "disttgl", "1x1x1", 10_000.0)
    write(write_run, "disttgl", "1x1x2", 18_000.0)
    figures: list[Any] = []

    def keep(figure: Any, *_: Any) -> list[Path]:
        figures.append(figure)
        return []

    monkeypatch.setattr(throughput.style, "save", keep)
    throughput.draw(chosen(results), tmp_path)
    totals, per_trainer = figures[0].axes
    looks = [(bar.get_hatch(), bar.get_facecolor()[:3] == (1, 1, 1)) for bar in totals.patches]
    assert looks == [(None, False), (None, False), ("......", True), ("......", True)]
    hatches = [bar.get_hatch() for bar in per_trainer.patches]
    assert hatches == [None, None, "......", "......"] + ["//////"] * 12
    joined = [line for line in totals.lines if len(set(line.get_xdata())) > 2]
    assert joined == []


def test_predictions_of_the_paper_are_drawn_beside_a_scaling_run(
    results: Path, tmp_path: Path, write_run: WriteRun
) -> None:
    write(write_run, "disttgl", "1x1x1", 10_000.0, suite="quick")
    assert projection.select(load_records(results)[0]) == []
    write(write_run, "disttgl", "1x1x1", 10_000.0)
    records = projection.select(load_records(results)[0])
    assert [record.suite for record in records] == ["scaling"]
    paths = projection.draw(records, tmp_path)
    assert [path.name for path in paths] == ["projection.pdf", "projection.png", "projection.csv"]
    table = pd.read_csv(paths[2])
    assert table.groupby("held_out").size().to_dict() == {False: 20, True: 10}
    assert table["source"].notna().all()


def test_claims_of_predictions_never_count_as_reproduced() -> None:
    two, four = projection.claims([])
    assert (two.published, four.published) == ("13.95", "25.05")
    assert two.measured.startswith("14.41 predicted; error of a bar 3.2% in the mean, 6.2% at most")
    assert four.measured.startswith("28.80 predicted; error of a bar 14.9% in the mean, 21.6%")
    assert (two.verdict, four.verdict) == (Verdict.PARTLY, Verdict.INCOMPARABLE)
