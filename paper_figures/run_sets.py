"""Which runs may share a figure: sets that differ in nothing but what the figure shows."""

from collections import defaultdict
from collections.abc import Collection, Iterable

from paper_figures.curves import METRIC
from paper_figures.records import Record
from paper_figures.series import size_order

PAPER_PROTOCOL = "disttgl"  # published MRR is of its negatives
PAPER_MODEL = "tgn_attention"
SINGLE = "1x1x1"
CHANGES_OF_STREAM = ("max_events", "random_edge_features", "system.last_training_events")
# Where trainers run and what is watched: iterations and MRR depend on it by rounding at most.
WITHOUT_EFFECT = (
    "processes", "threads", "pin_cores", "device", "hardware", "system.node_memory",
    "system.gradient_sum", "task.log_interval", "task.test", "protocol.inductive",
)  # fmt: skip
ALWAYS_VARIES = ("parallelism", "seed", "choices")
FIELDS = ("dataset", "protocol", "system", "model", "passes", "batch_size", "processes", "hardware")


def on_whole_stream(record: Record) -> bool:
    """Whether the data set was taken as it is: all events, no features added."""
    return not any(record.settings.get(name) for name in CHANGES_OF_STREAM)


def with_curves(records: Iterable[Record]) -> list[Record]:
    """Link prediction on whole streams as they are, with validation MRR while training."""
    return [
        record
        for record in records
        if record.task == "link_prediction"
        and METRIC in record.evaluations
        and on_whole_stream(record)
    ]


def ran_apart(record: Record) -> bool:
    """Whether each trainer had a device or, which only pinning ensures, a core of its own."""
    on_cores = (record.hardware or "").endswith("cores")
    pinned = bool(record.settings.get("pin_cores")) or record.processes == 1
    return not record.emulated and (pinned or not on_cores)


def alike(records: Iterable[Record], varying: Collection[str]) -> list[list[Record]]:
    """Sets of records that differ in parallelism, seed and the settings ``varying`` at most.

    A name stands for all settings below it too: "model" for "model.memory_dim".
    """
    sets: dict[str, list[Record]] = defaultdict(list)
    for record in records:
        sets[_what_is_fixed(record, (*varying, *ALWAYS_VARIES))].append(record)
    return list(sets.values())


def _what_is_fixed(record: Record, varying: Collection[str]) -> str:
    values = record.settings | {name: getattr(record, name) for name in FIELDS}
    return repr(
        sorted(
            (name, value)
            for name, value in values.items()
            if not any(name == other or name.startswith(f"{other}.") for other in varying)
        )
    )


def foremost(sets: list[list[Record]]) -> list[Record]:
    """The set of runs that is drawn: the paper's network, most passes, layouts, and runs."""
    return max(sets, key=_rank) if sets else []


def _rank(records: list[Record]) -> tuple[float, ...]:
    layouts = {record.parallelism for record in records}
    first = records[0]
    return (first.model == PAPER_MODEL, first.passes, len(layouts), len(records))


def by_parallelism(records: Iterable[Record]) -> dict[str, list[Record]]:
    """One record of each seed, by "ixjxk"; the first where two suites made the same one."""
    groups: dict[str, dict[int, Record]] = defaultdict(dict)
    for record in records:
        groups[record.parallelism].setdefault(record.seed, record)
    return {name: list(groups[name].values()) for name in sorted(groups, key=size_order)}
