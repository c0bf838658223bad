"""Which anchors are to predict which box, and how sure they should be: task-aligned assignment, arXiv:2108.07755.

Only the first step compares all anchors with all boxes, `(batch, boxes, anchors)` numbers. From then on a box has
`CANDIDATES` anchors, and everything is `(batch, boxes, CANDIDATES)`. What enters here passes no gradients.
"""

from keras import ops

from dl_techniques.utils.boxes import complete_iou

CANDIDATES = 10

# The logarithm of what no candidate has. Finite, as differences of infinities are NaN.
_NONE = -3e38


def best_anchors(class_logits, predicted, points, classes, boxes, *, alpha: float, beta: float):
    """The anchors with the highest `t = s^alpha u^beta` for each box, among those whose center lies inside of it.

    Here `s` is the score of the class of the box, `u` the CIoU of the predicted box with it, and `t` is above 0. It is
    computed as a logarithm, which has the same order and never underflows.

    Args:
        class_logits: `(batch, anchors, classes)`.
        predicted: `(batch, anchors, 4)`, boxes.
        points: `(anchors, 2)`, centers.
        classes: `(batch, boxes)`, integers.
        boxes: `(batch, boxes, 4)`, each with an area. One without a center inside has no anchors.
        alpha: float >= 0.
        beta: float >= 0.

    Returns:
        `log t`, and indices of anchors, both `(batch, boxes, CANDIDATES)`. Where there are fewer, `log t` is less than
        the half of the lowest float32.
    """
    batch, number = ops.shape(boxes)[:2]
    anchors, class_count = class_logits.shape[1:]
    # A row for each class, to be taken as a whole.
    log_scores = ops.reshape(ops.transpose(ops.log_sigmoid(class_logits), (0, 2, 1)), (batch * class_count, anchors))
    rows = ops.arange(batch, dtype="int32")[:, None] * class_count + classes
    overlap = complete_iou(predicted[:, None], boxes[:, :, None])
    x, y = points[:, 0], points[:, 1]
    x1, y1, x2, y2 = (boxes[..., i : i + 1] for i in range(4))
    inside = ops.minimum(ops.minimum(x - x1, x2 - x), ops.minimum(y - y1, y2 - y)) > 0
    can_be = ops.logical_and(inside, overlap > 0)
    log_overlap = ops.log(ops.where(can_be, overlap, 1.0))
    metric = ops.where(can_be, alpha * rows_of(log_scores, rows) + beta * log_overlap, _NONE)
    # XLA has a fast way for matrices only.
    metric, index = ops.top_k(ops.reshape(metric, (batch * number, anchors)), CANDIDATES)
    shape = (batch, number, CANDIDATES)
    return ops.reshape(metric, shape), ops.cast(ops.reshape(index, shape), "int32")


def rows_of(matrix, index):
    """`matrix[index]`. Its shape is told, as JAX forgets axes of an empty index to an empty matrix."""
    return ops.reshape(ops.take(matrix, index, axis=0), (*ops.shape(index), matrix.shape[1]))


def target_scores(log_metric, index, overlap):
    """How sure each candidate should be, 0 for those that another box gets.

    An anchor goes to the box that it overlaps most, to the later one of equal ones. The best anchor of a box is to
    have its highest overlap as score, the others less in proportion to `t`.

    Args:
        log_metric: `(batch, boxes, CANDIDATES)`, of `best_anchors`.
        index: the same shape, of `best_anchors`.
        overlap: the same shape, `u` of each candidate.

    Returns:
        Tensor of the same shape.
    """
    chosen = ops.logical_and(log_metric > _NONE / 2, _is_last_of_its_anchor(index, overlap, log_metric > _NONE / 2))
    best = _largest(ops.where(chosen, log_metric, _NONE))
    share = ops.exp(ops.where(chosen, log_metric - best, _NONE))
    return share * _largest(ops.where(chosen, overlap, 0.0))


def _largest(x):
    """As `ops.amax` along the last axis, which stays; but that refuses to look at an empty batch on TensorFlow."""
    return ops.top_k(x, 1)[0]


def _is_last_of_its_anchor(index, overlap, is_candidate):
    """Whether a candidate is the last one of its anchor, in the order of overlaps.

    Candidates of an image are sorted by overlap, and then by anchor: numbers are compared only to sort them. Compilers
    may compute a number twice and round it in two ways, and then none would equal the largest.
    """
    batch, number, _ = ops.shape(index)
    count = number * CANDIDATES
    # Those of no anchor come before the others.
    index = ops.reshape(ops.where(is_candidate, index, -1), (batch, count))
    by_overlap = ops.argsort(ops.reshape(overlap, (batch, count)), axis=-1)
    by_anchor = ops.argsort(ops.take_along_axis(index, by_overlap, axis=-1), axis=-1)
    order = ops.take_along_axis(by_overlap, by_anchor, axis=-1)
    in_order = ops.take_along_axis(index, order, axis=-1)
    following = ops.concatenate([in_order[:, 1:], ops.full_like(in_order[:, :1], -1)], axis=-1)
    is_last = ops.take_along_axis(ops.not_equal(in_order, following), ops.argsort(order, axis=-1), axis=-1)
    return ops.reshape(is_last, (batch, number, CANDIDATES))
