"""What became of each figure: its files and claims, or one sentence on why there are none."""

from dataclasses import dataclass, field
from pathlib import Path

from paper_figures.claim import Claim
from paper_figures.records import Record, RecordError
from paper_figures.registry import PaperFigure


@dataclass(frozen=True)
class Drawing:
    """A figure as it came out; ``problem`` is None where it was drawn and ``paths`` exist.

    ``missing`` says that it was not drawn only for want of records.
    """

    name: str
    figure: PaperFigure
    records: list[Record] = field(default_factory=list)
    claims: list[Claim] = field(default_factory=list)
    paths: list[Path] = field(default_factory=list)
    problem: str | None = None
    missing: bool = False


def draw(name: str, figure: PaperFigure, records: list[Record], out: Path) -> Drawing:
    """Draw ``figure`` into ``out`` from those of ``records`` that it can use.

    Nothing is raised: a figure that fails must not keep the others from being drawn.
    """
    chosen: list[Record] = []
    try:
        chosen = figure.select(records)
        if not chosen:
            problem = f"{name}: no record of it; make some with: {figure.command}"
            return Drawing(name, figure, problem=problem, missing=True)
        claims = figure.claims(chosen)
        return Drawing(name, figure, chosen, claims, figure.draw(chosen, out))
    except Exception as error:
        kind = "" if isinstance(error, RecordError) else f"{type(error).__name__}: "
        reason = " ".join(f"{kind}{error}".split())
        problem = f"{name}: not drawn ({reason})"
        return Drawing(name, figure, chosen, problem=problem)
