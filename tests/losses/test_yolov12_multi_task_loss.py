import keras
import numpy as np
import pytest

from dl_techniques.losses import (
    ClassificationFocalLoss,
    DiceFocalSegmentationLoss,
    YOLOv12MultiTaskLoss,
    YOLOv12ObjectDetectionLoss,
)
from tests.losses._judged import judge
from tests.oracles.compare import values

WEIGHTS = {"segmentation": 2.0, "detection": 0.5, "classification": 3.0}
LOSS = YOLOv12MultiTaskLoss(
    list(WEIGHTS),
    3,
    num_segmentation_classes=2,
    input_shape=(32, 32),
    reg_max=4,
    detection_weight=0.5,
    segmentation_weight=2.0,
    classification_weight=3.0,
)
ALONE = {
    "segmentation": DiceFocalSegmentationLoss(2),
    "detection": YOLOv12ObjectDetectionLoss(3, (32, 32), reg_max=4),
    "classification": ClassificationFocalLoss(),
}
TARGETS = {
    "segmentation": (values(2, 4, 5) > 0).astype("float32"),
    "detection": np.array([[[1, 0.1, 0.1, 0.8, 0.9]], [[-1] * 5]], "float32"),
    "classification": (values(2, 3) > 0).astype("float32"),
}
PREDICTIONS = {
    "segmentation": values(2, 4, 5, 2),
    "detection": values(2, 21, 19),
    "classification": values(2, 3, seed=1),
}


def test_the_rank_tells_the_task_in_a_model_whose_losses_are_named_or_not():
    assert LOSS.get_task_weights() == WEIGHTS
    expected = {task: float(judge(loss)(TARGETS[task], PREDICTIONS[task])[0]) for task, loss in ALONE.items()}
    inputs = {task: keras.Input(x.shape[1:], name=task) for task, x in PREDICTIONS.items()}
    model = keras.Model(inputs, {task: keras.layers.Rescaling(1.0)(x) for task, x in inputs.items()})
    total = sum(weight * expected[task] for task, weight in WEIGHTS.items())
    for weight, arguments in (
        (dict.fromkeys(WEIGHTS, 1.0), {"loss": LOSS.as_dict(), "loss_weights": LOSS.get_task_weights()}),
        (WEIGHTS, {"loss": dict.fromkeys(WEIGHTS, LOSS)}),
    ):
        model.compile("sgd", **arguments)
        found = model.test_on_batch(PREDICTIONS, TARGETS, return_dict=True)
        assert float(found["loss"]) == pytest.approx(total, rel=1e-5)
        for task in WEIGHTS:
            assert float(found[f"{task}_loss"]) == pytest.approx(weight[task] * expected[task], rel=1e-5)


def test_a_task_that_is_not_asked_for_and_a_wrong_number_of_classes():
    some = YOLOv12MultiTaskLoss(["classification"], 3)
    with pytest.raises(ValueError, match=r"rank of \[2\], by the tasks \['classification'\]"):
        some(TARGETS["segmentation"], PREDICTIONS["segmentation"])
    with pytest.raises(ValueError, match="and 3 classes"):
        some(np.zeros((2, 4)), np.zeros((2, 4)))
