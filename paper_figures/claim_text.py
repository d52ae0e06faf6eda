"""How numbers and conditions of claims are written."""

from collections.abc import Iterable
from math import isfinite
from statistics import median

from paper_figures.records import Record

PAPER_PASSES = 100  # of a single trainer, in Figures 6, 9 and 10


def median_and_range(values: Iterable[float], form: str) -> str:
    """The median and, of several seeds, the range, each as ``form``: "1656 [1472, 1840]"."""
    known = sorted(values)

    def write(value: float) -> str:
        return form.format(value) if isfinite(value) else "not reached"

    text = write(median(known))
    return text if len(known) == 1 else f"{text} [{write(known[0])}, {write(known[-1])}]"


def factor(ratio: float) -> str:
    """ ", 3.7x", or nothing where one side never arrives."""
    return f", {ratio:.1f}x" if isfinite(ratio) and ratio > 0 else ""


def seeds(records: Iterable[Record]) -> str:
    """ "seed 0" or "seeds 0, 1, 2"."""
    numbers = sorted({record.seed for record in records})
    return f"seed{'s' if len(numbers) > 1 else ''} {', '.join(map(str, numbers))}"


def conditions(records: list[Record]) -> str:
    """What a claim about iterations rests on: data set, passes here and in the paper, seeds."""
    first = records[0]
    logical = "logical trainers, " if any(record.emulated for record in records) else ""
    return (
        f"{first.dataset}, {first.passes:g} passes (paper: {PAPER_PASSES}), {logical}"
        f"{seeds(records)}"
    )


def long_enough(records: list[Record]) -> bool:
    """Whether the runs had at least the passes of the paper's."""
    return records[0].passes >= PAPER_PASSES
