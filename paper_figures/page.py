"""One page with every figure, its command, records, claims and numbers; needs no other file."""

import base64
import gzip
import os
from collections.abc import Sequence
from pathlib import Path

import jinja2
import pandas as pd
from PIL import Image

from benchmark.records.reader import Records
from paper_figures.claims import totals, totals_by_kind
from paper_figures.figure import Drawing, Output, cell_of_markdown
from paper_figures.pictures import RC

NAME = "index.html"
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
    path = out / NAME
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
