from math import inf

from dl_techniques import layers
from dl_techniques.catalogue._exceptions import GELU_OF_THE_WITNESS, NAN_IN_RELU, NARROW_ARCTAN
from dl_techniques.catalogue._technique import Function, Technique

TECHNIQUES = (
    Technique(layers.Mish, {}, inputs=((2, 6, 8),), paper="arXiv:1908.08681"),
    Technique(
        layers.SaturatedMish,
        {"alpha": 1.5, "beta": 0.25},
        inputs=((2, 6, 8),),
        paper="none",
        rejects=({"alpha": 0.0}, {"alpha": -1.0}, {"beta": 0.0}, {"beta": "wide"}),
    ),
    Technique(
        layers.ReLUK,
        {"k": 2},
        inputs=((2, 6, 8),),
        paper="arXiv:2412.13571",
        rejects=({"k": 0}, {"k": -1}, {"k": 2.0}, {"k": True}),
        tolerances=NAN_IN_RELU,
    ),
    Technique(layers.BasisFunction, {}, inputs=((2, 6, 8),), paper="arXiv:2412.13571"),
    Technique(layers.GELU, {}, inputs=((2, 6, 8),), paper="arXiv:1606.08415", tolerances=GELU_OF_THE_WITNESS),
    Technique(layers.SiLU, {}, inputs=((2, 6, 8),), paper="arXiv:1702.03118"),
    Technique(
        layers.xATLU,
        {"alpha_initializer": "random_normal"},
        inputs=((2, 6, 8),),
        paper="arXiv:2405.20768",
        xfail=NARROW_ARCTAN,
    ),
    Technique(layers.xGELU, {"alpha_initializer": "random_normal"}, inputs=((2, 6, 8),), paper="arXiv:2405.20768"),
    Technique(layers.xSiLU, {"alpha_initializer": "random_normal"}, inputs=((2, 6, 8),), paper="arXiv:2405.20768"),
    Technique(
        layers.AdaptiveSoftmax,
        {
            "min_temp": 0.3,
            "max_temp": 0.8,
            "entropy_threshold": 0.9,
            "polynomial_coeffs": (-0.04, 0.5, -2.3, 4.9, -1.8),
        },
        inputs=((2, 6, 8),),
        paper="arXiv:2410.01104",
        rejects=(
            {"min_temp": 0.0},
            {"max_temp": -1.0},
            {"min_temp": 0.9},
            {"entropy_threshold": -0.1},
            {"polynomial_coeffs": ()},
            {"polynomial_coeffs": ("a",)},
        ),
        tolerances={
            "tensorflow/*/eager/hostile nan": (inf, "TensorFlow's softmax gives 0 beside NaN, others NaN"),
            "tensorflow/*/eager/hostile infinite": (inf, "TensorFlow's softmax gives 0 beside infinity, others NaN"),
        },
    ),
)

FUNCTIONS = (
    Function(layers.mish, paper="arXiv:1908.08681"),
    Function(layers.saturated_mish, paper="none"),
    Function(layers.get_activation, paper="none"),
)
