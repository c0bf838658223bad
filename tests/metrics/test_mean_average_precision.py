import numpy as np
import pytest
from keras import ops
from keras.ops import convert_to_numpy as numpy

from dl_techniques.metrics import MeanAveragePrecision
from tests.metrics._streamed import streamed
from tests.oracles.detection import coco_average_precision, tied_average_precision

BINS = 1000
COCO = [0.5, 0.55, 0.6, 0.65, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95]


def example(images=4, targets=8, found=14, classes=2, seed=0):
    """Boxes in heaps, so that each detection could take several targets, and each target has several detections.

    Scores lie in the middle of their bins, no two in the same one. Each class has 7, 9 or 11 targets: its recalls then
    are none of those at which the precision is read, where COCO's own rounding decides.
    """
    random = np.random.default_rng(seed)
    heaps = random.uniform([0, 0, 40, 40], [200, 200, 100, 100], (images, 2, 4))

    def near(count, spread):
        boxes = heaps[:, random.integers(0, 2, count)] + random.normal(0, spread, (images, count, 4))
        return np.concatenate([boxes[..., :2], boxes[..., :2] + np.abs(boxes[..., 2:]) + 1], axis=-1)

    classes_of_targets = np.full(images * targets, -1)
    start = 0
    for label, count in zip(range(classes), (11, 7, 9), strict=False):
        classes_of_targets[start : start + count] = label
        start += count
    classes_of_targets = random.permutation(classes_of_targets).reshape(images, targets, 1)
    y_true = np.concatenate([classes_of_targets, near(targets, 4)], axis=-1)
    y_true[classes_of_targets[..., 0] < 0] = -1
    scores = (random.permutation(BINS)[: images * found].reshape(images, found, 1) + 0.5) / BINS
    y_pred = np.concatenate([random.integers(0, classes, scores.shape), scores, near(found, 8)], axis=-1)
    y_pred[0, 3:5, 1] = 0
    return y_true.astype("float32"), y_pred.astype("float32")


@pytest.mark.parametrize(("thresholds", "max_detections"), [(None, 100), ([0.5], 3), ([0.3, 0.7], 4)])
def test_against_coco_s_own_code(thresholds, max_detections):
    metric = MeanAveragePrecision(2, thresholds, max_detections=max_detections)
    for seed in range(4):
        example_ = example(seed=seed)
        expected = coco_average_precision(*example_, thresholds=thresholds or COCO, max_detections=max_detections)
        assert 0.05 < expected < 0.95
        np.testing.assert_allclose(streamed(metric, example_), expected, rtol=1e-5)


def test_one_detection_after_the_other_takes_what_the_next_would_have_liked():
    """A chain as long as there are detections: each likes the target of the one before it best."""
    left = np.arange(12.0)
    y_true = np.stack([0 * left, left, 0 * left, left + 100, 0 * left + 100], axis=-1)[None]
    y_pred = np.concatenate([0 * left[:, None], (950.5 - 10 * left[:, None]) / BINS, y_true[0, :, 1:]], axis=-1)
    y_pred[1:, [2, 4]] -= 0.75
    case = y_true.astype("float32"), y_pred[None].astype("float32")
    for thresholds in ([0.95], [0.98], [0.99]):
        expected = coco_average_precision(*case, thresholds=thresholds, max_detections=100)
        np.testing.assert_allclose(streamed(MeanAveragePrecision(1, thresholds), case), expected, rtol=1e-5)


def test_what_shares_a_bin_is_tied():
    y_true, y_pred = example(classes=1)
    y_true[..., 0] = np.where(y_true[..., 3] > y_true[..., 1], 0, -1)
    boxes = [rows[rows[:, 0] == 0] for rows in y_true.astype("float64")]
    found = [rows[rows[:, 1] > 0] for rows in y_pred.astype("float64")]
    for bins in (1, 7, 20):
        expected = tied_average_precision(boxes, found, thresholds=[0.5, 0.75], bins=bins)
        found_value = streamed(MeanAveragePrecision(1, [0.5, 0.75], score_bins=bins), (y_true, y_pred))
        np.testing.assert_allclose(found_value, expected, rtol=1e-5)


def test_batches_add_up_exactly_and_weights_count():
    y_true, y_pred = example()
    metric = MeanAveragePrecision(2)
    whole = streamed(metric, (y_true, y_pred))
    state = [numpy(variable) for variable in metric.variables]
    assert streamed(metric, (y_true[:1], y_pred[:1]), (y_true[1:], y_pred[1:])) == whole
    for variable, expected in zip(metric.variables, state, strict=True):
        np.testing.assert_array_equal(numpy(variable), expected)
    np.testing.assert_allclose(streamed(metric, (y_true, y_pred, np.full(4, 0.1, "float32"))), whole, rtol=1e-5)
    twice = streamed(metric, (y_true, y_pred), (y_true[:1], y_pred[:1]))
    weights = np.array([2, 1, 1, 1], "float32")
    assert streamed(metric, (y_true, y_pred, weights)) == pytest.approx(twice, rel=1e-6)


def test_padding_and_what_is_found_again():
    y_true, y_pred = example()
    metric = MeanAveragePrecision(2)
    whole = streamed(metric, (y_true, y_pred))
    unknown = np.array([[[7, 0.9, 0, 0, 9, 9], [0, 0.9, 5, 5, 5, 9], [0, np.nan, 0, 0, 9, 9]]] * 4, "float32")
    more = np.concatenate([y_pred, unknown], axis=1)
    assert streamed(metric, (np.pad(y_true, ((0, 0), (0, 2), (0, 0))), more)) == pytest.approx(whole, rel=1e-6)
    perfect = np.concatenate([y_true[..., :1], np.full((4, 8, 1), 0.75), y_true[..., 1:]], axis=-1)
    assert streamed(metric, (y_true, perfect)) == pytest.approx(1, rel=1e-6)


@pytest.mark.parametrize("shapes", [((2, 0, 5), (2, 3, 6)), ((2, 3, 5), (2, 0, 6)), ((0, 3, 5), (0, 3, 6))])
def test_nothing_there_or_nothing_found(shapes):
    y_true, y_pred = (np.ones(shape, "float32") for shape in shapes)
    y_true[..., 3:] = 2
    assert streamed(MeanAveragePrecision(2), (y_true, y_pred)) == 0
    assert streamed(MeanAveragePrecision(2)) == 0


def test_scores_beyond_one_are_in_the_last_bin():
    y_pred = np.array([[[0, score, 0, 0, 1, 1] for score in (3.0, 0.8, 0.2)]], "float32")
    metric = MeanAveragePrecision(1, [0.5], score_bins=4)
    streamed(metric, (np.ones((1, 1, 5), "float32"), y_pred))
    np.testing.assert_array_equal(numpy(ops.convert_to_tensor(metric.detections)), [[1, 0, 0, 2]])


def test_an_overlap_of_the_threshold_itself_is_enough():
    y_true, y_pred = np.array([[[0, 0, 0, 2, 1]]], "float32"), np.array([[[0, 0.9, 0, 0, 1, 1]] * 3], "float32")
    assert streamed(MeanAveragePrecision(1, [0.5], score_bins=4), (y_true, y_pred)) == pytest.approx(1 / 3)
    assert streamed(MeanAveragePrecision(1, [0.51], score_bins=4), (y_true, y_pred)) == 0
