"""Table 1: what mini-batch, epoch and memory parallelism cost, and what was measured behind it."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.figure import Figure

from paper_figures import style
from paper_figures.claim import Claim, Verdict
from paper_figures.published import published
from paper_figures.records import COUNTING_TASK, Record, commands
from paper_figures.run_sets import SINGLE, alike, by_parallelism, on_whole_stream, ran_apart
from paper_figures.spread import COSTS, cell, median_columns
from paper_figures.table_picture import draw_table, rows_of

NUMBER = "Table 1"
SHOWS = "what each kind of parallelism costs, against one trainer (Table 1)"
COMMAND = "python -m benchmark.run suite=scaling dataset=wikipedia system=disttgl seeds=4"
DIFFERS = (
    "The paper states directions; here are numbers of two trainers, a CPU core each. Mini-batches "
    "are made in the background, so that only the wait for them shows. A copy of the node memory "
    "takes 11 MB, which is little beside what each process takes for itself. Of synchronisation "
    "only that of node memory is timed on its own, and of gradient variance there is no record."
)
DATASET, BATCH_SIZE = "wikipedia", 600  # events of one trainer, as in the paper
STRATEGIES = {"mini-batch": "2x1x1", "epoch": "1x2x1", "memory": "1x1x2"}
CAPTURED, OVERHEAD, MEMORY, SYNCHRONISATION, VARIANCE = (
    "captured dependency", "training overhead (mini-batch generation)", "main memory",
    "synchronisation", "gradient variance",
)  # fmt: skip
UNITS = {  # what is measured behind a line of the table
    CAPTURED: "captured events, %",
    OVERHEAD: "wait for a batch, ms",
    MEMORY: "all processes, GiB",
    SYNCHRONISATION: "node memory, ms a batch",
    VARIANCE: "no record",
}
FORMS = {CAPTURED: ".0f", OVERHEAD: ".2f", MEMORY: ".2f", SYNCHRONISATION: ".2f"}
HEADER = ("against one trainer", "by", "one trainer", *STRATEGIES)
UNMEASURED = "not measured"


def select(records: list[Record]) -> list[Record]:
    """Counts of captured events, and DistTGL on one and two trainers of one machine."""
    chosen = [r for r in records if r.dataset == DATASET and on_whole_stream(r)]
    counted = [r for r in chosen if r.task == COUNTING_TASK]
    timed = [
        record
        for record in chosen
        if record.suite == "scaling"
        and record.system == "disttgl"
        and record.batch_size == BATCH_SIZE
        and record.parallelism in (SINGLE, *STRATEGIES.values())
        and record.throughput
        and ran_apart(record)
        and record.seconds_by_part
    ]
    sets = alike(timed, ("processes",))
    return counted + (max(sets, key=_rank) if sets else [])


def _rank(records: list[Record]) -> tuple[int, int]:
    return len({record.parallelism for record in records}), len(records)


def draw(records: list[Record], out: Path) -> list[Path]:
    """One table; returns the files written."""
    table = together(select(records))
    with plt.rc_context(style.RC):
        return style.save(_figure(table, select(records)), table, out, "strategies")


def together(records: list[Record]) -> pd.DataFrame:
    """A row for each strategy, and for one trainer, in each line of Table 1."""
    return pd.DataFrame(published_rows() + counted(records) + timed(records))


def published_rows() -> list[dict[str, Any]]:
    """What the paper states of each strategy."""
    rows: Any = published("table_1").to_dict("records")
    return [
        {
            "origin": "published",
            "quantity": row["quantity"],
            "strategy": row["strategy"],
            "label": f"{row['quantity']}, {row['strategy']}",
            "stated": row["against_single_gpu"],
            "source": row["source"],
        }
        for row in rows
    ]


def counted(records: list[Record]) -> list[dict[str, Any]]:
    """Captured events: two trainers of mini-batch parallelism share a batch of twice the events.

    The batches of the other two stay those of one trainer, and so do the events captured.
    """
    totals = {r.batch_size: r for r in records if r.task == COUNTING_TASK}
    if not {BATCH_SIZE, 2 * BATCH_SIZE} <= totals.keys():
        return []
    one, two = (totals[BATCH_SIZE * number] for number in (1, 2))
    share = 100 * sum(two.bars) / sum(one.bars)
    shares = dict.fromkeys((SINGLE, *STRATEGIES), (100.0, one)) | {"mini-batch": (share, two)}
    return [
        _measured(CAPTURED, strategy, [value], [record])
        for strategy, (value, record) in shares.items()
    ]


def timed(records: list[Record]) -> list[dict[str, Any]]:
    """Milliseconds per batch of a trainer, and memory, medians over seeds."""
    groups = by_parallelism(record for record in records if record.seconds_by_part)
    named = {SINGLE: SINGLE, **STRATEGIES}
    return [
        _measured(quantity, strategy, [value(record) for record in group], group)
        for quantity, value in VALUES.items()
        for strategy, parallelism in named.items()
        if (group := groups.get(parallelism))
    ]


def _measured(
    quantity: str, strategy: str, values: list[float | None], records: list[Record]
) -> dict[str, Any]:
    return {
        "origin": "measured",
        "quantity": quantity,
        "strategy": strategy,
        "label": f"{quantity}, {strategy}",
        "unit": UNITS[quantity],
        **median_columns("value", values),
        "num_runs": len(records),
        "source": commands(records),
    }


def _waiting(record: Record) -> float:
    return _milliseconds(record, "prepare")


def _node_memory(record: Record) -> float:
    return _milliseconds(record, "memory_read") + _milliseconds(record, "memory_write")


def _milliseconds(record: Record, part: str) -> float:
    """Of a part of training, for each batch of each trainer."""
    events = (record.throughput or 0) * record.seconds["train"]
    batches = events / BATCH_SIZE / record.num_trainers
    return 1000 * record.seconds_by_part.get(part, 0.0) / batches


VALUES: dict[str, Callable[[Record], float | None]] = {
    OVERHEAD: _waiting,
    MEMORY: lambda record: record.peak_gib,
    SYNCHRONISATION: _node_memory,
}


def _figure(table: pd.DataFrame, records: list[Record]) -> Figure:
    lines = pd.DataFrame([line for quantity in UNITS for line in _lines(table, quantity)])
    lines["heading"] = lines["quantity"].str.replace(" (", "\n(", regex=False)
    groups = rows_of((g for _, g in lines.groupby("quantity", sort=False)), "heading", _cells)
    trained = [record for record in records if record.seconds_by_part]
    text = " Two trainers of each kind; by epoch or memory they have one's batches, and so its"
    text = f"{style.conditions(trained or records)}{text} captured events.{COSTS}"
    return draw_table(HEADER, groups, text)


def _lines(table: pd.DataFrame, quantity: str) -> list[dict[str, Any]]:
    """The two rows that are drawn of a quantity, a column for each strategy."""
    rows: Any = table[table["quantity"] == quantity].to_dict("records")
    stated = {
        row["strategy"]: row["stated"].replace(" + ", " +\n")
        for row in rows
        if row["origin"] == "published"
    }
    found = {
        row["strategy"]: cell(row, "value", FORMS[quantity])
        for row in rows
        if row["origin"] == "measured"
    }
    holes = dict.fromkeys(STRATEGIES, UNMEASURED)
    return [
        {"origin": "published", "quantity": quantity, "by": "DistTGL", **stated},
        {"origin": "measured", "quantity": quantity, "by": UNITS[quantity], **holes, **found},
    ]


def _cells(row: dict[str, Any]) -> list[str]:
    single = row.get(SINGLE)
    return [
        row["by"],
        single if isinstance(single, str) else "",
        *(row[strategy] for strategy in STRATEGIES),
    ]


def claims(records: list[Record]) -> list[Claim]:
    """Which strategy loses captured events, and which keeps node memory out of synchronisation."""
    rows: Any = together(select(records)).to_dict("records")
    found = {(r["quantity"], r["strategy"]): r for r in rows if r["origin"] == "measured"}
    return [
        _claim(statement, found[quantity, less], found[quantity, more])
        for statement, quantity, less, more in CLAIMED
        if (quantity, less) in found and (quantity, more) in found
    ]


CLAIMED = (  # statement, quantity, and the strategies of which the first has less
    ("mini-batch parallelism captures less than one trainer", CAPTURED, "mini-batch", SINGLE),
    (
        "memory parallelism, which synchronises no node memory, spends less in it than mini-batch "
        "parallelism",
        SYNCHRONISATION, "memory", "mini-batch",
    ),
)  # fmt: skip


def _claim(statement: str, less: dict[str, Any], more: dict[str, Any]) -> Claim:
    """Reproduced if every seed of ``less`` is below all of ``more``, partly if its median is."""
    form = FORMS[less["quantity"]]
    below = less["value"] < more["value"]
    verdict = Verdict.PARTLY if below else Verdict.CONTRADICTED
    return Claim(
        statement=statement,
        published="stated without a number",
        measured=f"{less['unit']}: {less['strategy']} {cell(less, 'value', form)}, "
        f"{more['strategy']} {cell(more, 'value', form)}",
        conditions=f"{DATASET}, two trainers"
        + ("" if less["quantity"] == CAPTURED else f", seeds: {less['num_runs']:.0f}"),
        verdict=Verdict.REPRODUCED if less["value_high"] < more["value_low"] else verdict,
        command=less["source"],
    )
