"""Looking rows up in a table."""

from torch import Tensor


def gather_rows(table: Tensor, rows: Tensor) -> Tensor:
    """``table[rows]`` [*rows.shape, width], several times faster on a CPU."""
    return table.index_select(0, rows.flatten()).view(*rows.shape, table.shape[1])
