import inspect
import math

import keras
import numpy as np
import pytest

from dl_techniques import _checks as checks
from dl_techniques._shapes import pair
from dl_techniques.catalogue import TECHNIQUES, WEIGHT_TECHNIQUES


@pytest.mark.parametrize(
    ("check", "good", "bad"),
    [
        (checks.check_number, (0, -1.5, np.float32(2)), ("1", None, True, math.nan, -math.inf)),
        (checks.check_numbers, ([0], (1.5, np.float32(2))), ([], (), 1.0, "12", [1, None], [math.nan], [True])),
        (checks.check_non_negative, (0, 1e-9, np.float32(0.5)), (-1e-9, math.nan, "1", None, False)),
        (checks.check_positive, (1, 1e-9, np.float32(0.5)), (0, -1.0, math.nan, "1", None, True)),
        (checks.check_positive_int, (1, np.int64(7)), (0, -1, 1.0, "1", None, True)),
        (checks.check_positive_ints, ([1], (2, np.int64(7))), ([], (), 3, "12", [1, 0], [1.0], [True])),
        (checks.check_non_negative_int, (0, np.int64(7)), (-1, 0.0, "1", None, False)),
        (checks.check_rate, (0, 0.0, 0.999), (1, 1.0, -1e-9, math.nan, "0", None, False)),
        (checks.check_share, (0, 1, 0.5, np.float32(1)), (-1e-9, 1.001, math.nan, "1", None, True)),
        (checks.check_fraction, (1, 1e-9, np.float32(0.5)), (0, 1.001, -1, math.nan, "1", None, True)),
    ],
)
def test_numbers(check, good, bad):
    for value in good:
        check(value=value)
    for value in bad:
        with pytest.raises(ValueError, match=r"`value` must be") as caught:
            check(value=value)
        assert f"Received: value={value!r}" in str(caught.value)


def test_a_check_of_several_values_names_the_bad_one():
    with pytest.raises(ValueError, match=r"`second` .* Received: second=-1"):
        checks.check_positive(first=1, second=-1)


def test_same_shape():
    known, unknown, other = keras.KerasTensor((2, 3)), keras.KerasTensor((None, 3)), keras.KerasTensor((2, 4))
    checks.check_same_shape(known, unknown)
    for one, two in ((known, other), (unknown, other), (known, keras.KerasTensor((2, 3, 1)))):
        with pytest.raises(ValueError, match="must have the same shape") as caught:
            checks.check_same_shape(one, two)
        assert f"Received: y_true shape={one.shape}, y_pred shape={two.shape}" in str(caught.value)


def test_choice():
    checks.check_choice(("b", "a"), mode="a")
    for value in ("c", None, ["a"]):
        with pytest.raises(ValueError, match=r"`mode` must be one of \['a', 'b'\]\. Received: mode="):
            checks.check_choice(("b", "a"), mode=value)


def test_divisible():
    checks.check_divisible(width=8, heads=4)
    with pytest.raises(ValueError, match=r"`width` must be a multiple of `heads`\. Received: width=8, heads=3"):
        checks.check_divisible(width=8, heads=3)


def test_rank():
    checks.check_rank((2, 3), 2)
    checks.check_rank((2, 3), 3, 2)
    checks.check_min_rank((2, 3), 2)
    with pytest.raises(ValueError, match=r"rank 3 or 4\. Received: input_shape=\(2, 3\)"):
        checks.check_rank([2, 3], 3, 4)
    with pytest.raises(ValueError, match=r"rank >= 3\. Received: input_shape=\(2, 3\)"):
        checks.check_min_rank([2, 3], 3)


def test_last_axis():
    checks.check_last_axis((None, 8), dim=8)
    with pytest.raises(ValueError, match=r"`dim`\. Received: dim=8, input_shape=\(2, None\)"):
        checks.check_last_axis((2, None), dim=8)


@pytest.mark.parametrize(
    ("axis", "expected"), [(-1, (3,)), (1, (1,)), (np.int64(2), (2,)), ([3, 1], (1, 3)), ((-1, -3), (1, 3))]
)
def test_axes_are_sorted_and_positive(axis, expected):
    assert checks.normalize_axes(axis, (None, 4, 5, 6)) == expected


def test_axes_of_unknown_size_where_they_will_do():
    assert checks.normalize_axes([0, -1], (None, 4, 5), known=False) == (0, 2)
    with pytest.raises(ValueError, match="twice"):
        checks.normalize_axes([0, 0], (None, 4, 5), known=False)


@pytest.mark.parametrize(
    ("axis", "reason"),
    [
        (4, "must lie in"),
        (-5, "must lie in"),
        ([], "must lie in"),
        ("last", "must lie in"),
        (None, "must lie in"),
        (1.0, "must lie in"),
        ([1, -3], "twice"),
        (0, "known size"),
        ([0, 1], "known size"),
    ],
)
def test_bad_axes_are_shown(axis, reason):
    with pytest.raises(ValueError, match=reason) as caught:
        checks.normalize_axes(axis, (None, 4, 5, 6))
    assert f"Received: axis={axis!r}, input_shape=(None, 4, 5, 6)" in str(caught.value)


def test_an_axis_of_another_name():
    with pytest.raises(ValueError, match=r"`where` must be an integer.* Received: where='last'"):
        checks.check_axis("last", name="where")
    with pytest.raises(ValueError, match=r"`where` must lie in .* Received: where=3, "):
        checks.normalize_axes(3, (2, 4), name="where")


WITH_AXIS = [row for row in (*TECHNIQUES, *WEIGHT_TECHNIQUES) if "axis" in inspect.signature(row.cls).parameters]


@pytest.mark.parametrize("row", WITH_AXIS, ids=lambda row: row.name)
def test_what_is_no_axis_is_refused_at_once(row):
    for axis in ("last", 1.0, None, [], [None], True):
        with pytest.raises(ValueError, match="`axis` must be an integer, or a list of them") as caught:
            row.make(axis=axis)
        assert f"Received: axis={axis!r}" in str(caught.value)


@pytest.mark.parametrize("given", [(3, 2), [3, 2], (np.int64(3), np.int32(2))])
def test_pairs(given):
    assert pair(strides=given) == (3, 2)
    assert pair(strides=given[0]) == (3, 3)
    assert {type(size) for size in pair(strides=given)} == {int}


@pytest.mark.parametrize("given", [0, 1.0, True, "2", None, (1,), (1, 2, 3), (1, 0), (True, True), "12"])
def test_what_is_no_pair(given):
    with pytest.raises(ValueError, match=r"`strides` must be an integer >= 1, or two of them\. Received: ") as caught:
        pair(strides=given)
    assert f"strides={given!r}" in str(caught.value)
