import gzip
import hashlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from benchmark.datasets.locations import Locations
from tests.datasets.file_server import serving


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
