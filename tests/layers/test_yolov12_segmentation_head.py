import keras
import numpy as np
import pytest
from keras.ops import convert_to_numpy as numpy

from dl_techniques.layers import YOLOv12SegmentationHead
from dl_techniques.layers.yolo12._pyramid import resize_bilinear
from tests.layers._yolo12 import assert_every_norm_trains, conv_weights, exact, norm_weights, randomized
from tests.oracles.compare import assert_accurate, values
from tests.oracles.convolution import batch_norm
from tests.oracles.yolo12 import conv_block, resize, silu, squeeze_excitation, transposed_convolution

SHAPES = (2, 5, 4, 8), (2, 3, 2, 6), (2, 2, 1, 4)
MAPS = [values(*shape, seed=seed) for seed, shape in enumerate(SHAPES)]
CLASSES = 3


def make(intermediate_filters=(5, 4, 3), **arguments):
    return randomized(YOLOv12SegmentationHead(CLASSES, intermediate_filters, **arguments), SHAPES)


def expected(layer, target_size, maps=MAPS):
    """Interpolated before the last layer."""
    *skips, x = (image.astype("float64") for image in maps)
    for stage, doubling in enumerate(layer.doublings):
        x = silu(
            batch_norm(transposed_convolution(x, exact(doubling.transposed.kernel)), *norm_weights(doubling.norm))
        )
        x = conv_block(x, conv_weights(doubling.conv))
        if stage < 2:
            finer, skip = skips.pop(), layer.skips[stage]
            x = np.concatenate(
                [x[:, : finer.shape[1], : finer.shape[2]], conv_block(finer, conv_weights(skip.conv))], -1
            )
            if skip.gate is not None:
                x = squeeze_excitation(x, exact(skip.gate.reduce.kernel), exact(skip.gate.restore.kernel))
    return resize(x, *target_size) @ exact(layer.classify.kernel) + exact(layer.classify.bias)


@pytest.mark.parametrize("filters", [(5,), (5, 4), (5, 4, 3), (5, 4, 3, 2), (5, 4, 3, 2, 3)])
@pytest.mark.parametrize("use_attention", [True, False])
def test_formula(filters, use_attention):
    """The sizes of the maps are odd, and the size of the image is not a multiple of 16."""
    layer = make(filters, use_attention=use_attention)
    found = numpy(layer(MAPS))
    assert found.shape == layer.compute_output_shape(SHAPES) == (2, 40, 32, CLASSES)
    assert_accurate(found, expected(layer, (40, 32)), units=128)


@pytest.mark.parametrize("target_size", [(10, 8), (21, 18), [7, 33], (1, 1)])
def test_target_size(target_size):
    layer = make(target_size=target_size)
    found = numpy(layer(MAPS))
    assert found.shape == layer.compute_output_shape(SHAPES) == (2, *target_size, CLASSES)
    assert_accurate(found, expected(layer, target_size), units=128)


@pytest.mark.skipif(keras.backend.backend() != "torch", reason="only torch has Inductor")
def test_inductor_compiles_the_interpolation():
    """It fails on positions that are computed from an integer range."""
    import torch

    x = values(2, 10, 8, 3)
    y = torch.compile(lambda x: resize_bilinear(x, 21, 18), fullgraph=True)(torch.tensor(x))
    assert_accurate(numpy(y), resize(x, 21, 18))


@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="only TensorFlow has sizes that are tensors")
def test_the_interpolation_stays_in_float64_when_sizes_are_tensors():
    import tensorflow as tf

    signature = [tf.TensorSpec((None, None, None, 3), tf.float64)]
    function = tf.function(lambda x: resize_bilinear(x, 2 * tf.shape(x)[1], 3 * tf.shape(x)[2]), signature)
    x = values(2, 10, 8, 3).astype("float64")
    np.testing.assert_allclose(numpy(function(x)), resize(x, 20, 24), rtol=0, atol=1e-14)


def test_unknown_height_and_width():
    layer = make()
    inputs = [keras.Input((None, None, shape[-1])) for shape in SHAPES]
    model = keras.Model(inputs, layer(inputs))
    assert model.output_shape == (None, None, None, CLASSES)
    assert_accurate(numpy(model(MAPS)), expected(layer, (40, 32)), units=128)
    maps = [values(1, size, size, shape[-1]) for size, shape in zip((4, 2, 1), SHAPES, strict=True)]
    assert_accurate(numpy(model(maps)), expected(layer, (32, 32), maps), units=128)


def test_dropout_acts_before_the_last_layer():
    """An identity as last layer, and no interpolation, show what it drops."""
    outputs = []
    for rate in (0.5, 0.0):
        layer = YOLOv12SegmentationHead(70, (64,), target_size=(3, 2), dropout_rate=rate, seed=1)
        randomized(layer, SHAPES)
        layer.classify.kernel.assign(np.eye(128, 70))
        layer.classify.bias.assign(np.zeros(70))
        outputs.append(numpy(layer(MAPS, training=True)))
    dropping, keeping = outputs
    kept = dropping != 0
    assert 0.4 < kept.mean() < 0.6
    np.testing.assert_allclose(dropping[kept], 2 * keeping[kept], rtol=1e-4, atol=1e-5)


def test_every_norm_trains():
    assert_every_norm_trains(make(), MAPS)


def test_maps_that_are_not_halves_are_rejected():
    with pytest.raises(ValueError, match="half as high and wide as the one before"):
        YOLOv12SegmentationHead().build(((2, 5, 4, 8), (2, 3, 2, 6), (2, 2, 2, 4)))


def test_regularizer_acts_on_every_kernel():
    layer = make(kernel_regularizer=keras.regularizers.L2(0.1))
    kernels = [w for w in layer.trainable_weights if w.name == "kernel"]
    assert len(kernels) == 3 * 2 + 2 * 3 + 1
    loss = 0.1 * sum(np.sum(exact(kernel) ** 2) for kernel in kernels)
    np.testing.assert_allclose(float(numpy(sum(layer.losses))), loss, rtol=1e-5)


def test_number_of_weights():
    doubling = sum(9 * i * o + 9 * o * o + 8 * o for i, o in ((4, 5), (10, 4), (8, 3)))
    skip = 6 * 5 + 4 * 5 + 8 * 4 + 4 * 4
    gate = 2 * 10 * 2 + 2 * 8 * 2
    assert make().count_params() == doubling + skip + gate + 3 * CLASSES + CLASSES
    assert make(use_attention=False).count_params() == doubling + skip + 3 * CLASSES + CLASSES
