"""What the paper claims with Figure 12: a second trainer's gain, and DistTGL by other systems."""

from collections.abc import Iterator
from statistics import median

from paper_figures import claim_text, run_sets, verdicts
from paper_figures.claim import Claim
from paper_figures.published import published
from paper_figures.records import Record, commands
from paper_figures.series import make_series
from paper_figures.throughput_table import PUBLISHED_PER_GPU

BATCH_SIZE = 600  # events of one GPU of the paper, on all data sets but GDELT
COMPARED = (  # (system, parallelism) by (system, parallelism)
    (("disttgl", "1x1x2"), ("disttgl", "1x1x1")),
    (("disttgl", "1x1x1"), ("tgn", "1x1x1")),
    (("disttgl", "1x1x1"), ("tgl", "1x1x1")),
    (("disttgl", "1x1x2"), ("tgl", "2x1x1")),
)

VARYING = ("system", "model", "processes")  # beside parallelism and seed

Configuration = tuple[str, str]
Pair = tuple[Record, Record]


def claims(records: list[Record]) -> Iterator[Claim]:
    """Of ``records`` of one data set and suite: what both they and the paper compare."""
    paper = published("figure_12b", dataset=records[0].dataset).dropna(subset=[PUBLISHED_PER_GPU])
    configurations = zip(paper["system"], paper["parallelism"], strict=True)
    theirs = dict(zip(configurations, paper[PUBLISHED_PER_GPU], strict=True))
    fitting = [r for r in run_sets.with_curves(records) if r.batch_size == BATCH_SIZE]
    sets = run_sets.alike(fitting, VARYING)
    for faster, slower in COMPARED:
        pairs = [pair for one in sets if (pair := _of_common_seeds(one, faster, slower))]
        if pairs and {faster, slower} <= theirs.keys():
            yield _claim(max(pairs, key=len), theirs[faster] / theirs[slower])


def _claim(pairs: list[Pair], theirs: float) -> Claim:
    """``theirs`` is the ratio of events per second and trainer."""
    ours = [_rate(faster) / _rate(slower) for faster, slower in pairs]
    first, second = pairs[0]
    speedup = first.system == second.system  # of all trainers of a system together
    times = 2 if speedup else 1
    what = "events/s" if speedup else "events/s per trainer"
    names = [f"{record.system} {record.parallelism}" for record in (first, second)]
    records = [record for pair in pairs for record in pair]
    return Claim(
        statement=f"{what} of {' by '.join(names)}",
        published=f"{times * theirs:.2f} on NVIDIA T4",
        measured=claim_text.median_and_range([times * ratio for ratio in ours], "{:.2f}"),
        conditions=f"{first.dataset}, batch {first.batch_size}, on {first.hardware}, "
        f"{claim_text.seeds(records)}",
        verdict=(verdicts.of_speedup if speedup else verdicts.of_ratio)(
            times * median(ours), times * theirs
        ),
        command=commands(records),
    )


def _of_common_seeds(
    records: list[Record], faster: Configuration, slower: Configuration
) -> list[Pair]:
    """Of the first series of each configuration."""
    one, other = (
        {record.seed: record for record in series[0].records} if series else {}
        for wanted in (faster, slower)
        for series in [make_series(r for r in records if (r.system, r.parallelism) == wanted)]
    )
    return [(one[seed], other[seed]) for seed in sorted(one.keys() & other.keys())]


def _rate(record: Record) -> float:
    """Events per second and trainer."""
    return (record.throughput or 0) / record.num_trainers
