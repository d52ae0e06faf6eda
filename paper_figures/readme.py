"""The totals in README.md and the whole of docs/reproduction.md, from the claims of kept records.

``python -m paper_figures.readme`` writes both, ``--check`` only says whether they are up to date.
"""

import argparse
import re
import sys
from collections.abc import Callable, Iterable
from pathlib import Path

import jinja2
import pandas as pd

from benchmark.records import words
from paper_figures.claims import COUNTED, Judged, Verdict, totals_by_kind
from paper_figures.figure import PaperFigure, judge
from paper_figures.published import published
from paper_figures.quantities import read
from paper_figures.registry import FIGURES
from paper_figures.selection import select
from paper_figures.tables import markdown

ROOT = Path(__file__).parents[1]
WRITE = "python -m paper_figures.readme"
BEGIN, END = f"<!-- written by {WRITE} -->", "<!-- end of what it writes -->"
PAGE = "docs/reproduction.md"
RUN = "python -m benchmark.run "
ACCOUNTS = ROOT / "results" / "paper" / "accounts.csv"
MOST_LISTED = 4  # claims of one row
Verdicts = dict[str, list[Judged]]  # by figure


def all_verdicts(results: Path) -> Verdicts:
    """The claims of every figure that records say something about; OSError without records."""
    records = read(results)
    judged = {
        name: judge(figure, select(figure.rule, records).questions)
        for name, figure in FIGURES.items()
    }
    return {name: claims for name, claims in judged.items() if claims}


def summary(verdicts: Verdicts) -> str:
    """Totals, and a row for each figure of a paper: its headline, the verdict, and a link."""
    rows = []
    for name, claims in attempted(verdicts).items():
        figure = FIGURES[name]
        if all(one.claim.kind not in COUNTED for one in claims):
            continue
        head = next((c for c in claims if c.claim.name == figure.told["headline"]), claims[0])
        rows.append({
            "figure": f"[{figure.number}]({PAGE}#{anchor(figure)})", "claim": head.statement,
            "published": headline(head.published), "measured": headline(head.measured),
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
        verdicts=attempted(verdicts), missing=_missing(verdicts), figures=FIGURES, write=WRITE,
        totals=total_text(verdicts), ways=_ways, table=_claims, accounts=_accounts(verdicts),
    )  # fmt: skip


def _claims(claims: Iterable[Judged]) -> str:
    return markdown(pd.DataFrame([
        {"claim": c.statement, "published": c.published, "measured": c.measured,
         "verdict": c.verdict,
         "rule": " ".join(filter(None, [c.claim.rule, c.claim.tolerance, c.claim.noise and
                                        f"(one run: {c.claim.noise})"]))}
        for c in claims
    ]))  # fmt: skip


def attempted(verdicts: Verdicts) -> Verdicts:
    """The claims that something was measured of."""
    left = {
        name: [one for one in claims if one.verdict is not Verdict.NOT_ATTEMPTED]
        for name, claims in verdicts.items()
    }
    return {name: claims for name, claims in left.items() if claims}


def _missing(verdicts: Verdicts) -> str:
    """A row for the claims of a figure that the same command would measure and the same needs."""
    rows: dict[tuple[str, ...], list[Judged]] = {}
    for name, claims in verdicts.items():
        for one in claims:
            if one.verdict is Verdict.NOT_ATTEMPTED:
                key = (FIGURES[name].number, one.command, one.conditions)
                rows.setdefault(key, []).append(one)
    return markdown(pd.DataFrame([
        {"of": number, "claims": _listed([c.statement for c in claims]),
         "published": _listed([c.published for c in claims]),
         "command": f"`{command.replace(RUN, '')}`", "needs": needs}
        for (number, command, needs), claims in rows.items()
    ]))  # fmt: skip


def _listed(texts: list[str]) -> str:
    """All of them, or the last of many, which stands for the rest."""
    few = "; ".join(texts)
    return few if len(texts) <= MOST_LISTED else f"{len(texts)}, such as: {texts[-2]}"


def _accounts(verdicts: Verdicts) -> dict[str, str]:
    """What is said of each figure in plain words, with the numbers of its claims."""
    texts = pd.read_csv(ACCOUNTS).set_index("figure")["account"]
    return {
        str(name): account(str(text), verdicts.get(str(name), [])) for name, text in texts.items()
    }


def _values(name: str, column: str) -> str:
    """The values of a column of results/paper/NAME.csv, each once."""
    return words.list_of(published(name)[column].unique(), " and ")


def account(text: str, claims: list[Judged]) -> str:
    """``published(MEASURE)`` and ``measured(MEASURE)`` stand for the texts of a claim.

    Both take a data set, without which the first claim of the measure is meant. With
    ``values(FILE, COLUMN)`` of a published table they are all that an account can say of numbers.
    """

    def find(measure: str, dataset: str) -> Judged | None:
        fit = (c for c in claims if c.claim.name == measure)
        return next((c for c in fit if dataset in ("", c.dataset)), None)

    def told(name: str, otherwise: str) -> Callable[..., str]:
        def text_of(measure: str, dataset: str = "") -> str:
            found = find(measure, dataset)
            parts = {} if found is None else {
                "published": found.published, "measured": found.measured,
                "verdict": str(found.verdict),
            }  # fmt: skip
            return parts.get(name) or otherwise

        return text_of

    otherwise = {"published": "no number", "measured": "not measured", "verdict": "not attempted"}
    names = {name: told(name, other) for name, other in otherwise.items()} | {"values": _values}
    return jinja2.Template(text, undefined=jinja2.StrictUndefined).render(**names)


def _ways(claims: Iterable[Judged]) -> list[tuple[str, str]]:
    """Conditions and commands, each said once."""
    ways = ((c.conditions.rstrip("."), c.command.replace(RUN, "")) for c in claims)
    return list(dict.fromkeys(ways))


def anchor(figure: PaperFigure) -> str:
    """The link to a heading, as GitHub makes it."""
    kept = "".join(c for c in figure.number.lower() if c.isalnum() or c in " -")
    return kept.replace(" ", "-")


def headline(text: str) -> str:
    """The first clause without remarks, which may hold others; the page has all of them."""
    clause = text.partition(";")[0]
    while (shorter := re.sub(r" \([^()]*\)", "", clause)) != clause:
        clause = shorter
    return clause


def total_text(verdicts: Verdicts) -> str:
    """How many claims there are, and how they came out, also where none did, by kind.

    What is in no paper is no claim, and counts of the data are no results: they have no part in the
    first line.
    """
    lines = []
    for name, counts in totals_by_kind(c for claims in verdicts.values() for c in claims).items():
        listed = ", ".join(f"{number} {word}" for word, number in counts.items())
        lines.append(f"{counts.sum()} {name}: {listed}")
    return "\n\n".join(lines)


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
