"""Draw the paper's figures from recorded runs: ``python -m paper_figures [NAME ...]``."""

import argparse
import sys
from pathlib import Path

from benchmark.errors import REFUSALS, refusal
from benchmark.machine.process_tree import end_with_parent
from benchmark.records.quantities import read
from paper_figures.figure import all_figures, draw
from paper_figures.readme import write_page


def main(arguments: list[str] | None = None) -> int:
    """Draw, write the page and print all paths; 0 if all was drawn that was asked for.

    Without names that is every figure that has records, and at least one.
    """
    end_with_parent()
    figures = all_figures()
    listing = (f"  {n:22}{f.told['shows']} ({f.told['number']})" for n, f in figures.items())
    parser = argparse.ArgumentParser(
        prog="python -m paper_figures",
        description="Draw the paper's figures from recorded runs, published numbers beside them, "
        "and write index.html, a page of all of them.",
        epilog="\n".join(["figures:", *listing]),
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
    names, out = options.names, options.out
    if unknown := [name for name in names if name not in figures]:
        parser.error(f"there is no figure {unknown[0]}; choose from {', '.join(figures)}")
    try:
        records = read(options.results)
        drawings = [draw(figures[name], records, out) for name in names or figures]
        page = write_page(drawings, records, options.results, out)
    except OSError as error:
        known = error.errno in REFUSALS
        print(refusal(error, out, "--out") if known else error, file=sys.stderr)
        return 1
    for problem in (*records.unreadable, *(d.problem for d in drawings if d.problem)):
        print(problem, file=sys.stderr)
    for drawing in drawings:
        for sentence in drawing.left_out:
            print(f"{drawing.figure.name}: left out: {sentence}", file=sys.stderr)
        for path in drawing.paths:
            print(path)
    print(page)
    wanted = [drawing for drawing in drawings if names or not drawing.missing]
    return 0 if wanted and all(drawing.paths for drawing in wanted) else 1


if __name__ == "__main__":
    sys.exit(main())
