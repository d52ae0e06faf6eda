"""What a run said of every event of a split, as a file for one's own evaluation."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from torch import Tensor

from benchmark.storage.files import written_whole

Columns = dict[str, Tensor]


def check_score_file(path: Path) -> None:
    """Refuse, before anything is computed, a file that could not be written (ValueError)."""
    if path.suffix not in FORMATS:
        raise ValueError(f"{path} ends in none of {', '.join(FORMATS)}: name one that does")
    if path.suffix == ".parquet":
        try:
            import pyarrow  # noqa: F401, PLC0415  (an optional dependency)
        except ImportError as error:
            raise ValueError(
                f"{path} needs pyarrow: pip install 'disttgl-benchmark[parquet]', or name a file "
                "that ends in .npz"
            ) from error


def write_score_file(path: Path, columns: Columns) -> None:
    """A row for each event: arrays of an npz, or columns of a parquet file, of lists where 2-d."""
    with written_whole(path, "--scores") as temporary:
        FORMATS[path.suffix](temporary, columns)


def _write_npz(path: Path, columns: Columns) -> None:
    with path.open("wb") as file:
        arrays: dict[str, Any] = {name: values.numpy() for name, values in columns.items()}
        np.savez(file, **arrays)


def _write_parquet(path: Path, columns: Columns) -> None:
    frame = {name: [*values.numpy()] for name, values in columns.items()}
    pd.DataFrame(frame).to_parquet(path, index=False)


FORMATS: dict[str, Callable[[Path, Columns], None]] = {
    ".npz": _write_npz,
    ".parquet": _write_parquet,
}
