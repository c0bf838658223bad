from dl_techniques import layers
from dl_techniques.catalogue._technique import Technique

TECHNIQUES: tuple[Technique, ...] = (
    Technique(
        layers.MPSLayer,
        {
            "output_dim": 3,
            "bond_dim": 4,
            "feature_map": "trig",
            "kernel_initializer": "he_normal",
            "bias_initializer": "random_normal",
            "kernel_regularizer": "l2",
            "bias_regularizer": "l1",
        },
        inputs=((4, 7),),
        paper="arXiv:1605.05775",
        rejects=({"output_dim": 0}, {"bond_dim": 0}, {"bond_dim": 1.5}, {"feature_map": "cosine"}),
        rejects_inputs=((7,), (4, 5, 7), (4, None)),
        xfail={"jax:float64_is_computed_in_float64": "Keras computes sine and cosine in float32 on JAX"},
    ),
)
