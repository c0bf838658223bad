"""What the cells of YOLOv12's three feature maps say of an image: where they are, and which box each predicts."""

from collections.abc import Sequence

import keras
from keras import ops

STRIDES = 8, 16, 32


def count_anchors(input_shape: Sequence[int]) -> int:
    """How many cells the maps of an image have together.

    Args:
        input_shape: two ints, height and width of the image, multiples of 32.

    Example:

    >>> count_anchors((640, 640))
    8400
    """
    height, width = input_shape
    return sum((height // stride) * (width // stride) for stride in STRIDES)


def anchor_points(input_shape: Sequence[int], dtype: str = "float32"):
    """The centers of the cells, in the order in which a detection head speaks of them.

    Args:
        input_shape: two ints, height and width of the image, multiples of 32.
        dtype: float dtype.

    Returns:
        Two tensors: `(anchors, 2)`, `x` and `y` of each center in pixels, row by row, the finest map first; and
        `(anchors, 1)`, the stride of the map.

    Example:

    >>> points, strides = anchor_points((32, 32))
    >>> print(keras.ops.convert_to_numpy(points[:2]), keras.ops.convert_to_numpy(strides[-1]))
    [[ 4.  4.]
     [12.  4.]] [32.]
    """
    height, width = input_shape
    points, strides = [], []
    for stride in STRIDES:
        rows, columns = height // stride, width // stride
        x = ops.broadcast_to(ops.arange(columns, dtype=dtype), (rows, columns))
        y = ops.broadcast_to(ops.arange(rows, dtype=dtype)[:, None], (rows, columns))
        points.append(ops.reshape((ops.stack([x, y], axis=-1) + 0.5) * stride, (rows * columns, 2)))
        strides.append(ops.full((rows * columns, 1), stride, dtype=dtype))
    return ops.concatenate(points, axis=0), ops.concatenate(strides, axis=0)


def decode_boxes(logits, points, strides):
    """Boxes of the distributions that a detection head predicts for their sides.

    Formula: a side is `sum_k k softmax(logits)_k` strides away from the center of the cell.

    Args:
        logits: float tensor `(..., 4 * reg_max)`, those of left, top, right and bottom one after the other.
        points: tensor `(..., 2)`, the centers of the cells in pixels.
        strides: tensor `(..., 1)`, in pixels.

    Returns:
        Tensor `(..., 4)`: left, top, right and bottom edge in pixels.

    Example:

    >>> points, strides = anchor_points((32, 32))
    >>> boxes = decode_boxes(keras.ops.zeros((21, 4 * 3)), points, strides)
    >>> print(keras.ops.convert_to_numpy(boxes[0]))
    [-4. -4. 12. 12.]

    References:
        Li et al., "Generalized Focal Loss: Learning Qualified and Distributed Bounding Boxes for Dense Object
        Detection", arXiv:2006.04388
    """
    bins = logits.shape[-1] // 4
    logits = ops.reshape(logits, (*ops.shape(logits)[:-1], 4, bins))
    steps = ops.arange(bins, dtype=keras.backend.standardize_dtype(logits.dtype))
    distances = ops.sum(ops.softmax(logits, axis=-1) * steps, axis=-1) * strides
    return ops.concatenate([points - distances[..., :2], points + distances[..., 2:]], axis=-1)
