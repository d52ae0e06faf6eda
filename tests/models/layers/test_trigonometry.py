"""Compiled sines and cosines."""

import math

import numpy as np
import pytest
from numba import njit

from benchmark.models.layers.trigonometry import cosine, sine


@njit
def of_all(angles):  # type: ignore[no-untyped-def]
    both = np.empty((2, angles.size), angles.dtype)
    for place in range(angles.size):
        both[0, place] = cosine(angles[place])
        both[1, place] = sine(angles[place])
    return both


@pytest.mark.parametrize(("dtype", "tolerance"), [(np.float32, 2e-7), (np.float64, 1e-15)])
@pytest.mark.parametrize("largest", [1.0, 1e4, 2e9, 1e12])
def test_they_are_those_of_the_rounded_angle(
    dtype: type[np.floating], tolerance: float, largest: float
) -> None:
    angles = np.random.default_rng(0).uniform(-largest, largest, 10_000).astype(dtype)
    found = of_all(angles)
    unit = np.spacing(np.abs(angles.astype(np.float64)))
    allowed = tolerance + (unit / 2 if dtype is np.float32 else 0)
    for row, function in enumerate((math.cos, math.sin)):
        expected = np.array([function(float(angle)) for angle in angles])
        assert (np.abs(found[row] - expected) < allowed).all()


def test_they_are_exact_at_zero() -> None:
    assert of_all(np.zeros(1, np.float32)).ravel().tolist() == [1.0, 0.0]


def test_they_stay_in_their_range_for_any_angle() -> None:
    angles = np.geomspace(1, 1e30, 1_000, dtype=np.float32)
    assert np.abs(of_all(np.concatenate([angles, -angles]))).max() <= 1.000001
