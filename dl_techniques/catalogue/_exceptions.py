"""What several rows cannot keep, where the cause is not theirs."""

from math import inf

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
GELU_OF_THE_WITNESS = {
    "tensorflow/*/exact/*/gradient of *": (10.0, "TensorFlow's GELU has the square root of two in float32"),
}
HUGE = {
    "torch/*/eager/hostile huge": (
        inf,
        "torch's layer normalization gives NaN where the variance overflows",
    ),
}
