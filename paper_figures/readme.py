"""The totals in README.md and the whole of docs/reproduction.md, from the claims of kept records.

``python -m paper_figures.readme`` writes both, ``--check`` only says whether they are up to date.
"""

import argparse
import re
import sys
from functools import partial
from pathlib import Path

import jinja2

from benchmark.records import words
from benchmark.records.quantities import read
from benchmark.records.selection import select
from paper_figures.claims import COUNTED, Judged, Verdict, totals_by_kind
from paper_figures.figure import all_figures, judge
from paper_figures.page import PAGES
from paper_figures.published import published

ROOT = Path(__file__).parents[1]
WRITE = "python -m paper_figures.readme"
BEGIN, END = f"<!-- written by {WRITE} -->", "<!-- end of what it writes -->"
PAGE = "docs/reproduction.md"
UNTOLD = {"published": "no number", "measured": "not measured", "verdict": "not attempted"}
Verdicts = dict[str, list[Judged]]  # by figure


def all_verdicts(results: Path) -> Verdicts:
    """The claims of every figure that records say something about; OSError without records."""
    records = read(results)
    return {name: judge(figure, select(figure.rule, records)[0])
            for name, figure in all_figures().items()}  # fmt: skip


def render(template: str, verdicts: Verdicts) -> str:
    """What a template of Markdown makes of the verdicts; ``attempted`` are those measured."""
    attempted = {
        name: measured for name, claims in verdicts.items()
        if (measured := [one for one in claims if one.verdict is not Verdict.NOT_ATTEMPTED])
    }  # fmt: skip
    missing: dict[tuple[str, ...], list[Judged]] = {}  # by figure, command and need
    for one in (one for claims in verdicts.values() for one in claims):
        if one.verdict is Verdict.NOT_ATTEMPTED:
            number = all_figures()[one.claim.figure].told["number"]
            missing.setdefault((number, one.command, one.conditions), []).append(one)
    accounts = published("accounts").set_index("figure")["account"]
    return PAGES.get_template(template).render(
        attempted=attempted, missing=missing, figures=all_figures(), counted=COUNTED,
        totals=total_text(verdicts), write=WRITE, page=PAGE, run="python -m benchmark.run ",
        anchor=anchor, headline=headline,
        account=lambda name: account(accounts[name], verdicts[name]),
    )  # fmt: skip


def account(text: str, claims: list[Judged]) -> str:
    """``published(MEASURE)`` and ``measured(MEASURE)`` stand for the texts of a claim.

    Both take a data set, without which the first claim of the measure is meant. With
    ``values(FILE, COLUMN)``, each value of a published column once, they are all that an account
    can say of numbers.
    """

    def told(what: str, measure: str, dataset: str = "") -> str:
        fit = (c for c in claims if c.claim.name == measure and dataset in ("", c.dataset))
        return getattr(next(fit, None), what, "") or UNTOLD[what]

    def values(name: str, column: str) -> str:
        return words.list_of(published(name)[column].unique(), " and ")

    template = jinja2.Template(text, undefined=jinja2.StrictUndefined)
    return template.render(values=values, **{what: partial(told, what) for what in UNTOLD})


def anchor(heading: str) -> str:
    """The link to a heading, as GitHub makes it."""
    return re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-")


def headline(text: str) -> str:
    """The first clause without remarks, which may hold others; the page has all of them."""
    clause = text.partition(";")[0]
    while (shorter := re.sub(r" \([^()]*\)", "", clause)) != clause:
        clause = shorter
    return clause


def total_text(verdicts: Verdicts) -> str:
    """How many claims of each kind there are, and how they came out, also where none did."""
    kinds = totals_by_kind(one for claims in verdicts.values() for one in claims)
    return "\n\n".join(
        f"{counts.sum()} {name}: {', '.join(f'{number} {word}' for word, number in counts.items())}"
        for name, counts in kinds.items()
    )


def with_block(text: str, block: str) -> str:
    """``text`` with ``block`` between its two marks; ValueError if they are not there once each."""
    before, *rest = text.split(BEGIN)
    parts = rest[0].split(END) if len(rest) == 1 else []
    if len(parts) != 2 or END in before:
        raise ValueError(f"README.md needs the lines {BEGIN} and {END}, once and in this order")
    return f"{before}{BEGIN}\n\n{block}\n{END}{parts[1]}"


def main(arguments: list[str] | None = None, root: Path = ROOT) -> int:
    """Write or check both; 1 if they cannot be written or are not up to date."""
    parser = argparse.ArgumentParser(prog=WRITE, description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; 1 if not up to date")
    check = parser.parse_args(arguments).check
    readme, page = root / "README.md", root / PAGE
    try:
        verdicts = all_verdicts(root / "results" / "reference")
        block = render("summary.md.jinja", verdicts)
        expected = {
            readme: with_block(readme.read_text(encoding="utf-8"), block),
            page: render("reproduction.md.jinja", verdicts),
        }
    except (OSError, ValueError) as error:
        print(error, file=sys.stderr)
        return 1
    stale = [
        path for path, text in expected.items()
        if not path.exists() or path.read_text(encoding="utf-8") != text
    ]  # fmt: skip
    for path in stale:
        if check:
            print(f"{path.name} is not that of the records; run {WRITE}", file=sys.stderr)
        else:
            path.write_text(expected[path], encoding="utf-8")
    return 1 if check and stale else 0


if __name__ == "__main__":
    sys.exit(main())
