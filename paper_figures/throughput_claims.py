"""What the paper claims with Figure 12: a second trainer's gain, and DistTGL by other systems."""

from collections.abc import Iterator
from statistics import median

from paper_figures import claim_text, run_sets, verdicts
from paper_figures.claim import Claim, Verdict
from paper_figures.published import published
from paper_figures.records import Record
from paper_figures.throughput_table import PUBLISHED_PER_GPU

BATCH_SIZE = 600  # events of one GPU of the paper, on all data sets but GDELT
AGREES = 0.1  # of a published speed-up over one trainer: a measured one within it reproduces it
COMPARED = (  # (system, parallelism) by (system, parallelism)
    (("disttgl", "1x1x2"), ("disttgl", "1x1x1")),
    (("disttgl", "1x1x1"), ("tgn", "1x1x1")),
    (("disttgl", "1x1x1"), ("tgl", "1x1x1")),
    (("disttgl", "1x1x2"), ("tgl", "2x1x1")),
)

Configuration = tuple[str, str]


def claims(records: list[Record]) -> Iterator[Claim]:
    """Of ``records`` of one data set and suite: what both they and the paper compare."""
    paper = published("figure_12b", dataset=records[0].dataset).dropna(subset=[PUBLISHED_PER_GPU])
    configurations = zip(paper["system"], paper["parallelism"], strict=True)
    theirs = dict(zip(configurations, paper[PUBLISHED_PER_GPU], strict=True))
    alike = [r for r in run_sets.with_curves(records) if r.batch_size == BATCH_SIZE]
    for faster, slower in COMPARED:
        ours = _ratios(alike, faster, slower)
        if ours and {faster, slower} <= theirs.keys():
            used = [r for r in alike if (r.system, r.parallelism) in (faster, slower)]
            yield _claim(used, faster, slower, ours, theirs[faster] / theirs[slower])


def _claim(
    records: list[Record],
    faster: Configuration,
    slower: Configuration,
    ours: list[float],
    theirs: float,
) -> Claim:
    """``ours`` and ``theirs`` are ratios of events per second and trainer."""
    speedup = faster[0] == slower[0]  # of all trainers of a system together
    times = 2 if speedup else 1
    what = "events/s" if speedup else "events/s per trainer"
    hardware = " and ".join(sorted({str(record.hardware) for record in records}))
    first = records[0]
    return Claim(
        statement=f"{what} of {' '.join(faster)} by {' '.join(slower)}",
        published=f"{times * theirs:.2f} on NVIDIA T4",
        measured=claim_text.median_and_range([times * ratio for ratio in ours], "{:.2f}"),
        conditions=f"{first.dataset}, batch {first.batch_size}, on {hardware}, "
        f"{claim_text.seeds(records)}",
        verdict=(of_speedup if speedup else verdicts.of_ratio)(
            times * median(ours), times * theirs
        ),
        command=", ".join(dict.fromkeys(record.command for record in records)),
    )


def _ratios(records: list[Record], faster: Configuration, slower: Configuration) -> list[float]:
    """Events per second and trainer of ``faster`` by those of ``slower``, of each common seed."""
    rates: dict[Configuration, dict[int, float]] = {faster: {}, slower: {}}
    for record in records:
        if (key := (record.system, record.parallelism)) in rates and record.throughput:
            rates[key][record.seed] = record.throughput / record.num_trainers
    common = sorted(rates[faster].keys() & rates[slower].keys())
    return [rates[faster][seed] / rates[slower][seed] for seed in common]


def of_speedup(measured: float, published: float) -> Verdict:
    """Reproduced within ``AGREES`` of the published speed-up, partly if there is one at all."""
    if abs(measured / published - 1) <= AGREES:
        return Verdict.REPRODUCED
    return Verdict.PARTLY if measured > 1 else Verdict.CONTRADICTED
