"""What contrastive losses and metrics of images and texts are given: the logits of both directions."""

from collections.abc import Mapping

import keras
from keras import ops

from dl_techniques._precision import at_least_float32

_NAMES = ("logits_per_image", "logits_per_text")


def logit_pair(y_pred):
    """Returns the logits of the texts for each image and of the images for each text, in float32 at least.

    Pair `i` is image `i` and text `i`, so both are `(batch, batch)`. They come in a dictionary, which may hold more,
    or as a list in this order.
    """
    if isinstance(y_pred, Mapping) and all(name in y_pred for name in _NAMES):
        pair = [y_pred[name] for name in _NAMES]
    elif isinstance(y_pred, list | tuple) and len(y_pred) == 2:
        pair = list(y_pred)
    else:
        raise ValueError(
            f"`y_pred` must be a dictionary with '{_NAMES[0]}' and '{_NAMES[1]}', or a list of both. "
            f"Received: y_pred shapes={_shapes(y_pred)}"
        )
    pair = [at_least_float32(ops.convert_to_tensor(logits)) for logits in pair]
    sizes = {size for logits in pair for size in logits.shape if size is not None}
    if any(len(logits.shape) != 2 for logits in pair) or len(sizes) > 1:
        raise ValueError(f"`y_pred` must be two square matrices of one size. Received: y_pred shapes={_shapes(pair)}")
    return pair


def _shapes(y_pred):
    return keras.tree.map_structure(lambda x: tuple(getattr(x, "shape", ())), y_pred)
