"""Argument checks that several techniques share: the constraint first, then the value received."""

import math
import numbers
from collections.abc import Collection, Sequence
from typing import Any


def check_number(**values: Any) -> None:
    for name, value in values.items():
        if not _is_real(value) or not math.isfinite(value):
            raise ValueError(f"`{name}` must be a finite number. Received: {name}={value!r}")


def check_numbers(**values: Any) -> None:
    for name, value in values.items():
        sequence = value if isinstance(value, Sequence) else ()
        if not sequence or not all(_is_real(number) and math.isfinite(number) for number in sequence):
            raise ValueError(f"`{name}` must be a list of finite numbers, not empty. Received: {name}={value!r}")


def check_non_negative(**values: Any) -> None:
    for name, value in values.items():
        if not _is_real(value) or not value >= 0:
            raise ValueError(f"`{name}` must be a number >= 0. Received: {name}={value!r}")


def check_positive(**values: Any) -> None:
    for name, value in values.items():
        if not _is_real(value) or not value > 0:
            raise ValueError(f"`{name}` must be a number > 0. Received: {name}={value!r}")


def check_positive_int(**values: Any) -> None:
    for name, value in values.items():
        if not is_int(value) or value < 1:
            raise ValueError(f"`{name}` must be an integer >= 1. Received: {name}={value!r}")


def check_positive_ints(**values: Any) -> None:
    for name, value in values.items():
        sequence = value if isinstance(value, Sequence) else ()
        if not sequence or not all(is_int(number) and number >= 1 for number in sequence):
            raise ValueError(f"`{name}` must be a list of integers >= 1, not empty. Received: {name}={value!r}")


def check_non_negative_int(**values: Any) -> None:
    for name, value in values.items():
        if not is_int(value) or value < 0:
            raise ValueError(f"`{name}` must be an integer >= 0. Received: {name}={value!r}")


def check_rate(**values: Any) -> None:
    for name, value in values.items():
        if not _is_real(value) or not 0 <= value < 1:
            raise ValueError(f"`{name}` must be a number in [0, 1). Received: {name}={value!r}")


def check_fraction(**values: Any) -> None:
    for name, value in values.items():
        if not _is_real(value) or not 0 < value <= 1:
            raise ValueError(f"`{name}` must be a number in (0, 1]. Received: {name}={value!r}")


def check_share(**values: Any) -> None:
    for name, value in values.items():
        if not _is_real(value) or not 0 <= value <= 1:
            raise ValueError(f"`{name}` must be a number in [0, 1]. Received: {name}={value!r}")


def check_choice(choices: Collection[Any], **values: Any) -> None:
    for name, value in values.items():
        if value not in choices:
            raise ValueError(f"`{name}` must be one of {sorted(choices)}. Received: {name}={value!r}")


def check_divisible(**values: int) -> None:
    """`check_divisible(width=8, num_heads=3)`: the first value must be a multiple of the second."""
    (name, value), (divisor_name, divisor) = values.items()
    if value % divisor:
        raise ValueError(
            f"`{name}` must be a multiple of `{divisor_name}`. Received: {name}={value}, {divisor_name}={divisor}"
        )


def check_rank(input_shape: Sequence[int | None], *ranks: int) -> None:
    if len(input_shape) not in ranks:
        wanted = " or ".join(map(str, ranks))
        raise ValueError(f"The input must have rank {wanted}. Received: input_shape={tuple(input_shape)}")


def check_min_rank(input_shape: Sequence[int | None], rank: int) -> None:
    if len(input_shape) < rank:
        raise ValueError(f"The input must have rank >= {rank}. Received: input_shape={tuple(input_shape)}")


def check_last_axis(input_shape: Sequence[int | None], **size: int) -> None:
    """`check_last_axis(shape, dim=8)`: the last axis must have that size."""
    ((name, value),) = size.items()
    if input_shape[-1] != value:
        raise ValueError(
            f"The last axis must have the size `{name}`. Received: {name}={value}, input_shape={tuple(input_shape)}"
        )


def check_same_shape(y_true: Any, y_pred: Any) -> None:
    """As far as the sizes are known."""
    pairs = [*zip(y_true.shape, y_pred.shape, strict=False)]
    if len(y_true.shape) != len(y_pred.shape) or any(a != b for a, b in pairs if a is not None and b is not None):
        raise ValueError(
            "`y_true` and `y_pred` must have the same shape. "
            f"Received: y_true shape={tuple(y_true.shape)}, y_pred shape={tuple(y_pred.shape)}"
        )


def check_axis(axis: Any, name: str = "axis") -> None:
    """What can be said before the shape is known."""
    axes = tuple(axis) if isinstance(axis, Sequence) else (axis,)
    if not axes or not all(map(is_int, axes)):
        raise ValueError(f"`{name}` must be an integer, or a list of them, not empty. Received: {name}={axis!r}")


def normalize_axes(
    axis: int | Sequence[int], input_shape: Sequence[int | None], *, known: bool = True, name: str = "axis"
) -> tuple[int, ...]:
    """Axes as a sorted tuple of non-negative numbers; each must exist, occur once and, if `known`, have a size."""
    rank = len(input_shape)
    axes = tuple(axis) if isinstance(axis, Sequence) else (axis,)
    if not axes or any(not is_int(a) or not -rank <= a < rank for a in axes):
        raise ValueError(
            f"`{name}` must lie in [{-rank}, {rank}). Received: {name}={axis!r}, input_shape={input_shape}"
        )
    positive = tuple(sorted(a % rank for a in axes))
    if len(set(positive)) < len(positive):
        raise ValueError(f"`{name}` must not name an axis twice. Received: {name}={axis}, input_shape={input_shape}")
    if known and any(input_shape[a] is None for a in positive):
        raise ValueError(f"`{name}` must have a known size. Received: {name}={axis}, input_shape={input_shape}")
    return positive


def _is_real(value: Any) -> bool:
    return isinstance(value, numbers.Real) and not isinstance(value, bool)


def is_int(value: Any) -> bool:
    """NumPy's integers too."""
    return isinstance(value, numbers.Integral) and not isinstance(value, bool)
