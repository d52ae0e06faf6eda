"""What the columns of a user's own table become: node ids, classes and features."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from benchmark.datasets.dataset import UNLABELLED
from benchmark.datasets.exact import is_number, texts
from benchmark.datasets.validate import FileRows, check_features, check_labels

Ints = NDArray[np.int64]

MOST_WORDS = 256  # of one column of features
TRUTH = {"false": 0.0, "true": 1.0}
NEGATIVE_FIRST = ({"false", "true"}, {"no", "yes"})  # words of which the later is positive
NOT_FINITE = ("nan", "inf", "infinity")


def filled(frame: pd.DataFrame, column: str, rows: FileRows) -> NDArray[np.object_]:
    """A column as text; refuses gaps."""
    found = texts(frame[column])
    gaps = np.flatnonzero(found == "")
    if gaps.size:
        raise ValueError(f"{rows.place(gaps[0])}: {column} has no value: fill it in")
    return found


def positions(ids: NDArray[np.object_]) -> tuple[Ints, NDArray[np.object_]]:
    """Each id as its position among the distinct ones: whole numbers by value, then words.

    And the distinct ones in that order.
    """
    codes, distinct = pd.factorize(ids)
    words: list[str] = distinct.tolist()
    order = sorted(range(len(words)), key=lambda i: _natural(words[i]))
    ranks = np.empty(len(words), np.int64)
    ranks[order] = np.arange(len(words))
    return ranks[codes], distinct[order]


def _natural(text: str) -> tuple[int, int, str, str]:
    if not (text.isascii() and text.isdigit()):
        return 1, 0, text, text
    digits = text.lstrip("0")  # compared without a conversion, for it may have thousands of them
    return 0, len(digits), digits, text


def classes(frame: pd.DataFrame, column: str, rows: FileRows) -> tuple[Ints, list[str]]:
    """The class of each row, ``UNLABELLED`` where it is -1 or empty, and what classes are called.

    They are numbered by those that occur: in the order of numbers, or of words.
    """
    found = texts(frame[column])
    has_label = (found != "") & (found != str(UNLABELLED))
    if all(map(is_number, pd.unique(found[has_label]))):
        values: NDArray[Any] = check_labels(found, column, rows)
        has_label = values != UNLABELLED
    else:
        values = found.astype(str)
    names = np.unique(values[has_label])
    labels = np.where(has_label, np.searchsorted(names, values), UNLABELLED)
    return labels, [*map(str, names)]


def positive_last(
    labels: Ints, names: list[str], positive: str | None, column: str
) -> tuple[Ints, list[str]]:
    """Node classes so numbered that of two the one to be found is class 1.

    Raises ValueError where it cannot be told from the words and ``positive`` does not say it.
    """
    listed = ", ".join(map(repr, names))
    if positive is None:
        words = {name.casefold() for name in names}
        if len(names) == 2 and not all(map(is_number, names)) and words not in NEGATIVE_FIRST:
            raise ValueError(
                f"label column {column!r} has the classes {listed}, and which one is to be found "
                f"decides the metrics: set dataset.positive_class={names[0]} or ={names[1]}"
            )
        return labels, names
    chosen = [i for i, name in enumerate(names) if name.casefold() == str(positive).casefold()]
    if len(names) != 2 or len(chosen) != 1:
        raise ValueError(
            f"positive_class is {positive!r} but label column {column!r} has the classes {listed}: "
            "it must be one of two"
        )
    if chosen == [1]:
        return labels, names
    return np.where(labels == UNLABELLED, UNLABELLED, 1 - labels), names[::-1]


def features(
    frame: pd.DataFrame, columns: Sequence[str], rows: FileRows
) -> tuple[NDArray[np.float32], list[int]]:
    """The columns side by side as float32, and which of them say whether a word is there."""
    parts = [np.empty((len(frame), 0), np.float32)]
    indicators: list[int] = []
    width = 0
    for column in columns:
        part, of_words = _feature(frame[column], column, rows)
        check_features(part, rows, [column] * part.shape[1])
        if of_words:
            indicators += range(width, width + part.shape[1])
        parts.append(part.astype(np.float32))
        width += part.shape[1]
    return np.concatenate(parts, axis=1), indicators


def _feature(values: pd.Series, column: str, rows: FileRows) -> tuple[NDArray[Any], bool]:
    """A column of numbers [num_rows, 1], or one column per word, in their order."""
    if pd.api.types.is_numeric_dtype(values):  # bool is
        return values.to_numpy(np.float64, na_value=np.nan).reshape(-1, 1), False
    codes, distinct = pd.factorize(texts(values))
    numbers = np.array([_number(word) for word in distinct])
    if not np.isnan(numbers).all() or _are_numbers(distinct):
        return numbers[codes].reshape(-1, 1), False
    if "" in distinct:
        row = int((codes == list(distinct).index("")).argmax())
        raise ValueError(f"{rows.place(row)}: {column} has no value: fill it in")
    if len(distinct) > MOST_WORDS:
        raise ValueError(
            f"{rows.path}: feature column {column!r} has {len(distinct)} different words, more "
            f"than {MOST_WORDS}: leave it out, or group them"
        )
    order = np.argsort(np.argsort(distinct.astype(str)))
    return np.eye(len(distinct), dtype=np.float32)[order[codes]], True


def _number(word: str) -> float:
    return float(word) if is_number(word) else TRUTH.get(word.casefold(), np.nan)


def _are_numbers(words: NDArray[np.object_]) -> bool:
    """Whether none is more of a word than nan and inf are."""
    return all(word.casefold().lstrip("+-") in ("", *NOT_FINITE) for word in words)


def zeros_and_ones(
    frame: pd.DataFrame, columns: Sequence[str], rows: FileRows
) -> NDArray[np.float32]:
    """Columns of classes [num_rows, num_classes] of which an event may have several."""
    values, _ = features(frame, columns, rows)
    wrong = np.argwhere((values != 0) & (values != 1))
    if len(wrong):
        row, column = wrong[0]
        raise ValueError(
            f"{rows.place(row)}: label {columns[column]} is {values[row, column]:g}: a multi_edge "
            "label must be 0 or 1"
        )
    return values
