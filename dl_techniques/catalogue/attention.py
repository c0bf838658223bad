from math import inf

from dl_techniques import layers
from dl_techniques.catalogue._technique import Technique

FLOAT16 = {
    "jax/float16/jit/inference": (inf, "JAX's dot_product_attention does not compile for float16 on a CPU"),
}

TECHNIQUES = (
    Technique(
        layers.GroupQueryAttention,
        {
            "dim": 16,
            "num_heads": 4,
            "num_kv_heads": 2,
            "max_seq_len": 8,
            "dropout_rate": 0.25,
            "rope_percentage": 0.5,
            "use_bias": True,
            "seed": 3,
        },
        inputs=((2, 6, 16),),
        paper="arXiv:2305.13245",
        rejects=(
            {"dim": 0},
            {"num_heads": 0},
            {"num_heads": 5},
            {"num_kv_heads": 0},
            {"num_kv_heads": 3},
            {"max_seq_len": 0},
            {"dropout_rate": 1.0},
            {"rope_percentage": 1.5},
        ),
        rejects_inputs=((6, 16), (2, 6, 8)),
        random=True,
        tolerances=FLOAT16,
    ),
    Technique(
        layers.DifferentialAttention,
        {
            "dim": 16,
            "num_heads": 2,
            "head_dim": 6,
            "dropout_rate": 0.25,
            "attention_dropout_rate": 0.125,
            "lambda_init": 0.7,
            "layer_idx": 2,
            "kernel_initializer": "he_normal",
            "seed": 3,
        },
        inputs=((2, 6, 16),),
        paper="arXiv:2410.05258",
        rejects=(
            {"dim": 0},
            {"num_heads": 0},
            {"num_heads": 3},
            {"head_dim": 0},
            {"head_dim": None, "num_heads": 16},
            {"dropout_rate": 1.0},
            {"attention_dropout_rate": -0.1},
            {"lambda_init": 1.0},
            {"layer_idx": -1},
        ),
        rejects_inputs=((6, 16), (2, 6, 8)),
        random=True,
    ),
    Technique(
        layers.WindowAttention,
        {
            "dim": 8,
            "window_size": 3,
            "num_heads": 2,
            "qkv_bias": False,
            "qk_scale": 0.75,
            "attention_dropout_rate": 0.125,
            "dropout_rate": 0.25,
            "proj_bias": False,
            "kernel_initializer": "he_normal",
            "seed": 3,
        },
        inputs=((4, 9, 8),),
        paper="arXiv:2103.14030",
        rejects=(
            {"dim": 0},
            {"window_size": 0},
            {"num_heads": 0},
            {"num_heads": 3},
            {"attention_dropout_rate": 1.0},
            {"dropout_rate": -0.1},
        ),
        rejects_inputs=((9, 8), (4, 8, 8), (4, 9, 6)),
        random=True,
        tolerances=FLOAT16,
    ),
)
