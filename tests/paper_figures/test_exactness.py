"""Exactness: the table of a suite and what it says."""

from pathlib import Path

import pandas as pd
import pytest

from paper_figures import exactness
from paper_figures.claim import Verdict
from paper_figures.collection import load_records
from paper_figures.records import RecordError
from tests.paper_figures.conftest import WriteRun

HEADER = "i x j x k,precision,node_memory,processes,losses,loss,metric"
SAME = ["2x2x2,float64,daemon,1,60,0.0e+00,0.0e+00", "2x2x2,float64,replica,2,60,0.0e+00,0.0e+00"]


def write_table(folder: Path, lines: list[str]) -> None:
    (folder / "exactness" / "agreement.csv").write_text("\n".join([HEADER, *lines]) + "\n")


def test_runs_without_their_table_are_not_drawn(results: Path, write_run: WriteRun) -> None:
    write_run("one", suite="exactness")
    write_run("other")
    assert exactness.select(load_records(results)[0]) == []
    write_table(results, SAME)
    records, problems = load_records(results)
    assert [record.folder.name for record in exactness.select(records)] == ["one"]
    assert problems == []


@pytest.mark.parametrize(
    ("lines", "verdict", "words"),
    [
        ([], Verdict.REPRODUCED, "1 of 1 runs the same bit for bit"),
        (
            ["2x2x2,float64,daemon,4,60,0.0e+00,4.0e-16"],
            Verdict.PARTLY,
            "1 of 2 runs the same bit for bit, the others to 4e-16",
        ),
        (
            ["2x2x2,float64,daemon,4,60,2.0e-03,4.0e-16"],
            Verdict.CONTRADICTED,
            "1 of 2 runs the same bit for bit, the others to 2e-03",
        ),
        (
            ["2x2x2,float64,daemon,4,60,inf,0.0e+00"],
            Verdict.CONTRADICTED,
            "1 of 2 runs the same bit for bit, the others to inf",
        ),
    ],
)
def test_the_verdict_follows_from_the_largest_difference(
    results: Path, write_run: WriteRun, lines: list[str], verdict: Verdict, words: str
) -> None:
    write_run(suite="exactness")
    write_table(results, SAME + lines)
    (claim,) = exactness.claims(load_records(results)[0])
    assert (claim.verdict, claim.measured) == (verdict, words)
    assert claim.command.endswith("suite=exactness system.precision=float64")


def test_every_precision_has_its_claim_and_its_own_rounding(
    results: Path, write_run: WriteRun
) -> None:
    write_run(suite="exactness", config={"system": {"precision": "float64"}})
    lines = [f"2x2x2,float32,daemon,{n}" for n in (1, 2)]
    ends = ["60,0.0e+00,0.0e+00", "60,3.0e-07,0.0e+00"]
    write_table(results, [*SAME, *map(",".join, zip(lines, ends, strict=True))])
    double, single = exactness.claims(load_records(results)[0])
    assert (double.verdict, single.verdict) == (Verdict.REPRODUCED, Verdict.PARTLY)
    assert single.measured == "0 of 1 runs the same bit for bit, the others to 3e-07"
    assert double.conditions == (
        "synthetic, float64; 2x2x2, each beside a run on the fewest of 1, 2 processes; "
        "losses of 60 iterations, and metrics; all in the table agreement.csv, the folders of 1 "
        "runs beside it"
    )


def test_files_are_written(results: Path, write_run: WriteRun, tmp_path: Path) -> None:
    write_run(suite="exactness")
    write_table(results, [*SAME, "1x8x1,float32,sharded,4,58,2.0e-03,4.0e-16"])
    pdf, png, table = exactness.draw(load_records(results)[0], tmp_path / "out")
    assert pdf.read_bytes().startswith(b"%PDF") and png.stat().st_size > 1000
    rows = pd.read_csv(table)
    assert rows["difference"].tolist() == [0, 0, 2e-3]
    assert rows["label"].tolist() == ["2x2x2 float64"] * 2 + ["1x8x1 float32"]
    assert set(rows["origin"]) == {"measured"} and rows["source"].notna().all()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("i x j x k,precision\n2x2x2,float64\n", "column 'node_memory' is missing"),
        (f"{HEADER}\n", "a difference is missing"),
        (f"{HEADER}\n2x2x2,float64,daemon,1,60,,0.0\n", "a difference is missing"),
    ],
)
def test_a_damaged_table_is_one_sentence(
    results: Path, write_run: WriteRun, text: str, words: str
) -> None:
    write_run(suite="exactness")
    (results / "exactness" / "agreement.csv").write_text(text)
    with pytest.raises(RecordError, match=words):
        exactness.claims(load_records(results)[0])
