"""The page: well-formed, whole in one file, and true to its figures."""

import base64
import csv
import gzip
import io
from collections.abc import Callable
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import matplotlib.image
import pandas as pd
import pytest

from paper_figures import page as page_module
from paper_figures import style
from paper_figures.claim import Claim, Verdict
from paper_figures.collection import load_records
from paper_figures.drawing import Drawing, draw
from paper_figures.page import write_page
from paper_figures.registry import FIGURES
from tests.paper_figures.conftest import WriteRun

WITHOUT_END = {"meta", "img", "br"}
PAPER = "https://arxiv.org/abs/2307.07649"
CLAIM = Claim(
    "losses <agree> & more", "3.7", "2.1 [1.9, 2.3]", "batch 600", Verdict.PARTLY, "python -m b"
)
Attributes = dict[str, str | None]


class Page(HTMLParser):
    """Refuses what is not balanced; keeps elements in order, ids, and text without the style."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.elements: list[tuple[str, Attributes]] = []
        self.text = ""
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in WITHOUT_END:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open[-1:] != ["style"]:
            self.text += data

    def all(self, tag: str) -> list[Attributes]:
        return [attributes for name, attributes in self.elements if name == tag]


def content(url: str | None) -> bytes:
    assert url is not None
    head, _, data = url.partition(",")
    assert head.startswith("data:") and head.endswith(";base64")
    return base64.b64decode(data, validate=True)


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "figures"


@pytest.fixture
def drawn(results: Path, out: Path, write_count: WriteRun) -> Drawing:
    """Figure 8 of wikipedia, drawn from one count."""
    write_count(200, [5, 3], dataset="wikipedia")
    drawing = draw("captured_events", FIGURES["captured_events"], load_records(results)[0], out)
    return replace(drawing, claims=[CLAIM])


@pytest.fixture
def read(results: Path, out: Path) -> Callable[..., Page]:
    """``read(DRAWING, ..., left_out=[...])`` writes the page of these and parses it."""

    def write(*drawings: Drawing, left_out: list[str] | None = None) -> Page:
        return Page(write_page(drawings, left_out or [], results, out).read_text())

    return write


def test_a_figure_has_its_picture_claims_records_and_numbers(
    drawn: Drawing, read: Callable[..., Page], out: Path
) -> None:
    page = read(drawn)
    assert page.all("html") == [{"lang": "en"}]
    (picture,) = page.all("img")
    pixels = matplotlib.image.imread(io.BytesIO(content(picture["src"])), format="png")
    assert pixels.shape[1] / int(picture["width"] or 0) == pytest.approx(300 / 130, rel=0.01)
    assert (picture["alt"] or "").startswith(f"Figure 8, {drawn.figure.shows}. Measured values.")
    for words in (
        "Figure 8", "1 of 1 have been drawn, from 1 records", CLAIM.statement, CLAIM.published,
        CLAIM.measured, CLAIM.conditions, CLAIM.command, "partly", drawn.figure.command,
        drawn.figure.differs, "the first 50 of 3,002 rows", "Nothing.",
    ):  # fmt: skip
        assert words in page.text
    hrefs = [link["href"] or "" for link in page.all("a")]
    (record,) = drawn.records
    assert [(out / href).resolve() for href in hrefs if href.startswith("..")] == [record.folder]
    anchors = {href.removeprefix("#") for href in hrefs if href.startswith("#")}
    assert anchors == {"captured_events"} <= {a.get("id") for _, a in page.elements}


def test_the_page_needs_nothing_else(drawn: Drawing, read: Callable[..., Page]) -> None:
    page = read(drawn)
    assert not {"script", "link", "iframe", "object"} & {tag for tag, _ in page.elements}
    urls = [a[name] or "" for _, a in page.elements for name in ("src", "href") if name in a]
    assert {url for url in urls if "//" in url.partition(",")[0]} == {PAPER}
    saved = {str(a["download"]): content(a["href"]) for a in page.all("a") if "download" in a}
    assert saved == {p.name: p.read_bytes() for p in drawn.paths if p.suffix != ".png"}


def test_the_same_drawings_give_the_same_page(
    drawn: Drawing, results: Path, tmp_path: Path
) -> None:
    first, second = (
        write_page([drawn], [], results, tmp_path / name) for name in ("one", "another")
    )
    assert first.read_bytes() == second.read_bytes()


def test_a_large_table_is_saved_compressed(
    drawn: Drawing, read: Callable[..., Page], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(page_module, "LARGEST_LINK", 1000)
    saved = {str(a["download"]): a["href"] for a in read(drawn).all("a") if "download" in a}
    table = next(path for path in drawn.paths if path.suffix == ".csv")
    assert set(saved) == {"captured_events_wikipedia.pdf", "captured_events_wikipedia.csv.gz"}
    assert gzip.decompress(content(saved[f"{table.name}.gz"])) == table.read_bytes()


def test_what_is_not_drawn_is_said(read: Callable[..., Page]) -> None:
    figure = FIGURES["throughput"]
    missing = Drawing("throughput", figure, problem="no record <of it>", missing=True)
    failed = Drawing("peers", FIGURES["peers"], problem="peers: not drawn (a reason)")
    page = read(missing, failed, left_out=["run/result.json: broken"])
    assert "0 of 2 have been drawn, from 0 records" in page.text
    assert page.text.count("no record <of it>") == 2
    assert "run/result.json: broken" in page.text
    assert page.text.count("peers: not drawn (a reason)") == 2
    assert figure.command in page.text
    assert "claim of the paper" not in page.text
    assert page.all("img") == []


def test_alt_texts_name_what_is_drawn(
    results: Path, out: Path, read: Callable[..., Page], write_count: WriteRun
) -> None:
    plt_figure, _ = style.plt.subplots()
    names = [f"disttgl 1x1x{n}" for n in range(1, 15)]
    table = pd.DataFrame({"label": ["tgn", *names], "origin": ["published"] + ["measured"] * 14})
    paths = style.save(plt_figure, table, out, "a_figure")
    page = read(Drawing("throughput", FIGURES["throughput"], paths=paths))
    alt = page.all("img")[0]["alt"] or ""
    assert "Published: tgn. Measured: disttgl 1x1x1; " in alt
    assert alt.endswith("disttgl 1x1x12 and 2 more.")


def test_numbers_are_short_and_the_rest_is_as_it_is(out: Path, read: Callable[..., Page]) -> None:
    out.mkdir()
    path = out / "table.csv"
    rows = [["name", "value", "count"], ["0.5.1", "0.123456789", "1234567"]]
    with path.open("w", newline="") as file:
        csv.writer(file).writerows(rows)
    page = read(Drawing("throughput", FIGURES["throughput"], paths=[path]))
    assert "0.12346" in page.text and "0.123456" not in page.text
    assert "0.5.1" in page.text and "1234567" in page.text
