"""Draw the paper's figures from recorded runs: ``python -m paper_figures [NAME ...]``."""

import argparse
import sys
from pathlib import Path

from paper_figures.collection import load_records
from paper_figures.drawing import draw
from paper_figures.page import write_page
from paper_figures.registry import FIGURES


def main(arguments: list[str] | None = None) -> int:
    """Draw, write the page and print all paths; 0 if all was drawn that was asked for.

    Without names that is every figure that has records, and at least one.
    """
    options = _parse(arguments)
    try:
        records, left_out = load_records(options.results)
    except FileNotFoundError as error:
        print(error, file=sys.stderr)
        return 1
    names = options.names or FIGURES
    drawings = [draw(name, FIGURES[name], records, options.out) for name in names]
    problems = [drawing.problem for drawing in drawings if drawing.problem]
    for problem in left_out + problems:
        print(problem, file=sys.stderr)
    for path in [path for drawing in drawings for path in drawing.paths]:
        print(path)
    print(write_page(drawings, left_out, options.results, options.out))
    wanted = [drawing for drawing in drawings if options.names or not drawing.missing]
    return 0 if wanted and all(drawing.paths for drawing in wanted) else 1


def _parse(arguments: list[str] | None) -> argparse.Namespace:
    listing = "\n".join(f"  {name:22}{figure.shows}" for name, figure in FIGURES.items())
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
    parser.add_argument(
        "--results",
        type=Path,
        default=Path("results/reference"),
        metavar="DIR",
        help="folder with run folders below it (default: %(default)s)",
    )
    parser.add_argument(
        "--out",
        type=Path,
        default=Path("results/figures"),
        metavar="DIR",
        help="where PDF, PNG and csv files and the page go (default: %(default)s)",
    )
    options = parser.parse_args(arguments)
    unknown = [name for name in options.names if name not in FIGURES]
    if unknown:
        parser.error(f"there is no figure {', '.join(unknown)}; choose from {', '.join(FIGURES)}")
    return options


if __name__ == "__main__":
    sys.exit(main())
