"""Tensor networks: a matrix product state over the pixels of an image."""

from bench.workloads.workload import Shape, Size, Workload
from dl_techniques import layers

PIXELS = {
    "small": {"batch": 8, "features": 49, "bond": 8, "outputs": 10},
    "medium": {"batch": 16, "features": 196, "bond": 10, "outputs": 10},  # digits of 14 x 14, as in the paper
    "large": {"batch": 64, "features": 784, "bond": 16, "outputs": 10},
    "gpu": {"batch": 1024, "features": 784, "bond": 32, "outputs": 10},
}


def pixels(size: Size) -> list[Shape]:
    return [(size["batch"], size["features"])]


def chain_flops(size: Size) -> float:
    """A vector times a matrix of two terms at each site, the least that it takes; products of matrices take more."""
    return 2.0 * 2 * size["batch"] * size["features"] * size["bond"] ** 2


def chain(size: Size) -> layers.MPSLayer:
    return layers.MPSLayer(size["outputs"], size["bond"])


WORKLOADS = (
    Workload("mps_layer", "tensor networks", chain, pixels, PIXELS, chain_flops, native="native_mps"),
    Workload("native_mps", "tensor networks", chain, pixels, PIXELS, chain_flops, core="matrix_product_state"),
)
