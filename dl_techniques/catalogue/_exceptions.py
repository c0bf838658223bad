"""What several rows cannot keep, where the cause is not theirs."""

from math import inf


def everywhere(check: str, reason: str) -> dict[str, str]:
    return {f"{backend}:{check}": reason for backend in ("tensorflow", "jax", "torch")}


EMPTY_BATCH = {
    "tensorflow/*/eager/hostile empty batch": (
        inf,
        "TensorFlow's depthwise convolution does not apply the strides to an empty batch",
    ),
}
EMPTY_BATCH_RETURNED = {
    "tensorflow/*/eager/hostile empty batch": (inf, "TensorFlow's convolution gives an empty batch back unchanged"),
}
EMPTY_MAXIMUM = {
    "tensorflow/*/eager/hostile empty batch": (inf, "Keras takes no maximum of an empty tensor on TensorFlow"),
}
FLOAT16 = {
    "jax/float16/jit/inference": (inf, "JAX's dot_product_attention does not compile for float16 on a CPU"),
}
GATE_OF_FLOAT16 = everywhere(
    "large_inputs_stay_finite_in_float16", "the product of gate and value leaves the range of float16"
)
GELU_OF_THE_WITNESS = {
    "tensorflow/*/exact/*/gradient of *": (10.0, "TensorFlow's GELU has the square root of two in float32"),
}
HUGE = {
    "torch/*/eager/hostile huge": (
        inf,
        "torch's layer normalization gives NaN where the variance overflows",
    ),
}
HUGE_GATE = {
    "jax/*/eager/hostile huge": (
        inf,
        "JAX's SiLU multiplies the gradient by its input before its slope: infinity times zero",
    ),
}
HUGE_SCORES = {
    "torch/*/eager/hostile huge": (
        inf,
        "torch's fused attention gives 0 where all scores of a query are minus infinity, others NaN",
    ),
}
NAN_AMONG_THE_LARGEST = {
    "tensorflow/*/eager/hostile nan": (inf, "the largest of numbers and NaN is a number there, and NaN elsewhere"),
}
NARROW_ARCTAN = {
    f"{backend}:float64_is_computed_in_float64": "Keras computes arctan2 in float32 on PyTorch and JAX"
    for backend in ("jax", "torch")
}
NARROW_TANH = {"jax:float64_is_computed_in_float64": "Keras computes tanh in float32 on JAX"}
NAN_IN_RELU = {
    "jax/*/eager/hostile nan": (inf, "JAX's ReLU lets no gradient through at NaN"),
}
NOT_FINITE_IN_RELU = {
    **NAN_IN_RELU,
    "jax/*/eager/hostile infinite": (inf, "JAX's ReLU lets no gradient through at NaN, which infinity becomes"),
}
OF_SQUARES = {
    f"*/*/eager/hostile {batch}": (inf, "a part of the rows of a square matrix is refused, as it is none")
    for batch in ("empty batch", "batch of one")
}
NOT_FINITE_AND_PADDED = {
    "jax/*/eager/hostile nan": (inf, "XLA's convolution multiplies the zeros of its padding too, by NaN"),
    "jax/*/eager/hostile infinite": (inf, "XLA's convolution multiplies the zeros of its padding too, by infinity"),
}
