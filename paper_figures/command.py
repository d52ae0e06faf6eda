"""What ``python -m paper_figures`` does once it knows what to draw."""

import sys
from collections.abc import Sequence
from pathlib import Path

from benchmark.errors import REFUSALS, refusal
from paper_figures.figure import draw
from paper_figures.page import write_page
from paper_figures.quantities import read
from paper_figures.registry import FIGURES


def draw_all(names: Sequence[str], results: Path, out: Path) -> int:
    """Draw, write the page and print all paths; 0 if all was drawn that was asked for.

    Without ``names`` that is every figure that has records, and at least one.
    """
    try:
        records = read(results)
    except FileNotFoundError as error:
        print(error, file=sys.stderr)
        return 1
    try:
        drawings = [draw(FIGURES[name], records, out) for name in names or FIGURES]
        page = write_page(drawings, records, results, out)
    except OSError as error:
        known = error.errno in REFUSALS
        print(refusal(error, out, "--out") if known else error, file=sys.stderr)
        return 1
    for problem in (*records.unreadable, *(d.problem for d in drawings if d.problem)):
        print(problem, file=sys.stderr)
    for drawing in drawings:
        for sentence in drawing.left_out:
            print(f"{drawing.figure.name}: left out: {sentence}", file=sys.stderr)
        print(*drawing.paths, sep="\n", end="\n" if drawing.paths else "")
    print(page)
    wanted = [drawing for drawing in drawings if names or not drawing.missing]
    return 0 if wanted and all(drawing.paths for drawing in wanted) else 1
