"""Where numba keeps what it has compiled, if neither beside the code nor under the user's HOME."""

import atexit
import os
import shutil
import tempfile
from pathlib import Path

VARIABLE = "NUMBA_CACHE_DIR"
PACKAGE = Path(__file__).parents[1]
WISHED = os.environ.get(VARIABLE)


def numba_cache(cache: Path) -> dict[str, str]:
    """The variable that has processes keep it below ``cache``, where it cannot lie by the code."""
    return {} if WISHED or os.access(PACKAGE, os.W_OK) else {VARIABLE: str(cache / "numba")}


def let_numba_be_imported() -> None:
    """Name a folder that goes with this process, where numba would find none and refuse.

    Processes that compile are given a lasting one by ``numba_cache``.
    """
    if WISHED or any(os.access(place, os.W_OK) for place in (PACKAGE, os.path.expanduser("~"))):
        return
    os.environ[VARIABLE] = folder = tempfile.mkdtemp(prefix="disttgl-benchmark-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
