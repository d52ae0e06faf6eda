import gzip
import io
from pathlib import Path
from zipfile import ZipFile

import numpy as np
import pytest
import torch

from benchmark.storage.download import download
from tests.storage.file_server import CONTENT, SHA256, FileServer, files_beside, serving


def test_whole_file(server: FileServer, target: Path, capsys: pytest.CaptureFixture[str]) -> None:
    download(server.url, target, SHA256)
    assert target.read_bytes() == CONTENT
    assert files_beside(target) == ["file.csv"]
    assert server.ranges == [None]
    shown = capsys.readouterr().err
    assert "Downloading file.csv: 0.3 of 0.3 MB" in shown
    assert "\r" not in shown


def test_interrupted_download_is_gone_on_with(server: FileServer, target: Path) -> None:
    server.cut_after, server.cuts = 100_000, 1
    download(server.url, target, SHA256)
    assert target.read_bytes() == CONTENT
    assert server.ranges == [None, "bytes=100000-"]
    assert files_beside(target) == ["file.csv"]


def test_what_had_arrived_is_kept_for_the_next_run(server: FileServer, target: Path) -> None:
    server.cut_after = 50_000
    with pytest.raises(FileNotFoundError, match=r"150000 of 256000 bytes.*run .* after the 150000"):
        download(server.url, target, SHA256)
    assert files_beside(target) == ["file.csv.part", "file.csv.part.version"]
    server.cut_after = None
    download(server.url, target, SHA256)
    assert target.read_bytes() == CONTENT
    assert server.ranges == [None, "bytes=50000-", "bytes=100000-", "bytes=150000-"]
    assert files_beside(target) == ["file.csv"]


@pytest.mark.parametrize("says_length", ["chunked", "no"])
def test_a_body_without_a_length(server: FileServer, target: Path, says_length) -> None:
    server.says_length = says_length
    download(server.url, target)
    assert target.read_bytes() == CONTENT
    target.unlink()
    server.cut_after = 60_007
    with pytest.raises(FileNotFoundError, match="could not be fetched"):
        download(server.url, target)
    assert not target.exists()
    server.cut_after = None
    download(server.url, target)
    assert target.read_bytes() == CONTENT


def test_a_file_that_changed_meanwhile_is_fetched_from_the_start(
    server: FileServer, target: Path
) -> None:
    server.cut_after = 50_000
    with pytest.raises(FileNotFoundError):
        download(server.url, target)
    server.content, server.cut_after = CONTENT[::-1], None
    download(server.url, target)
    assert target.read_bytes() == CONTENT[::-1]


def test_a_server_without_ranges_sends_everything_again(server: FileServer, target: Path) -> None:
    server.cut_after, server.cuts, server.knows_ranges = 100_000, 2, False
    download(server.url, target, SHA256)
    assert target.read_bytes() == CONTENT
    assert server.ranges == [None, "bytes=100000-", "bytes=100000-"]


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


@pytest.mark.parametrize(
    ("content_range", "shown"),
    [
        ("bytes 0-255999/256000", "bytes 0-255999/256000"),
        ("bytes 100001-255999/256000", "bytes 100001-255999/256000"),
        ("bytes 100000-255999/256001", "bytes 100000-255999/256001"),
        ("items 1-2/3", "items 1-2/3"),
    ],
)
def test_a_wrong_range_is_discarded(
    server: FileServer, target: Path, content_range: str, shown: str
) -> None:
    server.cut_after, server.cuts, server.content_range = 100_000, 1, content_range
    with pytest.raises(
        ValueError,
        match=f"^{server.url} was asked for the bytes from 100000 on of 256000 and answered {shown}"
        f": it was discarded; run again, or fetch file.csv by other means and put it at {target}$",
    ):
        download(server.url, target)
    assert files_beside(target) == []
    server.content_range = None
    download(server.url, target)
    assert target.read_bytes() == CONTENT


def test_the_rest_of_a_file_is_not_taken_for_the_whole(server: FileServer, target: Path) -> None:
    """A server that answers a range with status 200 and the same tag, but a shorter body."""
    target.parent.mkdir()
    target.with_name("file.csv.part").write_bytes(CONTENT[:50_000])
    target.with_name("file.csv.part.version").write_text(f'"{SHA256}"\n{len(CONTENT) + 50_000}')
    server.knows_ranges = False
    with pytest.raises(ValueError, match="answered with 256000 bytes of a file of 306000: it was"):
        download(server.url, target)
    assert files_beside(target) == []


def test_a_range_that_does_not_say_which_must_complete_the_file(
    server: FileServer, target: Path
) -> None:
    server.cut_after, server.cuts, server.content_range = 100_000, 1, ""
    download(server.url, target)
    assert target.read_bytes() == CONTENT


@pytest.mark.parametrize("status", [201, 204, 206])
def test_another_answer_than_a_file(server: FileServer, target: Path, status: int) -> None:
    server.statuses = [status]
    with pytest.raises(ValueError, match=f"answered {status} .*, which was not asked for: it was"):
        download(server.url, target)
    assert files_beside(target) == []


def packed(name: str) -> bytes:
    buffer = io.BytesIO()
    if name.endswith(".npy"):
        np.save(buffer, np.ones(3))
    elif name.endswith(".pt"):
        torch.save(torch.ones(3), buffer)
    elif name.endswith(".gz"):
        return gzip.compress(CONTENT)
    else:
        with ZipFile(buffer, "w") as archive:
            archive.writestr("a.csv", CONTENT)
    return buffer.getvalue()


PAGE = b"\xef\xbb\xbf\n<!DOCTYPE html><html>Moved</html>\n"
NAMES = ["a.csv", "a.txt.gz", "a.zip", "a.npy", "a.pt"]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    ("content", "problem"),
    [(PAGE, "is a web page"), (b"", "is empty"), (gzip.compress(PAGE), "is a web page")],
)
def test_a_page_or_nothing_with_status_200_is_not_kept(
    tmp_path: Path, name: str, content: bytes, problem: str
) -> None:
    target = tmp_path / "cache" / name
    good = CONTENT if name == "a.csv" else packed(name)
    with serving(content, name) as server:
        with pytest.raises(
            ValueError,
            match=f"^{server.url} sent a file that {problem}: it was discarded; run again, or "
            f"fetch {name} by other means and put it at {target}$",
        ):
            download(server.url, target)
        assert files_beside(target) == []
        server.content = good
        download(server.url, target)
    assert target.read_bytes() == good


@pytest.mark.parametrize(
    ("name", "content", "problem"),
    [
        ("a.csv", b'{"status": 404}', "is a message in JSON"),
        ("a.csv", b"PK\x03\x04", "is a zip archive where text is expected"),
        ("a.csv", b"Rar!\x1a\x07\x00", "is a rar archive where text is expected"),
        ("a.zip", b"user,item\n", "is something else where a zip file is expected"),
        ("a.zip", b"7z\xbc\xaf\x27\x1c", "is a 7z archive where a zip file is expected"),
        ("a.pt", packed("a.npy"), "is something else where a tensor file is expected"),
        ("a.npy", packed("a.txt.gz"), "is a gzip file where a array file is expected"),
        ("a.zip", packed("a.zip")[:-9], "is not whole"),
        ("a.txt.gz", packed("a.txt.gz")[:-9], "is not whole"),
        ("a.txt", packed("a.txt.gz")[:-9], "is not whole"),
    ],
)
def test_another_format_or_half_a_file_is_not_kept(
    tmp_path: Path, name: str, content: bytes, problem: str
) -> None:
    target = tmp_path / "cache" / name
    with (
        serving(content, name) as server,
        pytest.raises(ValueError, match=f"sent a file that {problem}"),
    ):
        download(server.url, target)
    assert files_beside(target) == []


def test_the_kind_can_be_said_where_the_name_does_not(tmp_path: Path) -> None:
    with serving(packed("a.pt")) as server:
        download(server.url, tmp_path / "file.csv", kind="tensor")
    assert (tmp_path / "file.csv").read_bytes() == packed("a.pt")


def test_wrong_checksum_leaves_nothing(server: FileServer, target: Path) -> None:
    with pytest.raises(ValueError, match=f"has sha256 {SHA256} but {'0' * 64} is expected"):
        download(server.url, target, "0" * 64)
    assert files_beside(target) == []


@pytest.mark.parametrize("status", [429, 500, 503])
def test_what_may_pass_is_tried_three_times(server: FileServer, target: Path, status: int) -> None:
    server.statuses = [status] * 2
    download(server.url, target, SHA256)
    assert target.read_bytes() == CONTENT
    target.unlink()
    server.statuses = [status] * 3
    with pytest.raises(FileNotFoundError, match=f"answered {status} .* put it at {target}"):
        download(server.url, target)
    assert len(server.ranges) == 6


def test_a_cache_that_cannot_be_written(server: FileServer, tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("a file")
    with pytest.raises(ValueError, match=f"{tmp_path}/cache cannot be written to .*set cache_dir"):
        download(server.url, tmp_path / "cache" / "file.csv")
