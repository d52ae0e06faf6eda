"""Every figure by the name it is asked for on the command line.

A module of this folder with a list ``FIGURES`` and a row of results/paper/figures.csv for each are
all that a figure needs to be here, in the order of the rows.
"""

from importlib import import_module
from pkgutil import iter_modules

import paper_figures
from paper_figures.figure import PaperFigure
from paper_figures.published import texts_of_figures

ABOVE = ("registry", "command", "__main__", "readme")  # which import this


def find_figures() -> dict[str, PaperFigure]:
    """The figures of all modules; KeyError if one has no row in figures.csv."""
    names = {found.name for found in iter_modules(paper_figures.__path__)} - set(ABOVE)
    modules = [import_module(f"paper_figures.{name}") for name in sorted(names)]
    found = {f.name: f for module in modules for f in getattr(module, "FIGURES", [])}
    order = list(texts_of_figures().index)
    return {name: found[name] for name in sorted(found, key=order.index)}


FIGURES = find_figures()
