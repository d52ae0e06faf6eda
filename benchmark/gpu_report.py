"""What a GPU shows of this suite, on one page: ``python -m benchmark.gpu_report``.

Ten minutes: the tests that need one, whether runs agree, DistTGL beside PyG's TGN on the same card,
a profile of training. The same command goes on where time ran out.
"""

import argparse
import sys
from pathlib import Path

from benchmark.tools.gpu_report import report, steps_of


def main(arguments: list[str]) -> int:
    """Write report.md; 0 if all of its parts have succeeded."""
    parser = argparse.ArgumentParser(prog="python -m benchmark.gpu_report", description=__doc__)
    parser.add_argument("--folder", type=Path, default=Path("results/runs/gpu_report"))
    parser.add_argument("--minutes", type=float, default=10.0, help="in all; default: 10")
    parser.add_argument("--device", choices=("cuda", "cpu"), default="cuda", help="default: cuda")
    parser.add_argument("--tiny", action="store_true", help="made-up events, seconds: a rehearsal")
    options = parser.parse_args(arguments)
    steps = steps_of(options.folder, options.device, options.tiny)
    whole = report(steps, options.folder, 60 * options.minutes, options.device)
    print((options.folder / "report.md").read_text())
    return 0 if whole else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
