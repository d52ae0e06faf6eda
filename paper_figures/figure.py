"""A figure of the paper: what it shows, which runs it reads, how it is drawn and what it claims.

A module of figures takes all of ``__all__`` from here. Its texts in results/paper/figures.csv name
facts of the runs drawn by ``{names}``.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from importlib import import_module
from math import inf, nan
from pathlib import Path
from pkgutil import iter_modules
from typing import Any

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.figure import Figure as Picture

import paper_figures
from benchmark.records import words
from benchmark.records.reader import Records
from benchmark.records.selection import Group, Rule, fits, joined, select
from benchmark.records.tables import write_table
from paper_figures import pictures
from paper_figures.claims import Claim, Judged, Verdict, claims_of, verdict
from paper_figures.measures import MEASURES, Measure, Measured
from paper_figures.published import Facts, how_drawn, published, texts_of_figures

__all__ = ["Claim", "Group", "Measured", "Output", "figure", "published"]


@dataclass(frozen=True)
class Output:
    """One picture, or one table for people (``shown``), with the numbers behind it.

    ``facts`` are named by its texts, beside those of ``published.FACTS``. A second output of a
    figure has a ``suffix`` to the name of the first, and may have a caption of its own.
    """

    numbers: pd.DataFrame
    picture: Picture | None = None
    shown: pd.DataFrame | None = None
    facts: Mapping[str, Any] = field(default_factory=dict)
    suffix: str = ""
    caption: str = ""
    name: str = ""
    paths: tuple[Path, ...] = ()


@dataclass(frozen=True)
class PaperFigure:
    """A figure or table by the name it is asked for on the command line, and how it comes about.

    ``told`` is its row of ``figures.csv``; ``measures`` are those of no other figure.
    """

    name: str
    rule: Rule
    draw: Callable[[Group], Iterable[Output]]
    measures: Mapping[str, Measure]
    told: Mapping[str, str]


def figure(
    name: str, measures: Mapping[str, Measure] | None = None, **rule: Any
) -> Callable[[Callable[[Group], Iterable[Output]]], PaperFigure]:
    """Makes a function that draws a group the figure ``name``; KeyError if it has no row.

    Its runs are picked by the suites, tasks and needs of that row and by the rest of a ``Rule``.
    """
    told = {str(key): str(text) for key, text in texts_of_figures().loc[name].items()}
    suites, tasks = (tuple(told[key].split()) for key in ("suites", "tasks"))
    words = (part.split(": ") for part in told["needs"].split("; ") if part)
    needs = {reason: fits(said) for reason, said in words} | rule.pop("needs", {})
    chosen = Rule(suites, tasks, needs, **rule)
    return lambda draw: PaperFigure(name, chosen, draw, measures or {}, told)


@cache
def all_figures() -> dict[str, PaperFigure]:
    """The figures of all modules of this folder, in the order of ``figures.csv``."""
    names = [module.name for module in iter_modules(paper_figures.__path__)]
    modules = [import_module(f"paper_figures.{name}") for name in names if name != "__main__"]
    values = [value for module in modules for value in vars(module).values()]
    found = {value.name: value for value in values if isinstance(value, PaperFigure)}
    return {name: found[name] for name in texts_of_figures().index if name in found}


@dataclass(frozen=True)
class Drawing:
    """A figure as it came out; ``problem`` is empty where it was drawn.

    ``missing`` says that it was not drawn only for want of records; ``left_out`` has a sentence for
    each set of runs that it could not use.
    """

    figure: PaperFigure
    groups: list[Group] = field(default_factory=list)
    outputs: list[Output] = field(default_factory=list)
    judged: list[Judged] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)
    problem: str = ""
    missing: bool = False

    @property
    def paths(self) -> list[Path]:
        """All files that were written."""
        return [path for output in self.outputs for path in output.paths]


def judge(chosen: PaperFigure, groups: Iterable[Group]) -> list[Judged]:
    """Every claim of a figure that runs say something about, or that says what it needs.

    Of one data set and protocol, what was asked with the most seeds comes first.
    """
    known = sorted(groups, key=lambda g: (g.dataset, g.protocol, -g.runs["seed"].nunique()))
    measures, judged = MEASURES | dict(chosen.measures), []
    for claim in claims_of(chosen.name):
        fitting = [group for group in known if claim.dataset in ("", group.dataset)]
        found = [
            _judged(chosen, claim, one, group) for group in fitting
            if claim.measure and (one := measures[claim.measure](claim, group))
        ]  # fmt: skip
        if claim.needs and not found:
            told = claim.needs, claim.command, claim.dataset
            found = [Judged(claim, Verdict.NOT_ATTEMPTED, *told)]
        judged += found
    return judged


def _judged(chosen: PaperFigure, claim: Claim, one: Measured, group: Group) -> Judged:
    """What was measured beside what was claimed, and under which conditions."""
    own = replace(group, runs=one.runs.sort_index())
    few = claim.epochs and own.first["epochs"] < float(claim.epochs)
    unlike = claim.unlike or ("too few epochs to compare" if few else one.unlike)
    conditions = chosen.told["conditions"].format_map(Facts(own, one.facts))
    return Judged(
        claim, verdict(claim, one.values, unlike), "; ".join(filter(None, [conditions, unlike])),
        words.commands(own.runs), own.dataset, one.text, one.values,
    )  # fmt: skip


def draw(chosen: PaperFigure, records: Records, out: Path) -> Drawing:
    """Draw a figure into ``out``. A figure that fails says so and raises nothing."""
    try:
        groups, left_out = select(chosen.rule, records)
        judged = judge(chosen, groups)
        if not groups:
            why = f" ({'; '.join(left_out)})" if left_out else ""
            text = f"{chosen.name}: no record of it{why}; make some with: {chosen.told['command']}"
            return Drawing(chosen, judged=judged, left_out=left_out, problem=text, missing=True)
        groups = [joined(groups)] if chosen.rule.together else groups
        with plt.rc_context(pictures.RC):
            drawn = [_named(chosen, g, output) for g in groups for output in chosen.draw(g)]
            outputs = [replace(output, paths=_write(output, out)) for output in drawn]
        return Drawing(chosen, groups, outputs, judged, left_out)
    except Exception as error:  # must not keep the other figures from being drawn
        plt.close("all")
        reason = " ".join(f"{type(error).__name__}: {error}".split())
        return Drawing(chosen, problem=f"{chosen.name}: not drawn ({reason})")


def _named(chosen: PaperFigure, group: Group, output: Output) -> Output:
    """With its name and caption; with a mark where no run took the stream as it is."""
    facts = Facts(group, {"drawn": how_drawn(output.numbers), **output.facts})
    told = chosen.told
    origins = set(output.numbers["origin"])
    parts = [output.caption or told["caption"]]
    parts += [told[origin] for origin in ("projected", "published") if origin in origins]
    caption = " ".join(part.format_map(facts) for part in parts if part)
    if group.mark:
        caption = f"Not the whole stream as it is: {group.mark}. {caption}"
        if output.picture:
            output.picture.suptitle(f"† {group.mark}", color=pictures.WARNING, fontsize=8)
    return replace(output, name=told["file"].format_map(facts) + output.suffix, caption=caption)


def _write(output: Output, out: Path) -> tuple[Path, ...]:
    out.mkdir(parents=True, exist_ok=True)
    stem = out / output.name
    output.numbers.replace(inf, nan).to_csv(stem.with_suffix(".csv"), index=False)
    paths = [stem.with_suffix(".csv")]
    if output.picture:
        paths += pictures.write_picture(output.picture, output.caption, stem)
    if output.shown is not None:
        paths += write_table(output.shown.drop(columns="origin"), output.caption, stem)
    return tuple(paths)
