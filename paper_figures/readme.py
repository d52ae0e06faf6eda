"""The totals in README.md and the whole of docs/reproduction.md, from the claims of kept records.

``python -m paper_figures.readme`` writes both, ``--check`` only says whether they are up to date.
"""

import argparse
import sys
from collections.abc import Iterable
from pathlib import Path

import jinja2
import pandas as pd

from benchmark.records.reader import read_records
from benchmark.records.series import without_disagreements
from paper_figures.claims import Judged, totals
from paper_figures.figure import PaperFigure, judge
from paper_figures.registry import FIGURES
from paper_figures.tables import markdown

ROOT = Path(__file__).parents[1]
WRITE = "python -m paper_figures.readme"
BEGIN, END = f"<!-- written by {WRITE} -->", "<!-- end of what it writes -->"
PAGE = "docs/reproduction.md"
RUN = "python -m benchmark.run "
Verdicts = dict[str, list[Judged]]  # by figure


def all_verdicts(results: Path) -> Verdicts:
    """The claims of every figure that records say something about; OSError without records."""
    records = without_disagreements(read_records(results))
    judged = {name: judge(figure, records) for name, figure in FIGURES.items()}
    return {name: claims for name, claims in judged.items() if claims}


def summary(verdicts: Verdicts) -> str:
    """Totals, and a row for each figure: its headline, the verdict, and a link."""
    rows = []
    for name, claims in verdicts.items():
        figure = FIGURES[name]
        head = next((c for c in claims if c.measured.measure == figure.told["headline"]), claims[0])
        rows.append({
            "figure": f"[{figure.number}]({PAGE}#{anchor(figure)})", "claim": head.statement,
            "published": headline(head.published), "measured": headline(head.measured.text),
            "verdict": head.verdict,
        })  # fmt: skip
    return f"{total_text(verdicts)}\n\n{markdown(pd.DataFrame(rows))}"


def reproduction(verdicts: Verdicts) -> str:
    """The page: a heading for each figure, what differs, its claims, conditions and commands."""
    loader = jinja2.FileSystemLoader(Path(__file__).parent)
    pages = jinja2.Environment(
        loader=loader, trim_blocks=True, lstrip_blocks=True, keep_trailing_newline=True
    )
    return pages.get_template("reproduction.md.jinja").render(
        verdicts=verdicts, figures=FIGURES, write=WRITE, total_text=total_text, ways=_ways,
        table=_claims,
    )  # fmt: skip


def _claims(claims: Iterable[Judged]) -> str:
    return markdown(pd.DataFrame([
        {"claim": c.statement, "published": c.published, "measured": c.measured.text,
         "verdict": c.verdict, "rule": f"{c.claim.rule} {c.claim.tolerance}"}
        for c in claims
    ]))  # fmt: skip


def _ways(claims: Iterable[Judged]) -> list[tuple[str, str]]:
    """Conditions and commands, each said once."""
    ways = ((c.conditions.rstrip("."), c.measured.command.replace(RUN, "")) for c in claims)
    return list(dict.fromkeys(ways))


def anchor(figure: PaperFigure) -> str:
    """The link to a heading, as GitHub makes it."""
    kept = "".join(c for c in figure.number.lower() if c.isalnum() or c in " -")
    return kept.replace(" ", "-")


def headline(text: str) -> str:
    """The first clause; the page has all of them."""
    return text.partition(";")[0]


def total_text(verdicts: Verdicts) -> str:
    """How many claims there are, and how they came out, also where none did."""
    counts = totals(claim for claims in verdicts.values() for claim in claims)
    listed = ", ".join(f"{number} {name}" for name, number in counts.items())
    return f"{counts.sum()} claims: {listed}"


def with_block(text: str, block: str) -> str:
    """``text`` with ``block`` between its two marks; ValueError if they are not there once each."""
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end) or BEGIN in after or END in before:
        raise ValueError(f"README.md needs the lines {BEGIN} and {END}, once and in this order")
    return f"{before}{BEGIN}\n\n{block}\n\n{END}{after}"


def main(arguments: list[str] | None = None, root: Path = ROOT) -> int:
    """Write or check both; 1 if they cannot be written or are not up to date."""
    parser = argparse.ArgumentParser(prog=WRITE, description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; 1 if not up to date")
    options = parser.parse_args(arguments)
    readme, page = root / "README.md", root / PAGE
    try:
        verdicts = all_verdicts(root / "results" / "reference")
        expected = {
            readme: with_block(readme.read_text(encoding="utf-8"), summary(verdicts)),
            page: reproduction(verdicts),
        }
    except (OSError, ValueError) as error:
        print(error, file=sys.stderr)
        return 1
    stale = [
        path for path, text in expected.items()
        if not path.exists() or path.read_text(encoding="utf-8") != text
    ]  # fmt: skip
    for path in stale:
        if options.check:
            print(f"{path.name} is not that of the records; run {WRITE}", file=sys.stderr)
        else:
            path.write_text(expected[path], encoding="utf-8")
    return 1 if options.check and stale else 0


if __name__ == "__main__":
    sys.exit(main())
