from collections.abc import Sequence

from dl_techniques._checks import is_int


def same_padding_output_shape(input_shape, stride: int, filters: int):
    """`(batch, ceil(height / stride), ceil(width / stride), filters)`; unknown sizes stay unknown."""
    batch, *sizes, _ = input_shape
    return (batch, *(None if size is None else -(-size // stride) for size in sizes), filters)


def conv_output_shape(input_shape, filters: int, window, strides, padding: str):
    """As Keras' convolutions have it; `window` is the size of the kernel, gaps of a dilation included."""
    batch, *sizes, _ = input_shape
    if padding == "valid":
        sizes = [size if size is None else size - extent + 1 for size, extent in zip(sizes, window, strict=True)]
    if any(size is not None and size < 1 for size in sizes):
        raise ValueError(
            "The image must not be smaller than the kernel. "
            f"Received: input_shape={tuple(input_shape)}, size of the kernel={tuple(window)}"
        )
    sizes = [size if size is None else -(-size // stride) for size, stride in zip(sizes, strides, strict=True)]
    return (batch, *sizes, filters)


def lie_side_by_side(input_shape, window, strides) -> bool:
    """Whether windows cover an image of known size without gaps or overlap, so that there is nothing to pad either."""
    sizes = input_shape[1:3]
    if None in sizes or tuple(window) != tuple(strides):
        return False
    return all(size % extent == 0 for size, extent in zip(sizes, window, strict=True))


def pair(**given) -> tuple[int, int]:
    """`pair(strides=2)`: an integer, or two of them, as two."""
    ((name, value),) = given.items()
    sizes = tuple(value) if isinstance(value, Sequence) else (value, value)
    if len(sizes) != 2 or not all(is_int(size) and size >= 1 for size in sizes):
        raise ValueError(f"`{name}` must be an integer >= 1, or two of them. Received: {name}={value!r}")
    first, second = map(int, sizes)
    return first, second
