from dl_techniques import layers
from dl_techniques.catalogue._exceptions import EMPTY_BATCH, everywhere
from dl_techniques.catalogue._technique import Function, Technique

_NO_IMAGES = ((2, 7, 4), (2, 7, 6, None))

TECHNIQUES = (
    Technique(
        layers.GaussianFilter,
        {"kernel_size": (3, 4), "strides": 2, "sigma": (1.5, 0.5), "padding": "valid", "trainable": True},
        inputs=((2, 7, 6, 4),),
        paper="none",
        rejects=(
            {"kernel_size": 0},
            {"kernel_size": (3,)},
            {"kernel_size": (3, 0)},
            {"strides": (1, 1, 1)},
            {"strides": (1, 1.5)},
            {"sigma": "wide"},
            {"sigma": (1.0, 2.0, 3.0)},
            {"sigma": float("nan")},
            {"padding": "full"},
        ),
        rejects_inputs=(*_NO_IMAGES, (2, 2, 6, 4)),
        tolerances=EMPTY_BATCH,
    ),
    Technique(
        layers.LaplacianFilter,
        {"kernel_size": (3, 7), "strides": (2, 2), "sigma": (0.5, 1.5), "scale_factor": -2.5},
        inputs=((2, 7, 6, 4),),
        paper="doi:10.1109/TCOM.1983.1095851",
        rejects=(
            {"kernel_size": (5, 4)},
            {"kernel_size": (1, 3)},
            {"kernel_size": 4},
            {"strides": (0, 1)},
            {"sigma": (1.0,)},
            {"scale_factor": "double"},
        ),
        rejects_inputs=_NO_IMAGES,
        tolerances=EMPTY_BATCH,
    ),
    Technique(
        layers.AdvancedLaplacianFilter,
        {"method": "log", "kernel_size": (3, 7), "strides": (2, 2), "sigma": (0.5, 1.5), "scale_factor": -2.5},
        inputs=((2, 7, 6, 4),),
        paper="doi:10.1098/rspb.1980.0020",
        rejects=(
            {"method": "sobel"},
            {"kernel_size": (5, 4)},
            {"strides": (0, 1)},
            {"sigma": (1.0,)},
            {"scale_factor": "double"},
        ),
        rejects_inputs=_NO_IMAGES,
        tolerances=EMPTY_BATCH,
    ),
    Technique(
        layers.Canny,
        {"sigma": 1.0, "threshold_min": 0.5, "threshold_max": 2.0, "tracking_con": 5, "tracking_iterations": 2},
        inputs=((2, 9, 8, 2),),
        paper="doi:10.1109/TPAMI.1986.4767851",
        differentiable=False,
        rejects=(
            {"sigma": 0.5},
            {"sigma": "wide"},
            {"threshold_min": -1.0},
            {"threshold_min": 3.0},
            {"threshold_max": float("inf")},
            {"tracking_con": 4},
            {"tracking_con": 0},
            {"tracking_iterations": 0},
        ),
        rejects_inputs=_NO_IMAGES,
    ),
    Technique(
        layers.CLAHE,
        {
            "clip_limit": 3.0,
            "n_bins": 128,
            "tile_size": 4,
            "use_mapping": True,
            "kernel_initializer": "random_normal",
            "kernel_regularizer": "l2",
            "kernel_constraint": "max_norm",
        },
        inputs=((2, 9, 8, 2),),
        paper="doi:10.1016/S0734-189X(87)80186-X",
        rejects=({"clip_limit": 0}, {"n_bins": 0}, {"n_bins": 2.5}, {"tile_size": -4}),
        rejects_inputs=_NO_IMAGES,
        xfail=everywhere(
            "gradients_reach_inputs_and_weights",
            "levels of an image are whole numbers; only the gains are learned",
        ),
    ),
    Technique(
        layers.ShearletTransform,
        {"scales": 2, "directions": 3},
        inputs=((2, 9, 8, 2),),
        paper="arXiv:1202.1773",
        rejects=({"scales": 0}, {"scales": 1.5}, {"directions": -1}),
        rejects_inputs=(*_NO_IMAGES, (2, None, 6, 4), (2, 7, None, 4)),
    ),
)

FUNCTIONS = (
    Function(layers.gaussian_filter, paper="none"),
    Function(layers.multiscales_generator_fn, paper="doi:10.1109/TCOM.1983.1095851"),
)
