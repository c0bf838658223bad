from collections.abc import Sequence

import keras
from keras import ops

from dl_techniques._checks import check_positive_int, is_int
from dl_techniques._precision import wide
from dl_techniques._serialization import serializable
from dl_techniques.utils.boxes import box_iou
from dl_techniques.utils.tensors import zero_pad

# Recalls at which the precision is read: 0, 0.01, ..., 1.
_RECALL_STEPS = 100

# Of a recall: the quotient of two sums of weights may lie below a point that it should reach.
_ROUNDING = 1e-5

_COCO_THRESHOLDS = (0.5, 0.55, 0.6, 0.65, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95)


@serializable
class MeanAveragePrecision(keras.metrics.Metric):
    """Mean average precision of detected boxes, as COCO defines it, over any number of batches.

    The number by which detectors are compared. It is averaged over the classes that occur and over the thresholds of
    the overlap, so the default is COCO's "AP". For the others give it one threshold, and a name under which `fit` logs
    it: `metrics=[MeanAveragePrecision(80), MeanAveragePrecision(80, [0.5], name="map_50")]`.

    Formula: in each image and class the detections, in descending order of their scores, take the target with the
    highest IoU among those that are still free, if it is at least the threshold (the later one of equal ones): a true
    positive, else a false one. `AP = 1 / 101 sum_r max {precision(s) : recall(s) >= r}` over the recalls
    `r = 0, 0.01, ..., 1`, where `precision(s)` and `recall(s)` count the detections with a score of at least `s`.

    Scores are counted in `score_bins` equal bins from 0 to 1, so that the state has a fixed size and batches add up:
    streaming equals one shot. Detections in one bin count as tied, wherever they came from: all of them, or none, have
    at least a score. COCO's own code orders ties as it meets them. Within an image the exact scores decide who comes
    first. The more bins, the fewer ties.

    Sample weights, one for each image, count its targets and detections as often. It is 0 before the first target. A
    model's outputs must be decoded, and go through non-maximum suppression, before this.

    Memory: `num_classes * score_bins * (thresholds + 1)` numbers, 3.5 MB for COCO; and for a batch
    `images * detections * targets` numbers, a few times. The detections of an image are matched one after the other;
    PyTorch's compiler takes in that loop step by step, so give it no more rows of detections than there may be.

    Args:
        num_classes: int, number of classes.
        iou_thresholds: list of floats in `(0, 1]`; None for COCO's 0.5, 0.55, ..., 0.95.
        max_detections: int, how many detections of a class count in an image, those of the highest scores.
        score_bins: int, number of bins.

    Input shape:
        - `y_true`: `(batch, targets, 5)`, rows of class, left, top, right and bottom, in any unit. Rows without an
          area are padding; so are those of an unknown class.
        - `y_pred`: `(batch, detections, 6)`, rows of class, score, left, top, right and bottom. Rows with a score of 0
          are padding too.

    Output shape:
        A scalar.

    Example:

    >>> metric = MeanAveragePrecision(num_classes=1)
    >>> targets = keras.ops.array([[[0.0, 0.0, 0.0, 10.0, 10.0], [0.0, 20.0, 20.0, 30.0, 30.0]]])
    >>> detections = keras.ops.array([[[0.0, 0.9, 0.0, 0.0, 10.0, 8.0], [0.0, 0.0, 0.0, 0.0, 0.0, 0.0]]])
    >>> metric.update_state(targets, detections)
    >>> print(round(float(metric.result()), 4))  # Up to 0.8 it finds one of two boxes: 7 thresholds of 10, 51 recalls.
    0.3535

    References:
        Lin et al., "Microsoft COCO: Common Objects in Context", arXiv:1405.0312, and its evaluation code
    """

    def __init__(
        self,
        num_classes: int,
        iou_thresholds: Sequence[float] | None = None,
        *,
        max_detections: int = 100,
        score_bins: int = 1000,
        name: str = "mean_average_precision",
        **kwargs,
    ):
        super().__init__(name=name, **kwargs)
        check_positive_int(num_classes=num_classes, max_detections=max_detections, score_bins=score_bins)
        if iou_thresholds is not None:
            _check_thresholds(iou_thresholds)
        self.num_classes = num_classes
        self.iou_thresholds = iou_thresholds
        self.max_detections = max_detections
        self.score_bins = score_bins
        self._thresholds = tuple(_COCO_THRESHOLDS if iou_thresholds is None else iou_thresholds)
        shapes = {
            "true_positives": (num_classes, score_bins, len(self._thresholds)),
            "detections": (num_classes, score_bins),
            "targets": (num_classes,),
        }
        self.true_positives, self.detections, self.targets = (
            self.add_variable(shape, "zeros", dtype=wide(self.dtype), name=name) for name, shape in shapes.items()
        )

    def update_state(self, y_true, y_pred, sample_weight=None):
        y_true, y_pred = ops.convert_to_tensor(y_true), ops.convert_to_tensor(y_pred)
        _check_shapes(y_true, y_pred)
        dtype = wide(self.dtype)
        # A row of padding, as there is no best of none.
        y_true, y_pred = (zero_pad(ops.cast(rows, dtype), 1, after=1) for rows in (y_true, y_pred))
        batch, number = ops.shape(y_pred)[:2]
        weight = ops.ones((batch,), dtype=dtype)
        if sample_weight is not None:
            weight = ops.reshape(ops.cast(ops.convert_to_tensor(sample_weight), dtype), (batch,))

        target_class, is_target = self._classes(y_true[..., 0], y_true[..., 1:])
        found_class, is_found = self._classes(y_pred[..., 0], y_pred[..., 2:])
        score = ops.where(ops.logical_and(is_found, y_pred[..., 1] > 0), ops.minimum(y_pred[..., 1], 1.0), 0.0)
        order = ops.argsort(-score, axis=1)
        score, found_class = (ops.take_along_axis(x, order, axis=1) for x in (score, found_class))
        found = ops.take_along_axis(y_pred[..., 2:], order[..., None], axis=1)
        is_found = ops.logical_and(score > 0, self._is_among_the_best(found_class))
        bins = ops.minimum(ops.cast(score * self.score_bins, "int32"), self.score_bins - 1)

        same = ops.logical_and(found_class[:, :, None] == target_class[:, None], is_target[:, None])
        same = ops.logical_and(same, is_found[:, :, None])
        iou = ops.where(same, box_iou(found[:, :, None], y_true[:, None, :, 1:]), 0.0)
        thresholds = ops.convert_to_tensor(self._thresholds, dtype=dtype)[:, None]
        owner = _match(iou, thresholds, number)

        self.targets.assign(_counted(self.targets, [target_class], weight[:, None] * ops.cast(is_target, dtype)))
        amounts = weight[:, None] * ops.cast(is_found, dtype)
        self.detections.assign(_counted(self.detections, [found_class, bins], amounts))
        # A target counts in the bin of its detection.
        is_taken = ops.cast(owner > 0, dtype)
        shape = ops.shape(owner)
        flat = ops.reshape(ops.maximum(owner - 1, 0), (shape[0], shape[1] * shape[2]))
        places = [
            target_class[:, None],
            ops.reshape(ops.take_along_axis(bins, flat, axis=1), shape),
            ops.arange(len(self._thresholds), dtype="int32")[:, None],
        ]
        self.true_positives.assign(_counted(self.true_positives, places, weight[:, None, None] * is_taken))

    def result(self):
        """The mean over classes and thresholds, as a scalar."""
        # From the highest score to the lowest.
        true = ops.cumsum(ops.flip(ops.convert_to_tensor(self.true_positives), axis=1), axis=1)
        all_found = ops.cumsum(ops.flip(ops.convert_to_tensor(self.detections), axis=1), axis=1)
        targets = ops.convert_to_tensor(self.targets)
        precision = _highest_from_here_on(ops.divide_no_nan(true, all_found[..., None]))
        recall = ops.divide_no_nan(true, targets[:, None, None])
        # The last point of recall that each bin reaches, and how many more those are than up to the bin before.
        reached = ops.floor(_RECALL_STEPS * (recall + _ROUNDING))
        points = ops.concatenate([reached[:, :1] + 1, reached[:, 1:] - reached[:, :-1]], axis=1)
        average = ops.mean(ops.sum(precision * points, axis=1) / (_RECALL_STEPS + 1), axis=-1)
        occurs = ops.cast(targets > 0, targets.dtype)
        return ops.divide_no_nan(ops.sum(average * occurs), ops.sum(occurs))

    def _classes(self, numbers, boxes):
        """Class numbers in range, and which of the boxes there are."""
        has_area = ops.logical_and(boxes[..., 2] > boxes[..., 0], boxes[..., 3] > boxes[..., 1])
        is_known = ops.logical_and(numbers > -0.5, numbers < self.num_classes - 0.5)
        exists = ops.logical_and(ops.logical_and(has_area, is_known), ops.all(ops.isfinite(boxes), axis=-1))
        return ops.cast(ops.round(ops.where(exists, numbers, 0.0)), "int32"), exists

    def _is_among_the_best(self, classes):
        """Whether fewer than `max_detections` of the class come before."""
        number = ops.shape(classes)[1]
        if isinstance(number, int) and number <= self.max_detections:
            return ops.ones_like(classes, dtype="bool")
        place = ops.arange(number, dtype="int32")
        before = ops.logical_and(classes[:, :, None] == classes[:, None], place[:, None] > place)
        return ops.sum(ops.cast(before, "int32"), axis=-1) < self.max_detections


def _match(iou, thresholds, number):
    """Which detection takes each target, `(batch, thresholds, targets)`, counted from 1; 0 where none does.

    In a loop over the detections, best first, each step of which is small: a chain of detections, each of which takes
    what the next would have liked, may be as long as there are targets, and rounds of all detections at once would be
    as many. Within a row targets are compared by the rank of their IoU, which is different for each.

    Args:
        iou: `(batch, detections, targets)`, 0 where they cannot match, detections in descending order of scores.
        thresholds: `(thresholds, 1)`.
        number: number of detections.
    """
    rank = ops.argsort(ops.argsort(iou, axis=-1), axis=-1) + 1
    iou, rank = (ops.transpose(x, (1, 0, 2))[:, :, None] for x in (iou, rank))
    places = ops.arange(ops.shape(iou)[3], dtype="int32")
    owner = ops.zeros((ops.shape(iou)[1], thresholds.shape[0], ops.shape(iou)[3]), dtype="int32")
    return ops.fori_loop(0, number, _take, (owner, iou, rank, thresholds, places))[0]


def _take(index, state):
    """One step. All that it needs is in its arguments, so that JAX compiles it once even where nothing else is.

    With operators, as PyTorch's compiler takes them in faster than Keras' functions.
    """
    owner, iou, rank, thresholds, places = state
    is_open = (owner == 0) & (iou[index] >= thresholds)
    best = ops.argmax(ops.where(is_open, rank[index], 0), axis=-1)[..., None]
    return ops.where(is_open & (places == best), index + 1, owner), iou, rank, thresholds, places


def _highest_from_here_on(x):
    """The largest element from each place of the second axis to its end."""
    step, size = 1, x.shape[1]
    while step < size:
        x = ops.maximum(x, zero_pad(x[:, step:], 1, after=step))
        step *= 2
    return x


def _counted(variable, places, amounts):
    """The variable, to which the amounts are added at the places, one index for each axis."""
    index = 0
    for size, place in zip(variable.shape, places, strict=True):
        index = index * size + place
    amounts = ops.broadcast_to(amounts, ops.shape(index))
    flat = ops.reshape(ops.convert_to_tensor(variable), (-1,))
    total = ops.scatter_update(flat, ops.reshape(index, (-1, 1)), ops.reshape(amounts, (-1,)), reduction="add")
    return ops.reshape(total, variable.shape)


def _check_thresholds(thresholds) -> None:
    given = list(thresholds) if isinstance(thresholds, Sequence) and not isinstance(thresholds, str) else []
    numbers = all(isinstance(x, float) or is_int(x) for x in given)
    if not given or not numbers or not all(0 < x <= 1 for x in given):
        raise ValueError(
            f"`iou_thresholds` must be a list of numbers in (0, 1], not empty. Received: iou_thresholds={thresholds!r}"
        )


def _check_shapes(y_true, y_pred) -> None:
    shapes = tuple(y_true.shape), tuple(y_pred.shape)
    fits = [len(shape) == 3 and shape[2] in (size, None) for shape, size in zip(shapes, (5, 6), strict=True)]
    if not all(fits) or (None not in (shapes[0][0], shapes[1][0]) and shapes[0][0] != shapes[1][0]):
        raise ValueError(
            "`y_true` must have the shape (batch, targets, 5), and `y_pred` (batch, detections, 6). "
            f"Received: y_true shape={shapes[0]}, y_pred shape={shapes[1]}"
        )
