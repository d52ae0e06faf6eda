"""Records that differ only in their seed make one line or bar of a figure."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from paper_figures.records import Record, commands

# Settings that the axes, the name of a series or its seeds already tell.
OTHERWISE_SHOWN = {"choices", "parallelism", "seed"}
ALWAYS_NAMED = ("model", "passes", "batch_size", "processes")  # fields of a record
SYSTEM_ORDER = ("tgn", "tgl", "disttgl")


@dataclass(frozen=True, eq=False)
class Series:
    """One configuration of one system, measured with one or more seeds.

    ``difference`` holds "name=value" for each setting that tells it apart from others of its
    system and parallelism, as the label does.
    """

    label: str
    records: list[Record]
    difference: tuple[str, ...] = ()

    @property
    def system(self) -> str:
        return self.records[0].system

    @property
    def parallelism(self) -> str:
        return self.records[0].parallelism

    @property
    def emulated(self) -> bool:
        return self.records[0].emulated

    @property
    def source(self) -> str:
        """The commands that made its records."""
        return commands(self.records)

    @property
    def settings(self) -> list[str]:
        """``difference`` without the model, which tables name by itself."""
        return [text for text in self.difference if not text.startswith("model=")]


def by_question(records: Iterable[Record]) -> dict[tuple[str, str], list[Record]]:
    """Records by (data set, protocol): only these share an axis."""
    groups: dict[tuple[str, str], list[Record]] = defaultdict(list)
    for record in records:
        groups[record.dataset, record.protocol].append(record)
    return dict(sorted(groups.items()))


def by_dataset(records: Iterable[Record]) -> dict[tuple[str], list[Record]]:
    """Records of tasks without a protocol."""
    groups: dict[tuple[str], list[Record]] = defaultdict(list)
    for record in records:
        groups[(record.dataset,)].append(record)
    return dict(sorted(groups.items()))


def make_series(records: Iterable[Record]) -> list[Series]:
    """Series in drawing order, labelled "system ixjxk" and by what else tells them apart."""
    groups: dict[str, list[Record]] = defaultdict(list)
    for record in records:
        groups[repr((record.system, record.parallelism, _choices(record)))].append(record)
    names: dict[str, list[list[Record]]] = defaultdict(list)
    for group in groups.values():
        names[_name(group[0])].append(group)
    series = []
    for name, alike in names.items():
        for group in alike:
            difference = _difference(group[0], [other[0] for other in alike])
            series.append(Series(", ".join([name, *difference]), group, difference))
    return sorted(series, key=_drawing_order)


def system_rank(system: str) -> tuple[int, str]:
    """Where a system stands in legends and bar charts."""
    known = system in SYSTEM_ORDER
    return (SYSTEM_ORDER.index(system) if known else len(SYSTEM_ORDER), system)


def size_order(parallelism: str) -> tuple[int, ...]:
    """Sorts "ixjxk" by number of trainers, then mini-batch, epoch, memory parallelism."""
    i, j, k = (int(degree) for degree in parallelism.split("x"))
    return (i * j * k, k, j, i)


def _drawing_order(series: Series) -> tuple[Any, ...]:
    return (*system_rank(series.system), *size_order(series.parallelism), series.label)


def _name(record: Record) -> str:
    return f"{record.system} {record.parallelism}" + (" (emulated)" if record.emulated else "")


def _choices(record: Record) -> list[tuple[str, Any]]:
    own = {name: getattr(record, name) for name in ALWAYS_NAMED}
    chosen = {n: v for n, v in record.settings.items() if n.split(".")[0] not in OTHERWISE_SHOWN}
    return sorted((chosen | own).items())


def _difference(record: Record, alike: list[Record]) -> tuple[str, ...]:
    """What sets ``record`` apart from the others of its name, nothing if it is alone.

    Of settings that are not ``ALWAYS_NAMED`` where they differ, as few as are needed.
    """
    if len(alike) == 1:
        return ()
    mine = dict(_choices(record))
    others = [dict(_choices(other)) for other in alike]
    names = sorted({name for other in others for name in other.keys() | mine.keys()})
    # Arguments of a model mean something only beside the same model with others.
    of_model = [other for other in others if other["model"] == mine["model"]]

    def tells(name: str) -> bool:
        among = of_model if name.startswith("model.") else others
        return any(_differ(mine, other, [name]) for other in among)

    telling = [name for name in names if tells(name)]
    optional = [name for name in telling if name not in ALWAYS_NAMED]
    for name in sorted(optional, key=lambda name: ("." in name, name), reverse=True):
        fewer = [other for other in telling if other != name]
        if all(_differ(mine, other, fewer) for other in others if other != mine):
            telling = fewer
    return tuple(f"{name.split('.')[-1]}={mine.get(name)}" for name in telling)


def _differ(one: dict[str, Any], other: dict[str, Any], names: list[str]) -> bool:
    return any(one.get(name) != other.get(name) for name in names)
