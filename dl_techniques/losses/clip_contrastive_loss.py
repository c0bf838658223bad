import keras
from keras import ops

from dl_techniques._checks import check_non_negative, check_positive, check_rate
from dl_techniques._logit_pairs import logit_pair
from dl_techniques._precision import mean_over
from dl_techniques._serialization import serializable


@serializable
class CLIPContrastiveLoss(keras.losses.Loss):
    """Contrastive loss of pairs of images and texts: each should be nearest to its own partner in the batch.

    The targets are the diagonals of the logits, so there is nothing to label: `y_true` is ignored, and may be None.
    `compile` gives a loss one output at a time, and this one needs two: call it in the model's `compute_loss`.

    Formula, computed in float32, for the logits `I` of the texts for each image, the logits `T` of the images for each
    text, and the target `t_ij = (1 - label_smoothing) [i = j] + label_smoothing / batch`:
    `loss_i = -sum_j t_ij (loss_weight_i2t * log_softmax_j(I_ij) + loss_weight_t2i * log_softmax_j(T_ij))`

    Needs memory for a few numbers for each pair of image and text.

    Args:
        temperature: float > 0, see `apply_temperature`.
        label_smoothing: float in [0, 1), how much of a target is spread over the whole batch.
        apply_temperature: bool, whether to divide the logits by `temperature`. CLIP's are scaled by a weight of its
            own already.
        loss_weight_i2t: float >= 0, the weight of finding the text for an image.
        loss_weight_t2i: float >= 0, the weight of finding the image for a text.
        reduction: see `keras.losses.Loss`.
        name: str.

    Input shape:
        `y_pred`: a dictionary with `logits_per_image` and `logits_per_text`, or a list of both, each `(batch, batch)`.

    Output shape:
        `(batch,)` without reduction.

    Example:

    >>> loss = CLIPContrastiveLoss()
    >>> logits = keras.ops.convert_to_tensor([[2.0, 0.0], [0.0, 2.0]])
    >>> round(float(loss(None, {"logits_per_image": logits, "logits_per_text": logits})), 4)
    0.1269

    References:
        - Radford et al., "Learning Transferable Visual Models From Natural Language Supervision", arXiv:2103.00020,
          figure 3
        - Jia et al., "Scaling Up Visual and Vision-Language Representation Learning With Noisy Text Supervision",
          arXiv:2102.05918
    """

    def __init__(
        self,
        temperature: float = 0.07,
        label_smoothing: float = 0.0,
        *,
        apply_temperature: bool = False,
        loss_weight_i2t: float = 0.5,
        loss_weight_t2i: float = 0.5,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = "clip_contrastive_loss",
        **kwargs,
    ):
        super().__init__(name=name, reduction=reduction, **kwargs)
        check_positive(temperature=temperature)
        check_rate(label_smoothing=label_smoothing)
        check_non_negative(loss_weight_i2t=loss_weight_i2t, loss_weight_t2i=loss_weight_t2i)
        self.temperature = temperature
        self.label_smoothing = label_smoothing
        self.apply_temperature = apply_temperature
        self.loss_weight_i2t = loss_weight_i2t
        self.loss_weight_t2i = loss_weight_t2i

    def __call__(self, y_true, y_pred, sample_weight=None):
        # Keras makes a tensor of `y_true`, and None is none.
        return super().__call__((), y_pred, sample_weight)

    def call(self, y_true, y_pred):
        per_image, per_text = map(self._cross_entropy, logit_pair(y_pred))
        return self.loss_weight_i2t * per_image + self.loss_weight_t2i * per_text

    def _cross_entropy(self, logits):
        if self.apply_temperature:
            logits = logits / self.temperature
        log_p = ops.log_softmax(logits, axis=-1)
        cross_entropy = (self.label_smoothing - 1) * ops.diagonal(log_p)
        if self.label_smoothing:
            cross_entropy = cross_entropy - self.label_smoothing * mean_over(log_p, axis=-1)
        return cross_entropy
