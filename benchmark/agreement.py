"""How far runs agree that should be equal: ``python -m benchmark.agreement FOLDER``.

Compares, below FOLDER, all finished runs that differ only in how many processes host the trainers
and where node memory lives, with the one on the fewest processes; prints a csv table. A run with
none to compare with is left out.
"""

import csv
import sys
from pathlib import Path

from benchmark.tools.agreement import COLUMNS, agreement


def main(arguments: list[str]) -> int:
    """Print the table of one folder; 2 if there is nothing to compare."""
    if len(arguments) != 1:
        print(__doc__)
        return 2
    rows = agreement(Path(arguments[0]))
    if not rows:
        problem = f"{arguments[0]} holds no runs to compare; run suite=exactness first."
        print(f"error: {problem}", file=sys.stderr)
        return 2
    writer = csv.DictWriter(sys.stdout, COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
