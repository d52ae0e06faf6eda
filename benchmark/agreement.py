"""How far runs agree that should be equal: ``python -m benchmark.agreement FOLDER``.

Compares, below FOLDER, all finished runs that differ only in how many processes host the trainers
and where node memory lives, with the one on the fewest processes; prints a csv table. A run with
none to compare with is left out.
"""

import argparse
import csv
import sys
from pathlib import Path

from benchmark.tools.agreement import COLUMNS, agreement


def main(arguments: list[str]) -> int:
    """Print the table of one folder; 2 if there is nothing to compare."""
    parser = argparse.ArgumentParser(prog="python -m benchmark.agreement", description=__doc__)
    parser.add_argument("folder", type=Path, metavar="FOLDER", help="holds run folders")
    folder = parser.parse_args(arguments).folder
    rows = agreement(folder)
    if not rows:
        problem = f"{folder} holds no runs to compare; run suite=exactness first."
        print(f"error: {problem}", file=sys.stderr)
        return 2
    writer = csv.DictWriter(sys.stdout, COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
