from dl_techniques import layers
from dl_techniques.catalogue._technique import Technique

TECHNIQUES = (
    Technique(
        layers.RMSNorm,
        {"axis": [1, 2], "epsilon": 1e-5, "scale_initializer": "random_normal"},
        inputs=((2, 6, 8),),
        paper="arXiv:1910.07467",
        rejects=({"epsilon": 0.0}, {"epsilon": -1.0}, {"axis": -4}),
        rejects_inputs=((2, 6, None), (2, None, 8)),
    ),
    Technique(
        layers.BandRMS,
        {"max_band_width": 0.4, "axis": 1, "epsilon": 1e-5, "band_regularizer": "l1"},
        inputs=((2, 6, 4),),
        paper="none",
        rejects=({"max_band_width": 0.0}, {"max_band_width": 1.0}, {"epsilon": 0}, {"axis": 3}, {"axis": "last"}),
        rejects_inputs=((2, None, 4),),
    ),
    Technique(
        layers.DynamicTanh,
        {
            "axis": [-1, 1],
            "alpha_init_value": 0.7,
            "kernel_initializer": "random_normal",
            "bias_initializer": "random_normal",
            "kernel_regularizer": "l2",
            "bias_regularizer": "l1",
            "kernel_constraint": "max_norm",
            "bias_constraint": "non_neg",
        },
        inputs=((2, 6, 3, 4),),
        paper="arXiv:2503.10622",
        rejects=({"alpha_init_value": "half"}, {"alpha_init_value": True}, {"axis": [1, -3]}),
        rejects_inputs=((2, None, 3, 4),),
    ),
    Technique(
        layers.GlobalResponseNormalization,
        {
            "epsilon": 1e-4,
            "gamma_initializer": "random_normal",
            "beta_initializer": "random_normal",
            "gamma_regularizer": "l1",
            "beta_regularizer": "l2",
        },
        inputs=((2, 4, 4, 6),),
        paper="arXiv:2301.00808",
        rejects=({"epsilon": 0.0}, {"epsilon": "small"}),
        rejects_inputs=((2, 4, 6), (2, 4, 4, None)),
    ),
)
