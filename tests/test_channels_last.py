"""On PyTorch convolutions and pooling get a view of the images, with the same bits as from copies."""

from types import SimpleNamespace

import keras
import numpy as np
import pytest
from keras import ops

from dl_techniques._channels_last import with_channels_last
from dl_techniques.layers import DepthwiseConv2D
from dl_techniques.utils import convolution, depthwise, devices
from dl_techniques.utils.convolution import conv2d
from dl_techniques.utils.depthwise import depthwise_conv2d
from dl_techniques.utils.pooling import max_pool2d
from tests.oracles.compare import values

IMAGES, KERNEL, FILTERS = values(2, 7, 6, 4), values(3, 2, 4, 5), values(3, 3, 4, 1)
OPERATIONS = {
    "convolution": (ops.conv, [KERNEL], {"padding": "same"}),
    "strides": (ops.conv, [KERNEL], {"padding": "same", "strides": (2, 2)}),
    "dilation": (ops.conv, [KERNEL], {"dilation_rate": (1, 2)}),
    "depthwise": (ops.depthwise_conv, [FILTERS], {"padding": "same", "strides": (2, 2)}),
    "pooling": (ops.max_pool, [(2, 2)], {"strides": (1, 1)}),
    "padded pooling": (ops.max_pool, [(2, 2)], {"strides": (2, 2), "padding": "same"}),
}
needs_torch = pytest.mark.skipif(keras.backend.backend() != "torch", reason="the others have channels last themselves")


@pytest.mark.parametrize("case", OPERATIONS)
def test_same_bits(case):
    operation, arguments, options = OPERATIONS[case]
    images = ops.convert_to_tensor(IMAGES)
    expected = operation(images, *arguments, data_format="channels_last", **options)
    found = with_channels_last(operation, images, *arguments, **options)
    assert ops.convert_to_numpy(found).tolist() == ops.convert_to_numpy(expected).tolist()


def copies(operation, images, *arguments, **options) -> int:
    """How many times PyTorch copies as many numbers as the images have."""
    import torch
    from torch.utils._python_dispatch import TorchDispatchMode

    class Copies(TorchDispatchMode):
        number = 0

        def __torch_dispatch__(self, function, types, args=(), kwargs=None):
            if function is torch.ops.aten.clone.default and args[0].numel() == images.numel():
                self.number += 1
            return function(*args, **kwargs or {})

    with Copies() as mode:
        operation(images, *arguments, **options)
    return mode.number


@needs_torch
def test_nothing_is_copied():
    images, kernel = ops.convert_to_tensor(IMAGES), ops.convert_to_tensor(KERNEL)
    assert copies(conv2d, images, kernel, padding="same") == 0
    assert copies(max_pool2d, images, (2, 2), (1, 1)) == 0
    assert copies(ops.conv, images, kernel, data_format="channels_last") > 0


@needs_torch
def test_padded_pools_copy():
    """Or Inductor fails on their gradient, which the quick compiler of the tests does not."""
    assert copies(max_pool2d, ops.convert_to_tensor(IMAGES), (2, 2), (2, 2), "same") > 0


@pytest.fixture
def is_cpu(request, monkeypatch) -> bool:
    """Where the tensors are said to lie, wherever they do."""
    for module in (convolution, depthwise):
        monkeypatch.setattr(module, "runs_on_a_cpu", lambda x: request.param)
    return request.param


@needs_torch
@pytest.mark.parametrize("is_cpu", [True, False], ids=["cpu", "gpu"], indirect=True)
@pytest.mark.parametrize("variable", ["images", "filters"])
def test_depthwise_copies_only_where_gradients_are_recorded_on_a_cpu(variable, is_cpu):
    import torch

    images, filters = ops.convert_to_tensor(IMAGES), ops.convert_to_tensor(FILTERS)
    assert copies(depthwise_conv2d, images, filters) == 0
    (images if variable == "images" else filters).requires_grad_()
    recorded = depthwise_conv2d(images, filters)
    assert (copies(depthwise_conv2d, images, filters) > 0) == is_cpu
    with torch.no_grad():
        assert copies(depthwise_conv2d, images, filters) == 0
        assert depthwise_conv2d(images, filters).tolist() == recorded.tolist()


@needs_torch
@pytest.mark.parametrize("is_cpu", [True, False], ids=["cpu", "gpu"], indirect=True)
def test_a_depthwise_layer_that_learns_copies_on_a_cpu(is_cpu):
    import torch

    layer, images = DepthwiseConv2D(3), ops.convert_to_tensor(IMAGES)
    layer.build(IMAGES.shape)
    assert (copies(layer, images) > 0) == is_cpu
    with torch.no_grad():
        assert copies(layer, images) == 0


@needs_torch
@pytest.mark.parametrize("is_cpu", [True, False], ids=["cpu", "gpu"], indirect=True)
def test_a_single_filter_is_a_depthwise_convolution_on_a_cpu(is_cpu, monkeypatch):
    called = []
    monkeypatch.setattr(
        convolution, "depthwise_conv2d", lambda *x, **how: called.append(x) or depthwise_conv2d(*x, **how)
    )
    images, kernel = ops.convert_to_tensor(IMAGES), ops.convert_to_tensor(KERNEL[..., :1])
    expected = ops.conv(images, kernel, data_format="channels_last", padding="same")
    np.testing.assert_allclose(conv2d(images, kernel, padding="same").tolist(), expected.tolist(), rtol=0, atol=1e-5)
    assert bool(called) == is_cpu


def test_only_tensors_of_pytorch_tell_where_they_lie():
    lies_elsewhere = SimpleNamespace(is_cpu=False)
    assert devices.runs_on_a_cpu(lies_elsewhere) == (
        keras.backend.backend() != "torch" and keras.distribution.list_devices()[0].startswith("cpu")
    )
