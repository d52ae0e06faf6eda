"""Recommend i x j x k by the paper's rule: ``python -m benchmark.plan key=value ...``.

The paper's example: ``python -m benchmark.plan machines=4 devices=8 largest_batch=3200
saturating_batch=1600 copies_per_machine=2``. With a data set some of it is measured:
``python -m benchmark.plan devices=8 saturating_batch=600 dataset=wikipedia
captured_events_threshold=0.8``.
"""

import sys

from benchmark.errors import UserError
from benchmark.tools.planner import HELP, Plan, gather, plan


def main(words: list[str]) -> int:
    """Print the plan, or one sentence that says what is missing or wrong."""
    if any(word in ("-h", "--help", "help") for word in words):
        print(__doc__, *(f"  {key}: {text}" for key, text in HELP.items()), sep="\n")
        return 0
    try:
        facts = gather(words)
        found = plan(**facts.values)
    except (UserError, ValueError, FileNotFoundError) as error:
        print(error, file=sys.stderr)
        return 1
    print(*facts.measured, *_lines(found), sep="\n")
    return 0


def _lines(found: Plan) -> list[str]:
    i, j, k = found.parallelism.i, found.parallelism.j, found.parallelism.k
    return [
        f"{i} x {j} x {k}",
        *(f"{step}. {reason}" for step, reason in enumerate(found.reasons, start=1)),
        f"As settings of benchmark.run: parallelism.i={i} parallelism.j={j} parallelism.k={k} "
        f"batch_size={found.batch_size}",
    ]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
