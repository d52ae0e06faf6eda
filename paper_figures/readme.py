"""The pages: index.html with every figure, its command, records, claims and numbers, which needs no
other file; and from the claims of kept records the totals in README.md and docs/reproduction.md.

``python -m paper_figures.readme`` writes the latter, ``--check`` only says if they are up to date.
"""

import argparse
import base64
import gzip
import os
import re
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import jinja2
import pandas as pd
from PIL import Image

from benchmark.records import words
from benchmark.records.quantities import read
from benchmark.records.reader import Records
from benchmark.records.selection import select
from benchmark.records.tables import cell_of_markdown
from paper_figures.claims import COUNTED, Judged, Verdict, totals, totals_by_kind
from paper_figures.figure import Drawing, Output, all_figures, judge
from paper_figures.pictures import RC
from paper_figures.published import published

ROOT = Path(__file__).parents[1]
WRITE = "python -m paper_figures.readme"
BEGIN, END = f"<!-- written by {WRITE} -->", "<!-- end of what it writes -->"
PAGE = "docs/reproduction.md"
SUMMARY, REPRODUCTION = "summary.md.jinja", "reproduction.md.jinja"
UNTOLD = {"published": "no number", "measured": "not measured", "verdict": "not attempted"}
Verdicts = dict[str, list[Judged]]  # by figure
FIRST = "convergence"  # whose picture opens the page
ROWS_SHOWN = 50
NAMES_IN_ALT = 12
CSS_PIXELS_PER_INCH = 130
LARGEST_LINK = 1_000_000  # bytes; browsers refuse to save links of 2 MB
KINDS = {".csv": "text/csv", ".pdf": "application/pdf", ".md": "text/markdown",
         ".tex": "application/x-tex", ".png": "image/png", ".gz": "application/gzip"}  # fmt: skip
PAGES = jinja2.Environment(
    loader=jinja2.FileSystemLoader(Path(__file__).parent), trim_blocks=True, lstrip_blocks=True,
    autoescape=jinja2.select_autoescape(["html.jinja"]),
)  # fmt: skip
PAGES.filters["cell"] = cell_of_markdown


def write_page(drawings: Sequence[Drawing], records: Records, results: Path, out: Path) -> Path:
    """Write ``out``/index.html, the same bytes for the same drawings; returns its path.

    Only the links to run folders lead out of the page, relative to ``out``.
    """
    pictured = [d for d in drawings if any(output.picture for output in d.outputs)]
    first = next((d for d in pictured if d.figure.name == FIRST), pictured[0] if pictured else None)
    text = PAGES.get_template("page.html.jinja").render(
        drawings=drawings, first=first, results=results, unreadable=records.unreadable,
        kinds=totals_by_kind(one for d in drawings for one in d.judged),
        num_runs=len({run for d in drawings for g in d.groups for run in g.runs.index}),
        rows_shown=ROWS_SHOWN, link=link, size=size, numbers=numbers, alt=alt, totals=totals,
        relative=lambda run: os.path.relpath(run, out),
    )  # fmt: skip
    out.mkdir(parents=True, exist_ok=True)
    path = out / "index.html"
    path.write_text(text, encoding="utf-8")
    return path


def size(picture: Path) -> list[int]:
    """Width and height of a picture in CSS pixels, so that all letters have the same size."""
    with Image.open(picture) as image:
        return [round(side * CSS_PIXELS_PER_INCH / RC["savefig.dpi"]) for side in image.size]


def alt(output: Output) -> str:
    """The names of what is drawn, measured and published."""
    sentences = []
    for origin, part in output.numbers.groupby("origin", sort=False):
        names = list(part["label"].dropna().astype(str).unique()) if "label" in part else []
        more = f" and {len(names) - NAMES_IN_ALT} more" if len(names) > NAMES_IN_ALT else ""
        listed = "; ".join(names[:NAMES_IN_ALT]) + more
        sentences.append(f"{origin}: {listed}." if listed else f"{origin} values.")
    return " ".join(sentences).capitalize()


def numbers(output: Output) -> str:
    """The first rows of the numbers as HTML, fractions to five digits."""
    rows = output.numbers.head(ROWS_SHOWN)
    with pd.option_context("display.max_colwidth", None):
        return rows.to_html(index=False, border=0, na_rep="", float_format="{:.5g}".format)


def link(path: Path) -> tuple[str, str, str]:
    """File name, ending and data URL that saves the file out of the page; large ones compressed."""
    content, name = path.read_bytes(), path.name
    if len(content) > LARGEST_LINK and path.suffix == ".csv":
        content, name = gzip.compress(content, mtime=0), f"{name}.gz"
    data = base64.b64encode(content).decode()
    ending = name.removeprefix(f"{path.stem}.")
    return name, ending, f"data:{KINDS[Path(name).suffix]};base64,{data}"


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
        block = render(SUMMARY, verdicts)
        expected = {
            readme: with_block(readme.read_text(encoding="utf-8"), block),
            page: render(REPRODUCTION, verdicts),
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
