"""Every figure by the name it is asked for on the command line."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from paper_figures import (
    batch_size,
    captured_events,
    convergence,
    dataset_statistics,
    edge_classification,
    edge_convergence,
    exactness,
    link_prediction,
    node_accuracy,
    node_classification,
    node_memory,
    peers,
    projection,
    sampling_speed,
    static_memory,
    strategies,
    tgl_scaling,
    throughput,
    time_to_accuracy,
    trainer_grid,
)
from paper_figures.claim import Claim
from paper_figures.records import Record


@dataclass(frozen=True)
class PaperFigure:
    """What a figure shows, the command that makes its records, and how it is drawn.

    ``number`` is that of the paper ("Figure 8"); ``differs`` says in a sentence or two how the
    conditions here differ from the paper's and why. ``select`` picks the records it can use;
    ``draw`` writes PDF, PNG and csv files of those and returns their paths; ``claims`` compares
    them with the paper and is empty where they say nothing about it.
    """

    number: str
    shows: str
    command: str
    differs: str
    select: Callable[[list[Record]], list[Record]]
    draw: Callable[[list[Record], Path], list[Path]]
    claims: Callable[[list[Record]], list[Claim]]


# In the order of the page; a module's name is the figure's.
MODULES = (
    time_to_accuracy,
    batch_size,
    node_memory,
    node_accuracy,
    static_memory,
    captured_events,
    convergence,
    trainer_grid,
    edge_convergence,
    throughput,
    peers,
    projection,
    strategies,
    dataset_statistics,
    edge_classification,
    link_prediction,
    node_classification,
    sampling_speed,
    tgl_scaling,
    exactness,
)

FIGURES = {
    module.__name__.split(".")[-1]: PaperFigure(
        module.NUMBER,
        module.SHOWS,
        module.COMMAND,
        module.DIFFERS,
        module.select,
        module.draw,
        module.claims,
    )
    for module in MODULES
}
