import keras
from keras import ops

from dl_techniques._checks import check_positive_int
from dl_techniques._logit_pairs import logit_pair
from dl_techniques._precision import mean_over
from dl_techniques._serialization import serializable


@serializable
class CLIPAccuracy(keras.metrics.Metric):
    """How often the partner of an image or of a text is among the nearest of its batch.

    The partners are on the diagonals of the logits, so `y_true` is ignored, and may be None. It depends on the size of
    the batch: of random logits it is `top_k / batch`. A model with several outputs hands them to it in its
    `compute_metrics`.

    Formula, for the logits `I` of the texts for each image, `T` of the images for each text, and sample weights `w`:
    `i2t = sum_i w_i [I_ii is among the top_k of row i] / sum_i w_i`, `t2i` the same of `T`, and their mean. It runs
    over all batches since the last reset, and is 0 where nothing was seen. Of equal logits the first are the largest,
    so logits that are all alike do not count as hits. NaN counts against a hit.

    Args:
        top_k: int, at most the number of pairs in a batch.
        track_directions: bool, whether to count the two directions apart, for `i2t_accuracy` and `t2i_accuracy`.
        average_directions: bool, whether the result is the mean of both directions. Otherwise it is `[i2t, t2i]`,
            which needs `track_directions`.
        name: str.

    Input shape:
        `y_pred`: a dictionary with `logits_per_image` and `logits_per_text`, or a list of both, each `(batch, batch)`.

    Output shape:
        A scalar, or `(2,)`.

    Example:

    >>> accuracy = CLIPAccuracy(track_directions=True)
    >>> logits = keras.ops.convert_to_tensor([[0.9, 0.1], [0.8, 0.7]])
    >>> float(accuracy(None, [logits, keras.ops.transpose(logits)]))
    0.75
    >>> float(accuracy.i2t_accuracy), float(accuracy.t2i_accuracy), float(accuracy.sample_count)
    (0.5, 1.0, 2.0)

    References:
        Radford et al., "Learning Transferable Visual Models From Natural Language Supervision", arXiv:2103.00020
    """

    def __init__(
        self,
        top_k: int = 1,
        track_directions: bool = False,
        *,
        average_directions: bool = True,
        name: str = "clip_accuracy",
        **kwargs,
    ):
        super().__init__(name=name, **kwargs)
        check_positive_int(top_k=top_k)
        if not average_directions and not track_directions:
            raise ValueError(
                "Without `average_directions` directions must be tracked. "
                f"Received: average_directions={average_directions}, track_directions={track_directions}"
            )
        self.top_k = top_k
        self.track_directions = track_directions
        self.average_directions = average_directions
        self.hits = self.add_variable(shape=(2 if track_directions else 1,), initializer="zeros", name="hits")
        self.weight = self.add_variable(shape=(), initializer="zeros", name="weight")

    def update_state(self, y_true, y_pred, sample_weight=None):
        pair = logit_pair(y_pred)
        pairs = pair[0].shape[0]
        if pairs and self.top_k > pairs:
            raise ValueError(
                "`top_k` must be at most the number of pairs in a batch. "
                f"Received: top_k={self.top_k}, y_pred shapes={[tuple(logits.shape) for logits in pair]}"
            )
        hits = ops.stack([self._hits(logits) for logits in pair])
        if not self.track_directions:
            hits = mean_over(hits, axis=0, keepdims=True)
        weights = ops.ones_like(hits[0]) if sample_weight is None else ops.cast(sample_weight, hits.dtype)
        weights = ops.broadcast_to(weights, ops.shape(hits[0]))
        self.hits.assign_add(ops.sum(hits * weights, axis=-1))
        self.weight.assign_add(ops.sum(weights))

    def result(self):
        accuracy = ops.divide_no_nan(self.hits, self.weight)
        return mean_over(accuracy, axis=-1) if self.average_directions else accuracy

    @property
    def i2t_accuracy(self):
        """How often the text of an image was found."""
        return self._direction(0)

    @property
    def t2i_accuracy(self):
        """How often the image of a text was found."""
        return self._direction(1)

    @property
    def sample_count(self):
        """The sum of the sample weights, which are 1 where none were given."""
        return ops.convert_to_tensor(self.weight)

    def _direction(self, index: int):
        if not self.track_directions:
            raise ValueError("Directions must be tracked. Received: track_directions=False")
        return ops.divide_no_nan(self.hits, self.weight)[index]

    def _hits(self, logits):
        """1 for each row whose diagonal is beaten by fewer than `top_k`, larger ones and equal ones before it."""
        pairs = ops.shape(logits)[0]
        place = ops.arange(pairs, dtype="int32")
        own = ops.diagonal(logits)[:, None]
        behind = ops.where(place[None, :] < place[:, None], logits < own, logits <= own)
        return ops.cast(ops.sum(ops.cast(behind, "int32"), axis=-1) > pairs - self.top_k, self.hits.dtype)
