import numpy as np
import pytest

from dl_techniques.losses import SignedDistanceBoundaryLoss
from tests.oracles.segmentation import (
    PIXELS,
    WEIGHTS,
    assert_same_loss,
    masks,
    mean_of_classes,
    predictions,
    scores,
    signed_distances,
    square,
    value,
)


@pytest.mark.parametrize(("from_logits", "y_pred"), [(False, predictions()), (True, scores())])
def test_oracle(from_logits, y_pred):
    loss = SignedDistanceBoundaryLoss(WEIGHTS, from_logits)
    assert_same_loss(
        loss,
        lambda phi, p: mean_of_classes(np.mean(phi * p, axis=PIXELS), WEIGHTS),
        signed_distances(masks()).astype("float32"),
        y_pred,
    )


def test_it_is_lowest_at_the_region_and_grows_with_the_distance():
    phi = signed_distances(square(10)).astype("float32")
    loss = SignedDistanceBoundaryLoss([0.0, 1.0])
    found = np.concatenate([value(loss, phi, square(left)) for left in (10, 11, 13, 16, 20)])
    assert found[0] < 0
    assert np.all(np.diff(found) > 0)
    # Every pixel of the symmetric difference costs its distance.
    moved = np.abs(square(16) - square(10))[..., 1] * np.abs(phi[..., 1])
    np.testing.assert_allclose(found[3] - found[0], np.mean(moved), rtol=1e-5)
