import keras
import numpy as np
import pytest
from keras import ops
from scipy.special import log_softmax

from dl_techniques.losses import CLIPContrastiveLoss
from tests.oracles.compare import assert_accurate, assert_same_function, values

N = 8
PER_IMAGE, PER_TEXT = 3 * values(2, N, N)


def contrastive(per_image, per_text, *, smoothing=0.0, temperature=1.0, weights=(0.5, 0.5)):
    """Radford et al., arXiv:2103.00020, figure 3, with smoothed targets."""
    targets = (1 - smoothing) * np.eye(N) + smoothing / N
    sides = [-np.sum(targets * log_softmax(x / temperature, axis=1), axis=1) for x in (per_image, per_text)]
    return weights[0] * sides[0] + weights[1] * sides[1]


def found(pair, *, sample_weight=None, **arguments):
    pair = [ops.convert_to_tensor(x) for x in pair]
    return ops.convert_to_numpy(CLIPContrastiveLoss(**arguments)(None, pair, sample_weight))


def test_formula_of_the_paper():
    exact = PER_IMAGE.astype("float64"), PER_TEXT.astype("float64")
    pair = PER_IMAGE, PER_TEXT
    assert_accurate(found(pair, reduction="none"), contrastive(*exact))
    expected = contrastive(*exact, smoothing=0.25, temperature=0.5, weights=(0.75, 0.5))
    options = {"loss_weight_i2t": 0.75, "loss_weight_t2i": 0.5, "apply_temperature": True}
    loss = found(pair, temperature=0.5, label_smoothing=0.25, reduction="none", **options)
    assert_accurate(loss, expected)
    # The temperature does not count unless asked for.
    assert_accurate(found(pair, temperature=0.5), contrastive(*exact).mean())
    weights = np.arange(N, dtype="float32")
    assert_accurate(found(pair, sample_weight=weights), np.mean(weights * contrastive(*exact)))


def test_gradient():
    loss = CLIPContrastiveLoss(0.5, 0.25, apply_temperature=True, loss_weight_i2t=0.75)
    layer = keras.layers.Lambda(lambda x: loss.call(None, [x[0], x[1]]))
    options = {"smoothing": 0.25, "temperature": 0.5, "weights": (0.75, 0.5)}
    assert_same_function(layer, lambda x: contrastive(*x, **options), np.stack([PER_IMAGE, PER_TEXT]))


@pytest.mark.parametrize("smoothing", [0.0, 0.5])
def test_logits_that_are_all_equal_cost_the_logarithm_of_their_number(smoothing):
    equal = np.full((2, N, N), 7, "float32")
    losses = found(equal, label_smoothing=smoothing, reduction="none")
    np.testing.assert_allclose(losses, np.full(N, 2.079442), rtol=1e-6)
    np.testing.assert_array_equal(found(equal[:, :1, :1], label_smoothing=smoothing), 0)


def test_partners_that_are_much_nearer_than_all_others_cost_nothing():
    assert found(2 * [100 * np.eye(N, dtype="float32")]) == 0


def test_invariances():
    loss = found([PER_IMAGE, PER_TEXT], reduction="none")
    np.testing.assert_array_equal(found([PER_TEXT, PER_IMAGE], reduction="none"), loss)
    order = np.random.default_rng(0).permutation(N)
    permuted = [x[order][:, order] for x in (PER_IMAGE, PER_TEXT)]
    np.testing.assert_allclose(found(permuted, reduction="none"), loss[order], rtol=1e-6)


def test_huge_logits_are_no_nan():
    huge = np.where(np.eye(N) > 0, -1e30, 1e30).astype("float32")
    np.testing.assert_allclose(
        found([huge, -huge], label_smoothing=0.1), 1e30 * (0.9 + 0.1 / N + 0.1 * 7 / N), rtol=1e-5
    )
    assert found(np.zeros((2, 0, 0), "float32"), label_smoothing=0.1, reduction="none").shape == (0,)


def test_what_it_is_called_with():
    logits = {"logits_per_image": PER_IMAGE, "logits_per_text": PER_TEXT}
    loss = CLIPContrastiveLoss()
    expected = found([PER_IMAGE, PER_TEXT])
    # With the other outputs of a model, and any targets.
    np.testing.assert_array_equal(ops.convert_to_numpy(loss(np.ones(3), {**logits, "logit_scale": 2.0})), expected)
    np.testing.assert_array_equal(ops.convert_to_numpy(loss(None, tuple(logits.values()))), expected)
    for wrong in ({"logits_per_image": PER_IMAGE}, PER_IMAGE, 3 * [PER_IMAGE]):
        with pytest.raises(ValueError, match=r"or a list of both\. Received: y_pred shapes=.*\(8, 8\)"):
            loss(None, wrong)
    with pytest.raises(ValueError, match=r"one size\. Received: y_pred shapes=\[\(8, 8\), \(4, 4\)\]"):
        loss(None, [PER_IMAGE, PER_TEXT[:4, :4]])
