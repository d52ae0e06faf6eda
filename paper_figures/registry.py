"""Every figure by the name it is asked for on the command line."""

from paper_figures import (
    batch_size,
    convergence,
    costs,
    exactness,
    networks,
    node_accuracy,
    node_memory,
    peers,
    projection,
    static_memory,
    stream,
    throughput,
    time_to_accuracy,
    trainer_grid,
)  # fmt: skip

# In the order of the page, the suite's own last; a module's figures are in its list FIGURES.
MODULES = (
    time_to_accuracy, batch_size, node_memory, node_accuracy, static_memory, convergence,
    trainer_grid, throughput, peers, projection, stream, networks, costs, exactness,
)  # fmt: skip
FIGURES = {figure.name: figure for module in MODULES for figure in module.FIGURES}
