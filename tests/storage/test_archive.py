import gzip
import io
import random
import tarfile
from collections.abc import Callable
from pathlib import Path
from zipfile import ZIP_BZIP2, ZIP_DEFLATED, ZIP_LZMA, ZIP_STORED, ZipFile

import pytest

from benchmark.storage import locations as locations_module
from benchmark.storage.locations import Locations, fetch_member
from tests.storage.file_server import serving

URL = "http://127.0.0.1:9/set.zip"  # nobody listens there


def zipped(files: dict[str, str], compression: int = ZIP_STORED) -> bytes:
    buffer = io.BytesIO()
    with ZipFile(buffer, "w", compression) as archive:
        for name, text in files.items():
            archive.writestr(name, text)
    return buffer.getvalue()


NESTED = {"set/set/a.csv": "events", "set/b.npy": "rows", "__MACOSX/set/._a.csv": "shadow"}


@pytest.fixture
def put(locations: Locations) -> Callable[[bytes], Path]:
    """Writes set.zip into the user's own folder."""

    def write(content: bytes) -> Path:
        assert locations.root is not None
        (locations.root / "set.zip").write_bytes(content)
        return locations.root / "set.zip"

    return write


def test_unpacked_once_without_its_folders(locations: Locations) -> None:
    with serving(zipped(NESTED), "set.zip") as server:
        path, _ = (fetch_member(locations, "set", name, server.url) for name in ("a.csv", "a.csv"))
    assert path.read_text() == "events"
    assert path == locations.cache / "set" / "a.csv"
    assert len(server.ranges) == 1
    assert not list(locations.cache.rglob("._*"))


def test_loose_file_needs_no_archive(locations: Locations) -> None:
    assert locations.root is not None
    loose = locations.root / "a.csv"
    loose.write_text("events")
    assert fetch_member(locations, "set", "a.csv", URL) == loose
    with pytest.raises(FileNotFoundError, match=r"put it at .*/set/b.npy"):
        fetch_member(locations, "set", "b.npy", None)


def test_archive_in_the_users_folder(locations: Locations, put: Callable[[bytes], Path]) -> None:
    put(zipped(NESTED))
    path = fetch_member(locations, "set", "a.csv", URL)
    assert path == locations.cache / "set" / "a.csv"
    with pytest.raises(ValueError, match=r"set.zip has sha256 .* but 00 is expected: replace the"):
        fetch_member(locations, "set", "c.csv", URL, sha256="00")


def encrypted() -> bytes:
    content = bytearray(zipped(NESTED))
    for signature, place in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        start = content.index(signature)
        content[start + place] |= 1
    return bytes(content)


def of_unknown_compression() -> bytes:
    content = bytearray(zipped(NESTED))
    for signature, place in ((b"PK\x03\x04", 8), (b"PK\x01\x02", 10)):
        start = content.index(signature)
        content[start + place] = 9  # deflate64
    return bytes(content)


def with_a_flipped_bit() -> bytes:
    content = bytearray(zipped(NESTED))
    content[content.index(b"events")] ^= 1
    return bytes(content)


def tar_gz() -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        archive.addfile(tarfile.TarInfo("a.csv"))
    return buffer.getvalue()


UNUSABLE = {
    "holds no file a.csv": lambda: zipped({"b.csv": "events"}),
    "holds train/a.csv and test/a.csv": lambda: zipped({"train/a.csv": "1", "test/a.csv": "2"}),
    "holds a.csv encrypted": encrypted,
    "is packed in a way that is not supported": of_unknown_compression,
    r"is not a whole zip archive \(Bad CRC-32": with_a_flipped_bit,
    r"is not a whole zip archive \(File is not a zip": lambda: zipped(NESTED)[:-30],
    "is a tar.gz archive where a zip archive is expected": tar_gz,
    "is a gzip file where a zip archive is expected": lambda: gzip.compress(b"events"),
    "is a rar archive where a zip archive is expected": lambda: b"Rar!\x1a\x07\x01\x00",
    "is a 7z archive where a zip archive is expected": lambda: b"7z\xbc\xaf\x27\x1c\x00\x04",
}


@pytest.mark.parametrize("problem", UNUSABLE)
def test_an_archive_of_the_user_that_cannot_be_used_is_named_and_kept(
    locations: Locations, put: Callable[[bytes], Path], problem: str
) -> None:
    archive = put(UNUSABLE[problem]())
    member = locations.cache / "set" / "a.csv"
    with pytest.raises(
        ValueError,
        match=f"^{archive} {problem}.*: fetch it again from {URL}, or unpack it by hand and put "
        f"a.csv at {member}$",
    ):
        fetch_member(locations, "set", "a.csv", URL)
    assert archive.exists()
    assert [path.name for path in member.parent.iterdir()] == ["a.csv.lock"]


def test_a_damaged_archive_in_the_cache_is_fetched_again(locations: Locations) -> None:
    with serving(with_a_flipped_bit(), "set.zip") as server:
        with pytest.raises(ValueError, match=r"Bad CRC-32.*: it was discarded; run again, or put"):
            fetch_member(locations, "set", "a.csv", server.url)
        server.content = zipped(NESTED)
        assert fetch_member(locations, "set", "a.csv", server.url).read_text() == "events"
    assert len(server.ranges) == 2


def test_a_page_in_the_cache_of_an_earlier_version_is_fetched_again(
    locations: Locations, capsys: pytest.CaptureFixture[str]
) -> None:
    page = locations.cache / "set" / "set.zip"
    page.parent.mkdir(parents=True)
    page.write_text("<html>Moved</html>")
    with serving(zipped(NESTED), "set.zip") as server:
        assert fetch_member(locations, "set", "a.csv", server.url).read_text() == "events"
    assert f"{page} is a web page: it is discarded\n" in capsys.readouterr().err


@pytest.mark.parametrize("compression", [ZIP_STORED, ZIP_DEFLATED, ZIP_BZIP2, ZIP_LZMA])
def test_damage_anywhere_is_one_sentence_or_none(
    locations: Locations, put: Callable[[bytes], Path], compression: int
) -> None:
    content = zipped({"set/a.csv": "events " * 40, "b": "rows"}, compression)
    flips, unharmed = random.Random(0), 0
    for _ in range(200):
        damaged = bytearray(content)
        damaged[flips.randrange(len(content))] ^= 1 << flips.randrange(8)
        put(bytes(damaged))
        try:
            path = fetch_member(locations, "set", "a.csv", URL)
        except ValueError as error:
            assert "set.zip" in str(error)
        else:
            assert path.read_text() == "events " * 40
            path.unlink()
            unharmed += 1
    assert unharmed < 150


def test_a_path_out_of_the_archive_leads_nowhere(
    locations: Locations, put: Callable[[bytes], Path]
) -> None:
    put(zipped({"../../../a.csv": "events", "/b.csv": "rows", "..\\..\\c.csv": "more"}))
    for name in ("a.csv", "b.csv"):
        path = fetch_member(locations, "set", name, URL)
        assert path == locations.cache / "set" / name
    with pytest.raises(ValueError, match=r"holds no file c.csv"):
        fetch_member(locations, "set", "c.csv", URL)


def test_a_bomb_is_not_unpacked(
    locations: Locations, put: Callable[[bytes], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    archive = put(zipped({"a.csv": "0" * 100_000}, ZIP_DEFLATED))
    assert archive.stat().st_size < 1_000
    monkeypatch.setattr(locations_module, "LARGEST_BYTES", 99_999)
    message = (
        f"^{archive} holds a.csv of 100,000 bytes, but at most 99,999 can be unpacked into "
        f"{locations.cache}/set: set cache_dir to a folder with more room$"
    )
    with pytest.raises(ValueError, match=message):
        fetch_member(locations, "set", "a.csv", URL)
    assert not (locations.cache / "set" / "a.csv").exists()


def test_a_size_that_lies_is_not_believed(
    locations: Locations, put: Callable[[bytes], Path]
) -> None:
    content = bytearray(zipped({"a.csv": "0" * 100_000}, ZIP_DEFLATED))
    for signature, place in ((b"PK\x03\x04", 22), (b"PK\x01\x02", 24)):
        start = content.index(signature)
        content[start + place : start + place + 4] = (5).to_bytes(4, "little")
    put(bytes(content))
    with pytest.raises(ValueError, match="not a whole zip archive"):
        fetch_member(locations, "set", "a.csv", URL)
