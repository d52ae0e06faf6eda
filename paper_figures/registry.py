"""Every figure by the name it is asked for on the command line.

A function with ``@figure`` in a module of this folder and a row of results/paper/figures.csv are
all that a figure needs to be here, in the order of the rows.
"""

from importlib import import_module
from pkgutil import iter_modules

import paper_figures
from paper_figures.figure import PaperFigure
from paper_figures.published import texts_of_figures

ABOVE = ("registry", "__main__", "readme")  # which import this


def find_figures() -> dict[str, PaperFigure]:
    """The figures of all modules; KeyError if one has no row in figures.csv."""
    names = {found.name for found in iter_modules(paper_figures.__path__)} - set(ABOVE)
    modules = [import_module(f"paper_figures.{name}") for name in sorted(names)]
    values = (value for module in modules for value in vars(module).values())
    found = {value.name: value for value in values if isinstance(value, PaperFigure)}
    order = list(texts_of_figures().index)
    return {name: found[name] for name in sorted(found, key=order.index)}


FIGURES = find_figures()
