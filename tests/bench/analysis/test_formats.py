import math

import pytest

from bench.analysis import formats


@pytest.mark.parametrize(
    ("value", "expected"),
    [(0.00123456, "1.23 ms"), (12.3456, "12.3 s"), (4.5e-5, "45.0 µs"), (7e-9, "7.00 ns"), (1234.0, "1234 s")],
)
def test_seconds(value, expected):
    assert formats.seconds(value) == expected


def test_seconds_in_the_unit_of_another_value():
    assert formats.seconds(0.0005, 0.002) == "0.500 ms"
    assert formats.interval_seconds(0.0005, 0.002, 0.001) == "0.500 to 2.00 ms"


@pytest.mark.parametrize(
    ("value", "expected"), [(1.0, "1.00"), (1.0049, "1.0049"), (0.996, "0.9960"), (1.2345, "1.23"), (17.26, "17.3")]
)
def test_ratio_shows_on_which_side_of_1_it_lies(value, expected):
    assert formats.ratio(value) == expected


def test_scaled():
    assert formats.scaled(6.1e10, "flop/s") == "61.0 Gflop/s"
    assert formats.scaled(12, "B") == "12.0 B"
    assert formats.scaled(0, "B") == "0 B"


def test_missing_values_are_dashes():
    missing = [formats.seconds(math.nan), formats.ratio(math.nan), formats.scaled(math.nan, "B")]
    assert {*missing, formats.interval_seconds(math.nan, math.nan, 1.0)} == {formats.MISSING}
    assert formats.interval(math.nan, math.nan) == "(no interval)"


@pytest.mark.parametrize(("value", "expected"), [(59, "0 min 59 s"), (125, "2 min 5 s"), (7322, "2 h 2 min")])
def test_duration(value, expected):
    assert formats.duration(value) == expected


@pytest.mark.parametrize(("number", "expected"), [(1, "1 launch"), (3, "3 launches")])
def test_count(number, expected):
    assert formats.count(number, "launch") == expected


@pytest.mark.parametrize(
    ("parts", "expected"),
    [
        (("name", "small"), "name · small"),
        (("name", "", "small"), "name · small"),
        (("a_name_that_is_long", "small"), "a_name_tha… · small"),
        (("name", "a_size_that_is_long"), "name · a_size_that…"),
        (("",), ""),
    ],
)
def test_of_what_is_too_long_the_name_is_cut(parts, expected):
    assert formats.join(*parts, longest=19) == expected


def test_a_line_has_neither_controls_nor_turns_of_direction():
    assert formats.line("a\nb\x1b[2J\u202ec שלום") == "a b [2J c שלום"
