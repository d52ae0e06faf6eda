"""Small valid inputs of every format, and ways to damage them, all from a seed."""

import bz2
import gzip
import io
import lzma
import random
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch

NUM_EVENTS = 40
NASTY = [
    *["", " ", "nan", "NaN", "null", "NA", "None", "inf", "-inf", "-1", "-0", "+3", "0.5", "1e3"],
    *["1e400", "1e39", "9007199254740993", "9223372036854775807", "9223372036854775808"],
    *["18446744073709551616", "2000000000", "007", "0x10", "1_000", "١٢", "é", "true", "a b"],
    *["a,b", 'say "hi"', '"', "'", "#1", "%", "2020-01-01", "2020-01-01T00:00:00.5Z", "1,5", ";"],
    *["\t", "\x00", "\ufeff", "1" * 400, "x" * 5000, "=1+1", "<html>", "\u2028", "\r"],
]


def _rows(rng: random.Random) -> list[tuple[int, int, int]]:
    """Sources 0..7, destinations 0..7, ascending times with ties."""
    time, rows = 0, []
    for _ in range(NUM_EVENTS):
        time += rng.choice([0, 1, 1, 7])
        rows.append((rng.randrange(8), rng.randrange(8), time))
    return rows


def jodie(folder: Path, rng: random.Random) -> None:
    lines = ["user_id,item_id,timestamp,state_label,comma_separated_list_of_features"]
    lines += [f"{s},{d},{t}.0,{int(rng.random() < 0.1)},0.5,-1.25" for s, d, t in _rows(rng)]
    (folder / "sample.csv").write_text("\n".join(lines) + "\n")


def snap(folder: Path, rng: random.Random) -> None:
    text = "".join(f"{s} {d} {t}\n" for s, d, t in _rows(rng))
    (folder / "sample.txt").write_text("# a comment\n" + text)


def quadruples(folder: Path, rng: random.Random) -> None:
    lines = [f"{s}\t{rng.randrange(3)}\t{d}\t{t}\t0" for s, d, t in _rows(rng)]
    times = [int(line.split("\t")[3]) for line in lines]
    first = next(i for i in range(25, NUM_EVENTS) if times[i] > times[i - 1])
    second = next(i for i in range(first + 3, NUM_EVENTS) if times[i] > times[i - 1])
    parts = {
        "train.txt": lines[:first],
        "valid.txt": lines[first:second],
        "test.txt": lines[second:],
    }
    for name, part in parts.items():
        (folder / name).write_text("\n".join(part) + "\n")


def table(folder: Path, rng: random.Random) -> None:
    lines = ["source,destination,time,weight,flag"]
    lines += [f"u{s},u{d},{t},{s / 8},{d % 2}" for s, d, t in _rows(rng)]
    (folder / "sample.csv").write_text("\n".join(lines) + "\n")


def dyglib(folder: Path, rng: random.Random) -> None:
    lines = [",u,i,ts,label,idx"]
    lines += [
        f"{e},{s + 1},{d + 9},{t}.0,{d % 2},{e + 1}" for e, (s, d, t) in enumerate(_rows(rng))
    ]
    (folder / "ml_sample.csv").write_text("\n".join(lines) + "\n")
    features = np.random.default_rng(rng.randrange(1 << 30)).random((NUM_EVENTS + 1, 3))
    np.save(folder / "ml_sample.npy", features)
    np.save(folder / "ml_sample_node.npy", np.zeros((17, 2)))


def tgl(folder: Path, rng: random.Random) -> None:
    lines = [",src,dst,time,int_roll,ext_roll"]
    rolls = [0] * 28 + [1] * 6 + [2] * 6
    rows = list(zip(_rows(rng), rolls, strict=True))
    lines += [f"{e},{s},{d + 8},{t}.0,0,{r}" for e, ((s, d, t), r) in enumerate(rows)]
    (folder / "edges.csv").write_text("\n".join(lines) + "\n")
    labels = [f"{e},{s},{t}.0,{d % 2},{r}" for e, ((s, d, t), r) in enumerate(rows) if e % 5 == 0]
    (folder / "labels.csv").write_text("\n".join([",node,time,label,ext_roll", *labels]) + "\n")
    torch.save(torch.rand(NUM_EVENTS, 3), folder / "edge_features.pt")
    torch.save(torch.rand(16, 2), folder / "node_features.pt")


FORMATS: dict[str, Callable[[Path, random.Random], None]] = {
    "jodie": jodie,
    "snap": snap,
    "quadruples": quadruples,
    "table": table,
    "dyglib": dyglib,
    "tgl": tgl,
}


def mutate(path: Path, rng: random.Random) -> str:
    """Damage one file; returns what was done, for the message of a failing test."""
    change = rng.choice(TEXT_CHANGES if path.suffix in (".csv", ".txt") else BYTE_CHANGES)
    change(path, rng)
    return f"{change.__name__.strip('_')} in {path.name}"


def _field(path: Path, rng: random.Random) -> None:
    """One to three fields hold something else."""
    lines = path.read_text().split("\n")
    separator = next((s for s in ",\t " if s in lines[min(1, len(lines) - 1)]), ",")
    for _ in range(rng.choice([1, 1, 3])):
        row = rng.randrange(len(lines))
        fields = lines[row].split(separator)
        fields[rng.randrange(len(fields))] = rng.choice(NASTY)
        lines[row] = separator.join(fields)
    path.write_text("\n".join(lines))


def _column(path: Path, rng: random.Random) -> None:
    """A whole column holds one thing."""
    lines = path.read_text().rstrip("\n").split("\n")
    separator = next((s for s in ",\t " if s in lines[-1]), ",")
    column, value = rng.randrange(lines[-1].count(separator) + 1), rng.choice(NASTY)
    for row in range(1, len(lines)):
        fields = lines[row].split(separator)
        if column < len(fields):
            fields[column] = value
        lines[row] = separator.join(fields)
    path.write_text("\n".join(lines) + "\n")


def _shift(path: Path, rng: random.Random) -> None:
    """A row has a field too few or too many."""
    lines = path.read_text().split("\n")
    row = rng.randrange(len(lines))
    separator = next((s for s in ",\t " if s in lines[row]), ",")
    fields = lines[row].split(separator)
    if rng.random() < 0.5:
        del fields[rng.randrange(len(fields))]
    else:
        fields.insert(rng.randrange(len(fields) + 1), rng.choice(["0", *NASTY]))
    lines[row] = separator.join(fields)
    path.write_text("\n".join(lines))


def _lines(path: Path, rng: random.Random) -> None:
    """Lines are lost, doubled, moved, blank or comments."""
    lines = path.read_text().split("\n")
    row = rng.randrange(len(lines))
    what = rng.randrange(6)
    if what == 0:
        del lines[row : row + rng.randrange(1, 30)]
    elif what == 1:
        lines.insert(row, lines[rng.randrange(len(lines))])
    elif what == 2:
        lines.insert(row, rng.choice(["", "   ", ",,,,", "# remark", "% remark", "nan nan nan"]))
    elif what == 3:
        rng.shuffle(lines)
    elif what == 4:
        lines = lines[: rng.randrange(3)]
    else:
        lines += [rng.choice(["", " ", ",,,", "nan,nan,nan,nan", "null\tnull\tnull\tnull"])] * 3
    path.write_text("\n".join(lines))


def _encoding(path: Path, rng: random.Random) -> None:
    text = path.read_text().replace("0", rng.choice(["0", "0", "é", "\x00", '"']), 1)
    path.write_bytes(text.encode(rng.choice(["utf-16", "utf-8-sig", "latin-1", "utf-32"])))


def _endings(path: Path, rng: random.Random) -> None:
    text = path.read_text().replace("\n", rng.choice(["\r\n", "\r", "\n\n", "\n\r"]))
    path.write_text(text, newline="")


def _separator(path: Path, rng: random.Random) -> None:
    text = path.read_text()
    for old in ",\t ":
        text = text.replace(old, rng.choice([",", ";", "\t", " ", "  ", "|", ", "]))
    path.write_text(text)


def _packed(path: Path, rng: random.Random) -> None:
    """Compressed under the old name, sometimes cut."""
    data, what = path.read_bytes(), rng.randrange(5)
    if what == 0:
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w") as archive:
            archive.writestr(path.name, data)
        data = buffer.getvalue()
    else:
        data = [gzip.compress, bz2.compress, lzma.compress, bytes][what - 1](data)
    path.write_bytes(data[: rng.randrange(len(data))] if rng.random() < 0.3 else data)


def _bytes(path: Path, rng: random.Random) -> None:
    """Some bytes are others."""
    data = bytearray(path.read_bytes())
    for _ in range(rng.choice([1, 4, 30])):
        if data:
            data[rng.randrange(len(data))] = rng.randrange(256)
    path.write_bytes(data)


def _cut(path: Path, rng: random.Random) -> None:
    data = path.read_bytes()
    path.write_bytes(data[: rng.randrange(len(data) + 1)] if data else data)


def _other_content(path: Path, rng: random.Random) -> None:
    """Something else altogether."""
    page = b"<!DOCTYPE html><html><body>404</body></html>"
    path.write_bytes(
        rng.choice([b"", b"\n", page, b"\x00" * 100, rng.randbytes(300), b"PK\x03\x04"])
    )


def _folder(path: Path, rng: random.Random) -> None:
    path.unlink()
    if rng.random() < 0.5:
        path.mkdir()


def _array(path: Path, rng: random.Random) -> None:
    """An array or tensor of another shape, type or content."""
    values = np.random.default_rng(rng.randrange(1 << 30)).random((41, 3)) * 10
    shape = rng.choice([(41, 3), (40, 3), (17, 2), (16, 2), (41,), (41, 3, 1), (0, 3), (41, 0), ()])
    kinds = ["f8", "f4", "f2", "i8", "u1", "?", "c8", "O", "U3"]
    kind = rng.choice(kinds if path.suffix == ".npy" else kinds[:6])
    array = np.resize(values, shape).astype(kind)
    if kind[0] == "f" and array.size and rng.random() < 0.4:
        array.flat[rng.randrange(array.size)] = rng.choice([np.nan, np.inf, -np.inf, 6e4])
    if kind == "f8" and array.size and rng.random() < 0.3:
        array.flat[0] = 1e300
    if path.suffix == ".npy":
        np.save(path, array, allow_pickle=True)
    else:
        tensor = torch.from_numpy(array.copy())
        kept = rng.choice([tensor, tensor, {"x": tensor}, [tensor], tensor.tolist(), "text"])
        torch.save(kept, path)


TEXT_CHANGES = (
    [_field] * 6
    + [_shift] * 3
    + [_lines] * 3
    + [
        *[_column, _encoding, _endings, _separator, _packed, _bytes, _bytes, _cut],
        *[_other_content, _folder],
    ]
)
BYTE_CHANGES = [_array] * 4 + [_bytes, _cut, _other_content, _folder]
