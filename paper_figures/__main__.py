"""Draw the paper's figures from recorded runs: ``python -m paper_figures [NAME ...]``."""

import argparse
import sys
from pathlib import Path

from benchmark.errors import REFUSALS, refusal
from benchmark.machine.process_tree import end_with_parent
from paper_figures.figure import draw
from paper_figures.page import write_page
from paper_figures.quantities import read
from paper_figures.registry import FIGURES


def main(arguments: list[str] | None = None) -> int:
    """Draw, write the page and print all paths; 0 if all was drawn that was asked for.

    Without names that is every figure that has records, and at least one.
    """
    end_with_parent()
    options = _parse(arguments)
    try:
        records = read(options.results)
    except FileNotFoundError as error:
        print(error, file=sys.stderr)
        return 1
    names = options.names or FIGURES
    try:
        drawings = [draw(FIGURES[name], records, options.out) for name in names]
        page = write_page(drawings, records, options.results, options.out)
    except OSError as error:
        known = error.errno in REFUSALS
        print(refusal(error, options.out, "--out") if known else error, file=sys.stderr)
        return 1
    for problem in (*records.unreadable, *(d.problem for d in drawings if d.problem)):
        print(problem, file=sys.stderr)
    for drawing in drawings:
        for sentence in drawing.left_out:
            print(f"{drawing.figure.name}: left out: {sentence}", file=sys.stderr)
        print(*drawing.paths, sep="\n", end="\n" if drawing.paths else "")
    print(page)
    wanted = [drawing for drawing in drawings if options.names or not drawing.missing]
    return 0 if wanted and all(drawing.paths for drawing in wanted) else 1


def _parse(arguments: list[str] | None) -> argparse.Namespace:
    listing = "\n".join(f"  {f.name:22}{f.shows} ({f.number})" for f in FIGURES.values())
    parser = argparse.ArgumentParser(
        prog="python -m paper_figures",
        description="Draw the paper's figures from recorded runs, published numbers beside them, "
        "and write index.html, a page of all of them.",
        epilog=f"figures:\n{listing}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "names", nargs="*", metavar="NAME", help="which to draw; all that have records if left out"
    )
    for option, default, text in (
        ("--results", "results/reference", "folder with run folders below it"),
        ("--out", "results/figures", "where pictures, tables and the page go"),
    ):
        told = f"{text} (default: %(default)s)"
        parser.add_argument(option, type=Path, default=Path(default), metavar="DIR", help=told)
    options = parser.parse_args(arguments)
    unknown = [name for name in options.names if name not in FIGURES]
    if unknown:
        parser.error(f"there is no figure {', '.join(unknown)}; choose from {', '.join(FIGURES)}")
    return options


if __name__ == "__main__":
    sys.exit(main())
