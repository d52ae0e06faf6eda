"""One page with every figure, its command, records, claims and numbers; needs no other file."""

import base64
import csv
import gzip
import os
import struct
from collections import Counter
from collections.abc import Iterable, Sequence
from html import escape
from pathlib import Path
from string import Template

from paper_figures.claim import Claim
from paper_figures.drawing import Drawing
from paper_figures.records import Record
from paper_figures.style import RC

NAME = "index.html"
TEMPLATE = Template((Path(__file__).parent / "page.html").read_text(encoding="utf-8"))
ROWS_SHOWN = 50
NAMES_IN_ALT = 12
CSS_PIXELS_PER_INCH = 130
DOTS_PER_INCH = RC["savefig.dpi"]
LARGEST_LINK = 1_000_000  # bytes; browsers refuse to save links of 2 MB
CLAIM_COLUMNS = ("claim", "published", "measured", "conditions", "verdict")


def write_page(drawings: Sequence[Drawing], left_out: list[str], results: Path, out: Path) -> Path:
    """Write ``out``/index.html, the same bytes for the same drawings; returns its path.

    ``left_out`` are the sentences on what lies under ``results`` and is not drawn. Only the links
    to run folders lead out of the page, relative to ``out``.
    """
    problems = left_out + [drawing.problem for drawing in drawings if drawing.problem]
    out.mkdir(parents=True, exist_ok=True)
    path = out / NAME
    text = TEMPLATE.substitute(
        summary=_summary(drawings, results),
        overview=_overview(drawings),
        figures="\n".join(_section(drawing, out) for drawing in drawings),
        left_out=_list(map(escape, problems)) if problems else "<p>Nothing.</p>",
    )
    path.write_text(text, encoding="utf-8")
    return path


def _summary(drawings: Sequence[Drawing], results: Path) -> str:
    records = {record.folder for drawing in drawings for record in drawing.records}
    drawn = sum(bool(drawing.paths) for drawing in drawings)
    return escape(
        f"{drawn} of {len(drawings)} have been drawn, from {len(records)} records in {results}."
    )


def _overview(drawings: Iterable[Drawing]) -> str:
    rows = [
        [
            f'<a href="#{drawing.name}">{escape(drawing.figure.number)}</a>',
            escape(drawing.figure.shows),
            _verdicts(drawing),
        ]
        for drawing in drawings
    ]
    return _table(("figure", "shows", "what came out"), rows, "claims")


def _verdicts(drawing: Drawing) -> str:
    if drawing.missing:
        return '<span class="soft">no records</span>'
    if drawing.problem:
        return '<span class="problem">not drawn</span>'
    counts = Counter(claim.verdict for claim in drawing.claims)
    marks = (f"{number} {_verdict(verdict)}" for verdict, number in counts.items())
    return ", ".join(marks) or "drawn, no claim"


def _section(drawing: Drawing, out: Path) -> str:
    figure = drawing.figure
    pictures = [path for path in drawing.paths if path.suffix == ".png"]
    tables = [path for path in drawing.paths if path.suffix == ".csv"]
    problem = f'<p class="problem">{escape(drawing.problem)}</p>' if drawing.problem else ""
    parts = [
        f'<section aria-labelledby="{drawing.name}">',
        f'<h2 id="{drawing.name}">{escape(figure.number)}</h2>',
        f"<p>{escape(_capital(figure.shows))}.</p>",
        problem,
        *(_picture(picture, drawing) for picture in pictures),
        "" if drawing.problem else _claims(drawing.claims),
        "<h3>What differs and why</h3>",
        f"<p>{escape(figure.differs)}</p>",
        "<h3>Make its records</h3>",
        f"<pre><code>{escape(figure.command)}</code></pre>",
        _records(drawing.records, out),
        *map(_numbers, tables),
        "</section>",
    ]
    return "\n".join(part for part in parts if part)


def _picture(picture: Path, drawing: Drawing) -> str:
    beside = [p for p in drawing.paths if p.stem == picture.stem and p != picture]
    series = " ".join(_series_in(path) for path in beside if path.suffix == ".csv")
    alt = f"{drawing.figure.number}, {drawing.figure.shows}. {series}".strip()
    width, height = _size_on_page(picture)
    links = " ".join(map(_download, beside))
    return (
        f'<figure><img width="{width}" height="{height}" alt="{escape(alt)}"'
        f' src="{_data(picture.read_bytes(), "image/png")}">'
        f"<figcaption>{escape(picture.stem)}"
        f'<span class="downloads">. Save as: {links}</span></figcaption></figure>'
    )


def _size_on_page(picture: Path) -> tuple[int, int]:
    """Width and height of a PNG file in CSS pixels, so that all letters have the same size."""
    sides: tuple[int, int] = struct.unpack(">II", picture.read_bytes()[16:24])
    width, height = (round(side * CSS_PIXELS_PER_INCH / DOTS_PER_INCH) for side in sides)
    return width, height


def _series_in(table: Path) -> str:
    """The names of what is drawn, measured and published, from the columns that say so."""
    with table.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    sentences = []
    for origin in dict.fromkeys(row.get("origin", "") for row in rows):
        names = list(
            dict.fromkeys(r.get("label", "") for r in rows if r.get("origin", "") == origin)
        )
        named = [name for name in names if name]
        more = f" and {len(named) - NAMES_IN_ALT} more" if len(named) > NAMES_IN_ALT else ""
        listed = "; ".join(named[:NAMES_IN_ALT]) + more
        sentences.append(_capital(f"{origin}: {listed}." if listed else f"{origin} values."))
    return " ".join(sentences)


def _claims(claims: Sequence[Claim]) -> str:
    heading = "<h3>Published beside measured</h3>\n"
    if not claims:
        return f"{heading}<p>These records settle no claim of the paper.</p>"
    rows = [
        [
            escape(claim.statement),
            escape(claim.published),
            escape(claim.measured),
            f"{escape(claim.conditions)}<br><code>{escape(claim.command)}</code>",
            _verdict(claim.verdict),
        ]
        for claim in claims
    ]
    return heading + _table(CLAIM_COLUMNS, rows, "claims")


def _verdict(verdict: str) -> str:
    return f'<span class="verdict {verdict}">{verdict}</span>'


def _records(records: Sequence[Record], out: Path) -> str:
    if not records:
        return ""
    links = (
        f'<a href="{escape(os.path.relpath(record.folder, out))}">{escape(str(record.folder))}</a>'
        for record in records
    )
    return f"<details><summary>Records ({len(records)})</summary>{_list(links)}</details>"


def _numbers(table: Path) -> str:
    with table.open(encoding="utf-8", newline="") as file:
        header, *rows = list(csv.reader(file))
    some = f"the first {ROWS_SHOWN} of " if len(rows) > ROWS_SHOWN else ""
    title = f"Numbers of {escape(table.name)} ({some}{len(rows):,} rows)"
    shown = [[escape(_short(value)) for value in row] for row in rows[:ROWS_SHOWN]]
    return (
        f'<details class="numbers"><summary>{title}</summary>'
        f"<p>{_download(table)}</p>{_table(header, shown, 'numbers')}</details>"
    )


def _short(value: str) -> str:
    """A fraction to five digits; anything else as it is."""
    try:
        return f"{float(value):.5g}" if "." in value else value
    except ValueError:
        return value


def _download(path: Path) -> str:
    """A link that saves the file out of the page; a large csv compressed."""
    content, name = path.read_bytes(), path.name
    if len(content) > LARGEST_LINK and path.suffix == ".csv":
        content, name = gzip.compress(content, mtime=0), f"{name}.gz"
    kind = {".csv": "text/csv", ".pdf": "application/pdf"}[path.suffix]
    kind = "application/gzip" if name.endswith(".gz") else kind
    ending = name.removeprefix(f"{path.stem}.")
    return f'<a download="{escape(name)}" href="{_data(content, kind)}">{ending}</a>'


def _data(content: bytes, kind: str) -> str:
    return f"data:{kind};base64,{base64.b64encode(content).decode()}"


def _table(header: Sequence[str], rows: Iterable[Sequence[str]], kind: str) -> str:
    """``rows`` hold HTML; each begins with its own heading."""
    head = "".join(f'<th scope="col">{escape(name)}</th>' for name in header)
    body = "".join(
        f'<tr><th scope="row">{row[0]}</th>'
        + "".join(
            f'<td data-label="{escape(name)}">{cell}</td>'
            for name, cell in zip(header[1:], row[1:], strict=True)
        )
        + "</tr>\n"
        for row in rows
    )
    label = escape(f"table: {', '.join(header)}")
    return (
        f'<div class="wide" role="region" aria-label="{label}" tabindex="0">'
        f'<table class="{kind}"><thead><tr>{head}</tr></thead>\n'
        f"<tbody>{body}</tbody></table></div>"
    )


def _list(items: Iterable[str]) -> str:
    return "<ul>" + "".join(f"<li>{item}</li>" for item in items) + "</ul>"


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
