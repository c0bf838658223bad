from dl_techniques import layers
from dl_techniques.catalogue._technique import Technique

TECHNIQUES = (
    Technique(
        layers.RotaryPositionEmbedding,
        {"head_dim": 8, "max_seq_len": 12, "rope_theta": 100.0, "rope_percentage": 0.75},
        inputs=((2, 3, 6, 8),),
        paper="arXiv:2104.09864",
        rejects=(
            {"head_dim": 0},
            {"head_dim": 7},
            {"max_seq_len": 0},
            {"rope_theta": 0.0},
            {"rope_percentage": 0.0},
            {"rope_percentage": 1.5},
        ),
        rejects_inputs=((2, 6, 8), (2, 3, 6, 4), (2, 3, 13, 8)),
    ),
)
