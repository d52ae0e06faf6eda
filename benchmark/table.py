"""Recorded runs side by side: ``python -m benchmark.table FOLDER ...``.

Below the folders, every finished run is compared with those of equal data set, task, protocol and
batch: the mean over seeds with its interval, and the difference to the best, paired by seed.
"""

import argparse
import sys
from pathlib import Path

from benchmark.errors import UserError
from benchmark.tools.table import FORMATS, comparison_of


def main(arguments: list[str]) -> int:
    """Print the table; what is left out, and why, goes to standard error."""
    parser = argparse.ArgumentParser(prog="python -m benchmark.table", description=__doc__)
    parser.add_argument("folders", nargs="+", type=Path, metavar="FOLDER", help="holds run folders")
    parser.add_argument("--format", choices=FORMATS, default="text", help="default: text")
    options = parser.parse_args(arguments)
    try:
        found = comparison_of(options.folders)
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    for problem in found.left_out:
        print(f"left out: {problem}", file=sys.stderr)
    print(FORMATS[options.format](found.answers))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
