import hashlib
from pathlib import Path

import pytest

from benchmark.datasets.download import download
from tests.datasets.file_server import FileServer, serving

CONTENT = bytes(range(256)) * 1000
SHA256 = hashlib.sha256(CONTENT).hexdigest()


@pytest.fixture
def server():
    with serving(CONTENT) as running:
        yield running


@pytest.fixture
def target(tmp_path: Path) -> Path:
    return tmp_path / "folder" / "file.csv"


def files_beside(target: Path) -> list[str]:
    return sorted(path.name for path in target.parent.iterdir())


def test_whole_file(server: FileServer, target: Path, capsys: pytest.CaptureFixture[str]) -> None:
    download(server.url, target, SHA256)
    assert target.read_bytes() == CONTENT
    assert files_beside(target) == ["file.csv"]
    assert server.ranges == [None]
    shown = capsys.readouterr().err
    assert "Downloading file.csv: 0.3 of 0.3 MB" in shown
    assert "\r" not in shown


def test_interrupted_download_is_resumed(server: FileServer, target: Path) -> None:
    server.cut_after = 100_000
    with pytest.raises(FileNotFoundError, match=r"after 100000 of 256000 bytes.*run the same"):
        download(server.url, target, SHA256)
    assert files_beside(target) == ["file.csv.part", "file.csv.part.version"]
    server.cut_after = None
    download(server.url, target, SHA256)
    assert target.read_bytes() == CONTENT
    assert server.ranges == [None, "bytes=100000-"]
    assert files_beside(target) == ["file.csv"]


def test_a_file_that_changed_meanwhile_is_fetched_from_the_start(
    server: FileServer, target: Path
) -> None:
    server.cut_after = 100_000
    with pytest.raises(FileNotFoundError):
        download(server.url, target)
    server.content, server.cut_after = CONTENT[::-1], None
    download(server.url, target)
    assert target.read_bytes() == CONTENT[::-1]


def test_a_server_without_ranges_sends_everything_again(server: FileServer, target: Path) -> None:
    server.cut_after, server.knows_ranges = 100_000, False
    with pytest.raises(FileNotFoundError):
        download(server.url, target)
    server.cut_after = None
    download(server.url, target, SHA256)
    assert target.read_bytes() == CONTENT


def test_bytes_of_unknown_origin_are_not_continued(server: FileServer, target: Path) -> None:
    target.parent.mkdir()
    target.with_name("file.csv.part").write_bytes(b"something else")
    download(server.url, target, SHA256)
    assert server.ranges == [None]


def test_killed_between_last_byte_and_rename(server: FileServer, target: Path) -> None:
    target.parent.mkdir()
    target.with_name("file.csv.part").write_bytes(CONTENT)
    target.with_name("file.csv.part.version").write_text(f'"{SHA256}"')
    download(server.url, target, SHA256)
    assert target.read_bytes() == CONTENT
    assert server.ranges == ["bytes=256000-", None]


def test_wrong_checksum_leaves_nothing(server: FileServer, target: Path) -> None:
    with pytest.raises(ValueError, match=f"has sha256 {SHA256} but {'0' * 64} is expected"):
        download(server.url, target, "0" * 64)
    assert files_beside(target) == []


def test_unknown_address(server: FileServer, target: Path) -> None:
    with pytest.raises(FileNotFoundError, match=f"answered 404 .* put it at {target}"):
        download(server.url.replace("file", "other"), target)
    assert files_beside(target) == []


def test_no_network(target: Path) -> None:
    with serving(b"") as gone:
        url = gone.url
    with pytest.raises(FileNotFoundError, match=f"{url} could not be fetched.*by hand at {target}"):
        download(url, target)
    assert files_beside(target) == []
