"""Draw the paper's figures from recorded runs: ``python -m paper_figures [NAME ...]``."""

import argparse
import sys
from pathlib import Path

from benchmark.machine.process_tree import end_with_parent
from paper_figures.published import texts_of_figures


def main(arguments: list[str] | None = None) -> int:
    """Draw what is asked for and write the page; 0 if all of it was drawn."""
    end_with_parent()
    options = _parse(arguments)
    from paper_figures.command import draw_all  # noqa: PLC0415  (two seconds, --help needs none)

    return draw_all(options.names, options.results, options.out)


def _parse(arguments: list[str] | None) -> argparse.Namespace:
    figures = texts_of_figures()
    rows = zip(figures.index, figures["shows"], figures["number"], strict=True)
    listing = "\n".join(f"  {name:22}{shows} ({number})" for name, shows, number in rows)
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
    known = list(figures.index)
    unknown = [name for name in options.names if name not in known]
    if unknown:
        parser.error(f"there is no figure {', '.join(unknown)}; choose from {', '.join(known)}")
    return options


if __name__ == "__main__":
    sys.exit(main())
