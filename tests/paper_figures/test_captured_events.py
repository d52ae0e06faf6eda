"""What the counts of Figure 8 say about the paper."""

from pathlib import Path

import pytest

from paper_figures import captured_events
from paper_figures.claim import Verdict
from paper_figures.collection import load_records
from paper_figures.published import published
from tests.paper_figures.conftest import WriteRun

PUBLISHED = {
    size: sorted(published("figure_8", batch_size=size)["captured_events"]) for size in (600, 2400)
}


def test_the_papers_own_bars_reproduce_it(results: Path, write_count: WriteRun) -> None:
    for size, bars in PUBLISHED.items():
        write_count(size, bars, dataset="wikipedia")
    largest, total = captured_events.claims(load_records(results)[0])
    assert (largest.published, largest.measured) == ("255, 66", "255, 66")
    assert (total.published, total.measured) == ("76390, 49861", "76390, 49861")
    assert {largest.verdict, total.verdict} == {Verdict.REPRODUCED}
    assert "batches of 600, 2400 events" in largest.conditions


@pytest.mark.parametrize(
    ("change", "largest", "total"),
    [
        (1, Verdict.PARTLY, Verdict.REPRODUCED),  # 255 + 1
        (765, Verdict.CONTRADICTED, Verdict.PARTLY),  # 76,390 and 1.001 %
        (8000, Verdict.CONTRADICTED, Verdict.CONTRADICTED),
    ],
)
def test_verdicts_by_distance(
    results: Path, write_count: WriteRun, change: int, largest: Verdict, total: Verdict
) -> None:
    *rest, last = PUBLISHED[600]
    write_count(600, [*rest, last + change], dataset="wikipedia")
    claims = captured_events.claims(load_records(results)[0])
    assert [claim.verdict for claim in claims] == [largest, total]


def test_nothing_is_claimed_of_other_streams_and_batch_sizes(
    results: Path, write_count: WriteRun
) -> None:
    write_count(600, [3, 2])
    write_count(7, [3, 2], dataset="wikipedia")
    write_count(600, [3, 2], dataset="wikipedia", name="short", config={"max_events": 5000})
    assert captured_events.claims(load_records(results)[0]) == []
