"""Kolmogorov-Arnold layers beside what replaces them: layers of equally many weights."""

import keras
from keras.layers import Dense

from bench.workloads.workload import Shape, Size, Workload
from dl_techniques import layers

GRID, ORDER = 5, 3
SPLINES = GRID + ORDER - 1
FEATURES = {
    "small": {"batch": 64, "inputs": 64, "outputs": 64},
    "medium": {"batch": 512, "inputs": 128, "outputs": 128},
    "large": {"batch": 4096, "inputs": 784, "outputs": 256},
    "gpu": {"batch": 131072, "inputs": 784, "outputs": 256},
}


def features(size: Size) -> list[Shape]:
    return [(size["batch"], size["inputs"])]


def kan_flops(size: Size) -> float:
    """One product with the values of all B-splines, one with the activation."""
    return 2.0 * size["batch"] * size["inputs"] * size["outputs"] * (SPLINES + 1)


def equal_units(size: Size) -> int:
    """How many units two dense layers side by side have, with as many weights: splines, activation and scaler."""
    return (SPLINES + 2) * size["outputs"] // 2


def equal_width(size: Size) -> int:
    """The hidden width of a multilayer perceptron with as many weights."""
    return (SPLINES + 2) * size["inputs"] * size["outputs"] // (size["inputs"] + size["outputs"])


def kan(size: Size) -> layers.KANLinear:
    return layers.KANLinear(size["inputs"], size["outputs"], grid_size=GRID, spline_order=ORDER)


def perceptron(size: Size) -> keras.layers.Layer:
    return keras.Sequential([Dense(equal_width(size), activation="silu"), Dense(size["outputs"])])


WORKLOADS = (
    Workload("kan_linear", "KAN", kan, features, FEATURES, kan_flops, native="native_kan_linear"),
    Workload("power_mlp_layer", "KAN", lambda size: layers.PowerMLPLayer(equal_units(size)), features, FEATURES),
    Workload("keras_perceptron", "KAN", perceptron, features, FEATURES),
    Workload(
        "native_kan_linear",
        "KAN",
        kan,
        features,
        FEATURES,
        kan_flops,
        core="kan_linear",
        options={"intervals": GRID - 1, "order": ORDER},
    ),
)
