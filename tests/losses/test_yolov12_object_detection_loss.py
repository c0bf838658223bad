from collections import Counter

import numpy as np
import pytest
from keras import ops
from keras.ops import convert_to_numpy as numpy
from scipy.special import entr

from dl_techniques.losses import YOLOv12ObjectDetectionLoss
from dl_techniques.losses.detection.yolov12_object_detection_loss import two_bins
from tests.losses._judged import judge
from tests.oracles import detection as oracle
from tests.oracles.compare import assert_accurate

SHAPE, REG_MAX, CLASSES = (64, 96), 4, 3
OPTIONS = {"classes": CLASSES, "input_shape": SHAPE, "reg_max": REG_MAX}
ANCHORS = len(oracle.anchors(SHAPE))
ROWS = 8
LOSS = judge(YOLOv12ObjectDetectionLoss(CLASSES, SHAPE, reg_max=REG_MAX))
DEFAULTS = {"weights": (7.5, 0.5, 1.5), "alpha": 0.5, "beta": 6.0, **OPTIONS}


def example(seed=0):
    """Three images: many boxes over each other, one box among padding of both kinds, and none."""
    random = np.random.default_rng(seed)
    boxes = np.full((3, ROWS, 5), -1.0)
    corner, size = random.uniform(0.05, 0.35, (6, 2)), random.uniform(0.2, 0.55, (6, 2))
    boxes[0, :6] = np.concatenate([random.integers(0, CLASSES, (6, 1)), corner, corner + size], axis=-1)
    boxes[1, 1:3] = 0
    boxes[1, 4] = [1, 0.1, 0.2, 0.9, 0.8]
    boxes[1, 5] = [CLASSES, 0.1, 0.2, 0.9, 0.8]
    logits = 1.5 * random.standard_normal((3, ANCHORS, 4 * REG_MAX + CLASSES))
    return boxes.astype("float32"), logits.astype("float32")


def assigned(boxes, logits):
    return oracle.assignment(boxes, logits, **OPTIONS, alpha=0.5, beta=6.0)


def perfect(boxes):
    """Logits of one image, of a network that is sure of the right classes and sides at the right anchors."""
    logits = np.zeros((ANCHORS, 4 * REG_MAX + CLASSES))
    for _, box in oracle.boxes_of(boxes, SHAPE, CLASSES):
        for anchor, place in enumerate(oracle.anchors(SHAPE)):
            if np.all(sides(box, place) > 0):
                near = np.clip(1 - np.abs(sides(box, place)[:, None] - np.arange(REG_MAX)), 1e-9, 1)
                logits[anchor, : 4 * REG_MAX] = np.log(near).ravel()
    scores = np.full((ANCHORS, CLASSES), -20.0)
    for anchor, label, _, _ in assigned(boxes, logits):
        scores[anchor, label] = 20
    return np.concatenate([logits[:, : 4 * REG_MAX], scores], axis=-1)


def sides(box, place):
    x, y, stride = place
    return np.array([x - box[0], y - box[1], box[2] - x, box[3] - y]) / stride


def test_value_and_gradient_are_those_of_the_papers():
    boxes, logits = example()
    owners = Counter(tuple(box) for _, _, box, _ in assigned(boxes[0], logits[0]))
    assert len(owners) > 3
    assert min(owners.values()) < 10, "every box has all anchors that it wants"
    value, gradient = LOSS(boxes, logits)
    assert_accurate(value, oracle.detection_loss(boxes, logits, **DEFAULTS), 16)
    for seed in range(3):
        direction = np.random.default_rng(seed).standard_normal(logits.shape)
        ends = [oracle.detection_loss(boxes, logits + h * direction, logits, **DEFAULTS) for h in (1e-5, -1e-5)]
        slope = (ends[0] - ends[1]) / 2e-5
        np.testing.assert_allclose(np.sum(gradient * direction), slope, rtol=2e-5, atol=2e-5)


def test_other_weights_and_exponents():
    boxes, logits = example(1)
    loss = YOLOv12ObjectDetectionLoss(
        CLASSES,
        SHAPE,
        reg_max=REG_MAX,
        box_weight=1.0,
        cls_weight=2.0,
        dfl_weight=3.0,
        assigner_alpha=1.0,
        assigner_beta=2.0,
    )
    value, _ = judge(loss)(boxes, logits)
    expected = oracle.detection_loss(boxes, logits, weights=(1, 2, 3), alpha=1.0, beta=2.0, **OPTIONS)
    assert_accurate(value, expected, 16)


def test_a_perfect_prediction_is_cheap_and_a_box_that_comes_nearer_gets_cheaper():
    boxes = np.full((3, ROWS, 5), -1.0)
    boxes[0, :2] = [[2, 0.1, 0.2, 0.3, 0.5], [0, 0.5, 0.4, 0.72, 0.75]]
    logits = np.full((3, ANCHORS, 4 * REG_MAX + CLASSES), -20.0)
    logits[0] = perfect(boxes[0])
    values = []
    for shift in (0, 0.02, 0.05, 0.1):
        moved = boxes.copy()
        moved[0, :2, 1:] += shift
        values.append(float(LOSS(moved, logits)[0]))
    assert values == sorted(values)
    # Even a perfect distribution costs its entropy.
    found = assigned(boxes[0], logits[0])
    shares = [sides(box, oracle.anchors(SHAPE)[anchor]) % 1 for anchor, _, box, _ in found]
    entropy = np.mean([entr(share) + entr(1 - share) for share in shares])
    assert len(found) > 10
    assert values[0] - 1.5 * entropy < 1e-4
    assert values[1] > values[0] + 0.5


def test_padding_and_the_order_of_rows_change_nothing():
    boxes, logits = example()
    value, gradient = LOSS(boxes, logits)
    order = np.random.default_rng(3).permutation(ROWS)
    other_padding = np.where(boxes[..., 3:4] > boxes[..., 1:2], boxes, np.nan)
    for changed in (boxes[:, order], np.where(boxes < 0, 0, boxes), other_padding):
        again, gradient_again = LOSS(changed, logits)
        np.testing.assert_allclose(again, value, rtol=1e-6)
        np.testing.assert_allclose(gradient_again, gradient, atol=1e-6)


@pytest.mark.parametrize("rows", [0, ROWS])
def test_without_boxes_the_classification_term_is_left(rows):
    _, logits = example()
    value, gradient = LOSS(np.full((3, rows, 5), -1.0), logits)
    assert_accurate(value, 0.5 * np.sum(np.logaddexp(0, logits[..., 4 * REG_MAX :].astype("float64"))))
    assert not np.any(gradient[..., : 4 * REG_MAX])
    assert np.all(np.isfinite(gradient))


def test_huge_logits_and_thin_boxes_have_finite_gradients():
    boxes, logits = example()
    boxes[2, 0], boxes[2, 1] = [0, 0.5, 0.5, 0.5 + 1e-9, 0.6], [0, 0.0, 0.0, np.inf, 1.0]
    for scale in (0.0, 1e30):
        value, gradient = LOSS(boxes, scale * logits)
        assert np.all(np.isfinite(value))
        assert np.all(np.isfinite(gradient))


def test_two_bins_add_up_to_one_and_have_the_distance_as_mean():
    distances = np.array([0.0, 0.25, 1.0, 2.9, 2.99, 7.0, -1.0], "float32")
    bins = numpy(two_bins(ops.convert_to_tensor(distances), 4))
    np.testing.assert_allclose(bins.sum(axis=-1), 1, rtol=1e-6)
    np.testing.assert_allclose(bins @ np.arange(4), np.clip(distances, 0, 2.99), rtol=1e-6)


def test_an_anchor_that_two_boxes_want_equally_has_one_of_them():
    boxes, logits = example()
    boxes[1] = boxes[1, 4]
    boxes[1, ::2, 0] = 0
    assert_accurate(LOSS(boxes, logits)[0], oracle.detection_loss(boxes, logits, **DEFAULTS), 16)
