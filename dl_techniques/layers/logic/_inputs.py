"""What goes into the layers of this room: a tensor, a list of them, or intervals as pairs of tensors."""

from collections.abc import Sequence
from typing import Any


def is_shape(value: Any) -> bool:
    return isinstance(value, Sequence) and all(size is None or isinstance(size, int) for size in value)


def agree(shapes: Any) -> bool:
    """Whether these are shapes that can be equal; sizes that are unknown are left to the call."""
    if not isinstance(shapes, Sequence) or not all(map(is_shape, shapes)) or len(set(map(len, shapes))) != 1:
        return False
    return all(len({size for size in sizes if size is not None}) <= 1 for sizes in zip(*shapes, strict=True))


def is_pair(shapes: Any) -> bool:
    """Whether these are the shapes of a lower and an upper bound."""
    return agree(shapes) and len(shapes) == 2
