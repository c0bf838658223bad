"""Image transforms on images of bytes, beside the libraries that one would call for them on a processor."""

from collections.abc import Callable

import keras
import numpy as np

from bench.workloads.workload import Shape, Size, Workload
from dl_techniques import layers

GREY = {
    "small": {"batch": 1, "side": 128},
    "medium": {"batch": 2, "side": 256},
    "large": {"batch": 8, "side": 512},
    "gpu": {"batch": 32, "side": 1024},
}
BYTES = [("uint8", 0, 256)]
TILE, CLIP = 16, 4.0
SCALES, DIRECTIONS = 4, 8


def images(size: Size) -> list[Shape]:
    return [(size["batch"], size["side"], size["side"], 1)]


def scikit_image_canny(size: Size) -> Callable:
    from skimage.feature import canny

    def function(batch):
        return np.stack([canny(image[..., 0].astype("float32"), 0.8, 50, 80) for image in batch])

    return function


def opencv_clahe(size: Size) -> Callable:
    import cv2

    equalizer = cv2.createCLAHE(CLIP, (size["side"] // TILE,) * 2)
    return lambda batch: np.stack([equalizer.apply(image[..., 0]) for image in batch])


def scipy_shearlets(size: Size) -> Callable:
    from scipy import fft

    layer = shearlets(size)
    layer.build(images(size)[0])
    filters = keras.ops.convert_to_numpy(layer.filters)

    def function(batch):
        spectrum = fft.fft2(batch[..., 0].astype("float32"), workers=-1)
        return fft.ifft2(spectrum[:, None] * filters, workers=-1).real

    return function


def shearlets(size: Size) -> layers.ShearletTransform:
    return layers.ShearletTransform(SCALES, DIRECTIONS)


def _on_bytes(name: str, layer, **fields) -> Workload:
    return Workload(name, "image", layer, images, GREY, integers=BYTES, **fields)


WORKLOADS = (
    _on_bytes("canny", lambda size: layers.Canny(), native="scikit_image_canny"),
    _on_bytes("clahe", lambda size: layers.CLAHE(CLIP, tile_size=TILE), native="opencv_clahe"),
    _on_bytes("shearlet_transform", shearlets, native="scipy_shearlets"),
    _on_bytes("scikit_image_canny", scikit_image_canny, outside=True),
    _on_bytes("opencv_clahe", opencv_clahe, outside=True),
    _on_bytes("scipy_shearlets", scipy_shearlets, outside=True),
)
