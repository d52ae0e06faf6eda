"""A server with a file, where a download of it goes, and no pauses between attempts."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmark.storage import download as download_module
from tests.storage.file_server import CONTENT, FileServer, serving


@pytest.fixture(autouse=True)
def _without_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(download_module, "PAUSES_SECONDS", (0.0, 0.0))


@pytest.fixture
def server() -> Iterator[FileServer]:
    with serving(CONTENT) as running:
        yield running


@pytest.fixture
def target(tmp_path: Path) -> Path:
    return tmp_path / "folder" / "file.csv"
