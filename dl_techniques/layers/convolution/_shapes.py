def same_padding_output_shape(input_shape, stride: int, filters: int):
    """`(batch, ceil(height / stride), ceil(width / stride), filters)`; unknown sizes stay unknown."""
    batch, *sizes, _ = input_shape
    return (batch, *(None if size is None else -(-size // stride) for size in sizes), filters)
