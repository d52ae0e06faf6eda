"""The reproduction table of README.md, from the claims of kept records.

``python -m paper_figures.readme`` writes it, ``--check`` only says whether it is up to date.
"""

import argparse
import sys
from collections import Counter
from pathlib import Path

from paper_figures.claim import Claim, Verdict
from paper_figures.collection import load_records
from paper_figures.records import Record
from paper_figures.registry import FIGURES

ROOT = Path(__file__).parents[1]
README, RECORDS = ROOT / "README.md", ROOT / "results" / "reference"
WRITE = "python -m paper_figures.readme"
BEGIN, END = f"<!-- written by {WRITE} -->", "<!-- end of what it writes -->"
COLUMNS = ("claim of the paper", "published", "measured", "verdict", "how")
RUN = "python -m benchmark.run "
WITHOUT_MIRROR = " wandb.mode=disabled"  # how kept runs were made; says nothing about them


def reproduction_table(records: list[Record]) -> str:
    """The claims of every figure that has records, in order, then how each was measured.

    A Markdown table whose last column counts into the list beneath it: many claims of a figure
    share their conditions and their command.
    """
    claims = [
        (figure.number, claim)
        for figure in FIGURES.values()
        if (chosen := figure.select(records))
        for claim in figure.claims(chosen)
    ]
    ways = list(dict.fromkeys(_how(claim) for _, claim in claims))
    rows = [_row(number, claim, ways.index(_how(claim)) + 1) for number, claim in claims]
    return "\n".join(
        [
            _totals([claim.verdict for _, claim in claims]),
            "",
            _line(COLUMNS),
            "|" + "---|" * len(COLUMNS),
            *rows,
            "",
            "How:",
            "",
            *(f"{number}. {how}" for number, how in enumerate(ways, start=1)),
        ]
    )


def with_table(text: str, table: str) -> str:
    """``text`` with ``table`` between its two marks; ValueError if they are not there once each."""
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end) or BEGIN in after or END in before:
        raise ValueError(f"README.md needs the lines {BEGIN} and {END}, once and in this order")
    return f"{before}{BEGIN}\n\n{table}\n\n{END}{after}"


def _totals(verdicts: list[Verdict]) -> str:
    counts = Counter(verdicts)
    return f"{len(verdicts)} claims: " + ", ".join(f"{counts[each]} {each}" for each in Verdict)


def _how(claim: Claim) -> str:
    command = claim.command.replace(RUN, "").replace(WITHOUT_MIRROR, "")
    return f"{claim.conditions}: `{command}`"


def _row(number: str, claim: Claim, how: int) -> str:
    statement = f"{number}: {claim.statement}"
    return _line((statement, claim.published, claim.measured, claim.verdict, str(how)))


def _line(cells: tuple[str, ...]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def main(arguments: list[str] | None = None, readme: Path = README, kept: Path = RECORDS) -> int:
    """Write or check the table; 1 if it cannot be written or is not up to date."""
    parser = argparse.ArgumentParser(prog=WRITE, description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; 1 if not up to date")
    options = parser.parse_args(arguments)
    try:
        records, left_out = load_records(kept)
        text = readme.read_text(encoding="utf-8")
        expected = with_table(text, reproduction_table(records))
    except (OSError, ValueError) as error:
        print(error, file=sys.stderr)
        return 1
    for problem in left_out:
        print(problem, file=sys.stderr)
    if options.check and text != expected:
        print(
            f"the table in {readme.name} is not that of the records; run {WRITE}", file=sys.stderr
        )
        return 1
    if not options.check:
        readme.write_text(expected, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
