"""How much boxes overlap. A box is its left, top, right and bottom edge on the last axis; the other axes broadcast."""

import math

from keras import ops

# Of a prediction without any area; far less than a pixel, and its square far more than the smallest float32.
_THIN = 1e-7


def box_iou(boxes, others):
    """Intersection over union: the area that two boxes share, as a part of the area that they cover.

    Args:
        boxes: float tensor `(..., 4)`.
        others: float tensor `(..., 4)`.

    Returns:
        Tensor `(...)` of numbers from 0 to 1; 0 of two boxes without any area.

    Example:

    >>> from keras import ops
    >>> round(float(box_iou(ops.array([0.0, 0.0, 2.0, 2.0]), ops.array([1.0, 0.0, 3.0, 2.0]))), 4)
    0.3333
    """
    return ops.divide_no_nan(*_intersection_and_union(_edges(boxes), _edges(others)))


def complete_iou(boxes, targets):
    """Intersection over union, less the distance of the centers and the difference of the shapes (CIoU).

    Unlike `box_iou` it has a gradient where boxes do not overlap.

    Formula: `IoU - d^2 / c^2 - a v`, where `d` is the distance of the centers, `c` the diagonal of the smallest box
    around both, `v = 4 / pi^2 (arctan(w_t / h_t) - arctan(w / h))^2`, and `a = v / (1 - IoU + v)`, through which no
    gradient passes, as in the authors' code.

    Args:
        boxes: float tensor `(..., 4)`.
        targets: float tensor `(..., 4)`, boxes with an area.

    Returns:
        Tensor `(...)` of numbers from -1.5 to 1, which only equal boxes reach.

    Example:

    >>> from keras import ops
    >>> round(float(complete_iou(ops.array([0.0, 0.0, 2.0, 2.0]), ops.array([1.0, 0.0, 3.0, 2.0]))), 4)
    0.2564

    References:
        Zheng et al., "Distance-IoU Loss: Faster and Better Learning for Bounding Box Regression", arXiv:1911.08287
    """
    first, second = _edges(boxes), _edges(targets)
    intersection, union = _intersection_and_union(first, second)
    iou = intersection / union
    x1, y1, x2, y2 = first
    target_x1, target_y1, target_x2, target_y2 = second
    width = ops.maximum(x2, target_x2) - ops.minimum(x1, target_x1)
    height = ops.maximum(y2, target_y2) - ops.minimum(y1, target_y1)
    distance = ops.square(x1 + x2 - target_x1 - target_x2) + ops.square(y1 + y2 - target_y1 - target_y2)
    # Of the predicted boxes and the targets each, before they are broadcast: there are fewer of them than of pairs.
    angle = ops.arctan((x2 - x1) / (y2 - y1 + _THIN))
    target_angle = ops.arctan((target_x2 - target_x1) / (target_y2 - target_y1 + _THIN))
    v = 4 / math.pi**2 * ops.square(target_angle - angle)
    weight = ops.stop_gradient(v / (1 - iou + v + _THIN))
    return iou - distance / (4 * (ops.square(width) + ops.square(height))) - weight * v


def _edges(boxes):
    return [boxes[..., i] for i in range(4)]


def _intersection_and_union(first, second):
    x1, y1, x2, y2 = first
    other_x1, other_y1, other_x2, other_y2 = second
    width = ops.relu(ops.minimum(x2, other_x2) - ops.maximum(x1, other_x1))
    height = ops.relu(ops.minimum(y2, other_y2) - ops.maximum(y1, other_y1))
    intersection = width * height
    areas = ops.relu(x2 - x1) * ops.relu(y2 - y1) + ops.relu(other_x2 - other_x1) * ops.relu(other_y2 - other_y1)
    return intersection, areas - intersection
