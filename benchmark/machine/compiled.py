"""Where numba keeps what it has compiled."""

import os
from pathlib import Path

VARIABLE = "NUMBA_CACHE_DIR"
PACKAGE = Path(__file__).parents[1]
WISHED = os.environ.get(VARIABLE)


def numba_cache(cache: Path) -> dict[str, str]:
    """The variable that has processes keep it below ``cache``; nothing where it can lie elsewhere.

    That is beside the code, or where the user says.
    """
    if WISHED or os.access(PACKAGE, os.W_OK):
        return {}
    return {VARIABLE: str(cache / "numba")}
