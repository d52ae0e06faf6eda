"""What runs have in common and how they differ, in words for captions and conditions."""

import re
from collections.abc import Iterable
from math import isfinite
from statistics import median
from typing import Any

import pandas as pd

SIGHT = {  # by visibility
    "event": "all earlier events, also of its own batch",
    "batch": "only events of earlier batches",
}
OTHERWISE_SAID = (  # what axes, names and seeds tell, or another setting says too
    "settings.choices.", "settings.parallelism.", "settings.seed", "settings.processes",
    "settings.epochs", "settings.batch_size", "settings.locating", "settings.content",
)  # fmt: skip
FIELDS = ("system", "model", "epochs", "batch_size", "processes", "hardware")


def texts(frame: pd.DataFrame) -> pd.DataFrame:
    """All values as text, so that they can be compared; empty ones are alike."""
    rows = [list(map(str, row)) for row in frame.to_numpy(object, na_value="None")]
    return pd.DataFrame(rows, frame.index, frame.columns, dtype=object)


def list_of(values: Iterable[Any], last: str = ", ") -> str:
    """ "1, 2, 3", numbers without a needless fraction."""
    texts = [f"{v:g}" if isinstance(v, float) else str(v) for v in values]
    return last.join([", ".join(texts[:-1]), texts[-1]]) if len(texts) > 1 else "".join(texts)


def seeds(runs: pd.DataFrame) -> str:
    """ "seed 0" or "seeds 0, 1, 2"."""
    numbers = sorted(set(runs["seed"].astype(int)))
    return f"seed{'s' if len(numbers) > 1 else ''} {list_of(numbers)}"


def cores(number: int | None) -> str:
    """ "1 core" or "2 cores"."""
    return f"{number} core{'' if number == 1 else 's'}"


def epochs(runs: pd.DataFrame) -> str:
    """ "4 epochs" or "4 and 16 epochs"."""
    return f"{list_of(sorted(set(runs['epochs'].astype(float))), ' and ')} epochs"


def telling_settings(runs: pd.DataFrame) -> list[str]:
    """Columns of settings, without those that others say too."""
    names = map(str, runs.columns)
    return [n for n in names if n.startswith("settings.") and not n.startswith(OTHERWISE_SAID)]


def settings_that_differ(runs: pd.DataFrame) -> list[str]:
    """Columns in which ``runs`` are not all equal, of those that say what a run computes."""
    written = texts(runs[[*FIELDS, *telling_settings(runs)]])
    return [str(name) for name in written if written[name].nunique() > 1]


def difference(runs: pd.DataFrame, drawn: pd.DataFrame) -> str:
    """ "epochs=16 where 100 is drawn", for at most three settings in which two sets differ."""
    one, other = runs.iloc[0], drawn.iloc[0]
    names = settings_that_differ(pd.concat([runs.iloc[:1], drawn.iloc[:1]]))
    texts = [f"{short(name)}={plain(one[name])} where {plain(other[name])} is drawn"
             for name in names[:3]]  # fmt: skip
    return ", ".join(texts) or "the same settings as those drawn"


def short(name: str) -> str:
    """The last part of a dotted setting."""
    return name.rpartition(".")[2]


def plain(value: Any) -> str:
    """A value as a person writes it."""
    return f"{value:g}" if isinstance(value, float) else str(value)


def conditions(runs: pd.DataFrame) -> str:
    """What the runs have in common and, if they differ in it, what each system could see."""
    first = runs.iloc[0]
    parts = [f"{first['dataset']}, protocol {first['protocol']}"]
    sizes = sorted(set(runs["batch_size"].dropna().astype(int)))
    if sizes:
        parts.append(f"batch {list_of(sizes, ' and ')} events per trainer")
    parts.append(seeds(runs))
    machines = sorted(set(runs["hardware"].dropna()))
    if len(machines) == 1:
        parts.append(f"on {machines[0]}")
    text = "Measured: " + ", ".join(parts) + "."
    if len(machines) > 1:
        text += f" The machines differ ({'; '.join(machines)}): times do not compare."
    sights = runs.dropna(subset="visibility").groupby("visibility")["system"].unique()
    if len(sights) > 1:
        who = [
            f"{SIGHT[str(name)]} ({list_of(sorted(systems))})" for name, systems in sights.items()
        ]
        text += f" The systems differ in what a query may see: {' or '.join(who)}."
    return text


def as_one(commands: Iterable[str]) -> str:
    """``commands`` of one suite with the values that a key has in any of them side by side."""
    values: dict[str, dict[str, None]] = {}
    for command in commands:
        for word in command.split():
            key, equals, value = word.partition("=")
            values.setdefault(key + equals, {})[value] = None
    return " ".join(key + "|".join(known) for key, known in values.items())


def commands(runs: pd.DataFrame) -> str:
    """The commands that made the runs: those of a suite as one, "seed=1|2" for a run of each."""
    by_suite = runs.groupby("suite", sort=False)["command"]
    return ", ".join(as_one(part) for _, part in by_suite)


def median_and_range(values: Iterable[float], form: str) -> str:
    """The median and, of several seeds, the range, each as ``form``: "1656 [1472, 1840]"."""
    known = sorted(values)

    def write(value: float) -> str:
        return form.format(value) if isfinite(value) else "not reached"

    text = write(median(known))
    return text if known[0] == known[-1] else f"{text} [{write(known[0])}, {write(known[-1])}]"


def factor(ratio: float) -> str:
    """ ", 3.7x", or nothing where one side never arrives."""
    return f", {ratio:.1f}x" if isfinite(ratio) and ratio > 0 else ""


def short_source(source: str) -> str:
    """A published row's source without what stands in parentheses: "TGN Table 2"."""
    return re.sub(r" \([^)]*\)", "", source)
