import gzip
import hashlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from benchmark.storage.locations import Locations
from tests.storage.file_server import serving


def put(path: Path, text: str = "x") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def test_the_users_folder_comes_before_the_cache(locations: Locations) -> None:
    assert locations.root is not None
    cached = put(locations.cache / "uci" / "a.txt")
    assert locations.fetch("uci", "a.txt") == cached
    flat = put(locations.root / "a.txt")
    assert locations.fetch("uci", "a.txt") == flat
    own = put(locations.root / "uci" / "a.txt")
    assert locations.fetch("uci", "a.txt") == own


def test_a_gzipped_file_is_found_by_its_plain_name(locations: Locations) -> None:
    assert locations.root is not None
    zipped = locations.root / "a.txt.gz"
    zipped.write_bytes(gzip.compress(b"x"))
    assert locations.fetch("uci", "a.txt") == zipped


def test_download_goes_into_the_cache_once(locations: Locations) -> None:
    assert locations.root is not None
    with serving(b"content") as server:
        path = locations.fetch("set", "file.csv", server.url)
        assert locations.fetch("set", "file.csv", server.url) == path
    assert path == locations.cache / "set" / "file.csv"
    assert path.read_bytes() == b"content"
    assert len(server.ranges) == 1
    assert not any(locations.root.iterdir())


def test_processes_that_start_together_download_once(locations: Locations) -> None:
    with serving(b"content" * 100_000) as server, ThreadPoolExecutor(4) as threads:
        paths = threads.map(lambda _: locations.fetch("set", "file.csv", server.url), range(4))
        assert len({path.read_bytes() for path in paths}) == 1
    assert len(server.ranges) == 1


def test_missing_file_without_address(locations: Locations) -> None:
    with pytest.raises(FileNotFoundError, match=f"put it at {locations.root}/WIKI/edges.csv"):
        locations.fetch("WIKI", "edges.csv")


def test_checksum_of_a_file_that_was_found(locations: Locations) -> None:
    assert locations.root is not None
    put(locations.root / "a.txt", "right")
    right = hashlib.sha256(b"right").hexdigest()
    locations.fetch("set", "a.txt", sha256=right)
    put(locations.root / "a.txt", "wrong")
    with pytest.raises(ValueError, match=f"a.txt has sha256 .* but {right} is expected"):
        locations.fetch("set", "a.txt", sha256=right)


def test_a_mistyped_folder_is_not_passed_over(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"datasets_root .*/typo is no folder"):
        Locations(tmp_path / "typo", tmp_path / "cache").fetch("set", "a.txt", "http://unused")


def test_a_cache_inside_the_users_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"cache_dir .* lies inside datasets_root"):
        Locations(tmp_path, tmp_path / "cache")


@pytest.mark.parametrize(
    ("name", "content", "problem"),
    [
        ("file.csv", b"<html>Moved</html>", "is a web page"),
        ("file.csv", b"", "is empty"),
        ("file.csv.gz", gzip.compress(b"content", mtime=0)[:-4], "is not whole"),
        ("file.csv.gz", gzip.compress(b"<html>", mtime=0), "is a web page"),
    ],
)
def test_what_is_wrong_in_the_cache_is_fetched_again(
    locations: Locations,
    capsys: pytest.CaptureFixture[str],
    name: str,
    content: bytes,
    problem: str,
) -> None:
    wrong = locations.cache / "set" / name
    wrong.parent.mkdir(parents=True)
    wrong.write_bytes(content)
    with serving(b"content") as server:
        path = locations.fetch("set", "file.csv", server.url)
    assert path == locations.cache / "set" / "file.csv"
    assert path.read_bytes() == b"content"
    assert f"{wrong} {problem}: it is discarded\n" in capsys.readouterr().err


def test_what_is_wrong_in_the_users_folder_is_left_to_its_reader(locations: Locations) -> None:
    assert locations.root is not None
    page = put(locations.root / "set" / "file.csv", "<html>")
    assert locations.fetch("set", "file.csv", "http://127.0.0.1:9/file.csv") == page
    assert page.read_text() == "<html>"


def test_a_wrong_checksum_in_the_cache_says_what_to_delete(locations: Locations) -> None:
    path = put(locations.cache / "set" / "file.csv", "wrong")
    with pytest.raises(ValueError, match=f"{path} has sha256 .* is expected: delete {path}, or"):
        locations.fetch("set", "file.csv", "http://127.0.0.1:9/file.csv", sha256="00")
    assert path.read_text() == "wrong", "a mistyped checksum loses no download"


def test_a_download_has_the_name_it_is_looked_for_by(locations: Locations) -> None:
    with serving(b"content", "other.csv?download=1") as server:
        for _ in ("fetched", "found"):
            path = locations.fetch("set", "file.csv", server.url)
    assert path == locations.cache / "set" / "file.csv"
    with serving(gzip.compress(b"content"), "file.csv.gz") as zipped:
        path = locations.fetch("other", "file.csv", zipped.url)
    assert path == locations.cache / "other" / "file.csv.gz"
    assert len(server.ranges) == 1
