from dl_techniques import layers
from dl_techniques.catalogue._technique import Technique

TECHNIQUES = (
    Technique(
        layers.LayerScale,
        {"multiplier_type": "global", "initializer": "random_uniform", "regularizer": "l2", "constraint": None},
        inputs=((2, 6, 8),),
        paper="arXiv:2103.17239",
        rejects=({"multiplier_type": "CHANNEL"}, {"multiplier_type": None}),
    ),
    Technique(
        layers.StochasticDepth,
        {"drop_path_rate": 0.25, "seed": 3},
        inputs=((8, 4, 6),),
        paper="arXiv:1603.09382",
        rejects=({"drop_path_rate": 1.0}, {"drop_path_rate": -0.1}, {"drop_path_rate": "half"}),
        rejects_inputs=((8,),),
        random=True,
    ),
)
