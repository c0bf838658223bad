import keras
import numpy as np
from keras import ops
from keras.ops import convert_to_numpy as numpy
from pycocotools.mask import iou as coco_iou

from dl_techniques.utils.boxes import box_iou, complete_iou
from tests._frameworks import value_and_gradients
from tests.oracles import detection as oracle
from tests.oracles.compare import assert_accurate, values

# JAX compiles a function faster than its operations one by one.
JIT = keras.backend.backend() == "jax"


def drawn(count, seed):
    random = np.random.default_rng(seed)
    corner = random.uniform(0, 50, (count, 2))
    return np.concatenate([corner, corner + random.uniform(5, 60, (count, 2))], axis=-1).astype("float32")


def test_intersection_over_union_is_coco_s():
    boxes, others = drawn(6, 1), drawn(5, 2)
    boxes[5] = boxes[5, 0]
    widths = [np.concatenate([x[:, :2], x[:, 2:] - x[:, :2]], axis=-1).astype("float64") for x in (boxes, others)]
    expected = coco_iou(*widths, [0] * 5)
    assert np.sum(expected > 0) > 10
    assert_accurate(numpy(box_iou(ops.convert_to_tensor(boxes)[:, None], ops.convert_to_tensor(others))), expected)
    nothing = ops.zeros((1, 4))
    assert float(box_iou(nothing, nothing)[0]) == 0


class CompleteIoU(keras.layers.Layer):
    def call(self, inputs, training=None):
        return complete_iou(*inputs)


def test_complete_iou_and_its_gradient():
    boxes, targets = drawn(6, 3), drawn(6, 4)
    targets[0] = boxes[0]
    targets[1] = boxes[1] + 200
    expected = [oracle.ciou(*pair) for pair in zip(boxes.astype("float64"), targets.astype("float64"), strict=True)]
    assert expected[0] == 1
    assert expected[1] < 0
    cotangent = values(6)
    (found,), (gradient, _) = value_and_gradients(CompleteIoU(), [boxes, targets], [cotangent], training=True, jit=JIT)
    assert_accurate(numpy(found), np.array(expected))
    for row in range(1, 6):
        box, target = boxes[row].astype("float64"), targets[row].astype("float64")
        alpha = oracle.trade_off(box, target)
        steps = 1e-6 * np.eye(4)
        slopes = [(oracle.ciou(box + h, target, alpha) - oracle.ciou(box - h, target, alpha)) / 2e-6 for h in steps]
        np.testing.assert_allclose(numpy(gradient)[row], cotangent[row] * np.array(slopes), rtol=1e-4, atol=1e-6)


def test_a_prediction_without_area_has_a_finite_gradient():
    boxes, targets = np.full((2, 4), 3.0, "float32"), drawn(2, 5)
    boxes[1, 2] = 900
    _, (gradient, _) = value_and_gradients(
        CompleteIoU(), [boxes, targets], [np.ones(2, "float32")], training=True, jit=JIT
    )
    assert np.all(np.isfinite(numpy(gradient)))
