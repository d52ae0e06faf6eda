"""What the nodes of a data set are called in its files."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

Ints = NDArray[np.int64]
UNKNOWN = -1


@dataclass(frozen=True)
class NodeNames:
    """The ``names`` [num_nodes] of all nodes, whole numbers or text, in order of node.

    Where sources and destinations are named apart, so that one name may stand for two nodes, nodes
    from ``first_destination`` on are the destinations; else that is None.
    """

    names: NDArray[Any]
    first_destination: int | None = None

    def take(self, nodes: Ints) -> "NodeNames":
        """The names of some of the nodes, sorted, which are numbered anew."""
        first = self.first_destination
        return NodeNames(
            self.names[nodes], None if first is None else int(np.searchsorted(nodes, first))
        )

    def sources(self, names: NDArray[np.object_]) -> Ints:
        """The nodes that sources of these names are, ``UNKNOWN`` where there is none."""
        return self._find(names, 0, self.first_destination)

    def destinations(self, names: NDArray[np.object_]) -> Ints:
        """The nodes that destinations of these names are, ``UNKNOWN`` where there is none."""
        return self._find(names, self.first_destination or 0, None)

    def _find(self, names: NDArray[np.object_], first: int, end: int | None) -> Ints:
        known = pd.Index(self.names[first:end].astype(str))
        found = known.get_indexer(pd.Index(names.astype(str)))
        return np.where(found < 0, UNKNOWN, found + first).astype(np.int64)
