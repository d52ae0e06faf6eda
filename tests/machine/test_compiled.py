"""Numba's cache: where the installation is read-only, and HOME too; after a change of the code."""

import atexit
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from benchmark.machine import place


@pytest.fixture
def writable(monkeypatch: pytest.MonkeyPatch) -> Callable[[bool, bool], None]:
    """Whether the installation and HOME can be written to."""
    monkeypatch.delenv(place.NUMBA_CACHE, raising=False)
    monkeypatch.setattr(place, "WISHED", None)
    monkeypatch.setattr(atexit, "register", lambda *_, **__: None)

    def decide(package: bool, home: bool) -> None:
        monkeypatch.setattr(
            os, "access", lambda folder, mode: package if folder == place.PACKAGE else home
        )

    return decide


def test_beside_the_code_where_that_can_be_written_to(
    writable: Callable[[bool, bool], None], tmp_path: Path
) -> None:
    writable(True, False)
    assert place.numba_cache(tmp_path) == {}
    place.let_numba_be_imported()
    assert place.NUMBA_CACHE not in os.environ


@pytest.mark.parametrize("home", [True, False])
def test_in_the_cache_where_the_installation_is_read_only(
    writable: Callable[[bool, bool], None], tmp_path: Path, home: bool
) -> None:
    writable(False, home)
    assert place.numba_cache(tmp_path) == {"NUMBA_CACHE_DIR": str(tmp_path / "numba")}
    place.let_numba_be_imported()
    assert (place.NUMBA_CACHE in os.environ) == (not home)
    if not home:
        Path(os.environ.pop(place.NUMBA_CACHE)).rmdir()


def test_where_the_user_says(
    writable: Callable[[bool, bool], None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    writable(False, False)
    monkeypatch.setattr(place, "WISHED", "/elsewhere")
    assert place.numba_cache(tmp_path) == {}


def test_loops_are_compiled_again_after_a_change(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(place, "LAYERS", tmp_path)
    (tmp_path / "__pycache__").mkdir()
    index, source = tmp_path / "__pycache__" / "loops.nbi", tmp_path / "called.py"
    for code, again in (("x = 1", True), ("x = 1", False), ("x = 2", True)):
        source.write_text(code)
        index.touch()
        place.forget_old_loops()
        assert index.exists() != again
