import keras
from keras import ops

from dl_techniques._checks import check_non_negative, check_number, check_positive_int, check_rank, normalize_axes
from dl_techniques._precision import at_least_float32
from dl_techniques._serialization import serializable
from dl_techniques.layers.image._hysteresis import track
from dl_techniques.layers.image._kernels import gaussian_kernel
from dl_techniques.utils.tensors import zero_pad


@serializable
class Canny(keras.layers.Layer):
    """Marks the edges of an image, as lines that are one pixel wide.

    For preprocessing, or as an input beside the image: an edge is there or not, so no gradient passes. Each channel is
    an image of its own.

    Formula:

    1. `s`, the image blurred by a Gaussian that ends at four standard deviations. What is outside of the image does
       not count: the weights of the pixels inside sum to 1.
    2. The slopes `i` and `j` of `s` along height and width, by Sobel's kernels, and `m = sqrt(i^2 + j^2)`.
    3. Pixels whose `m` is as large as that one pixel before and one behind, in the direction of the slope. There it is
       interpolated between two neighbours. The outermost pixels of the image never stay.
    4. Of those the strong ones, `m >= threshold_max`, and the weak ones, `m >= threshold_min`, that are connected with
       a strong one through weak ones.

    With `tracking_con=3` and without a limit of `tracking_iterations` this is `skimage.feature.canny`. Computed in
    float32, or in float64 if the image has it, from the image as it is given.

    In memory are about ten images at a time. On PyTorch a search without a limit takes about thirty, and a number of
    steps that grows with the square of the logarithm of the image's size but not with what it shows, so that it
    compiles as one graph.

    Args:
        sigma: float >= 0.8, standard deviation of the Gaussian in pixels.
        threshold_min: float >= 0, the slope of a weak edge. A step from 0 to 255 has a slope of 1020 before the blur.
        threshold_max: float >= `threshold_min`, the slope of a strong edge.
        tracking_con: odd int, height and width of the window around a pixel within which it is connected with others.
        tracking_iterations: int, over how many pixels at most a weak edge is followed from a strong one; or None for
            no limit.

    Input shape:
        `(batch, height, width, channels)`, with values from 0 to 255.

    Output shape:
        Same as the input, with values 0 and 1.

    Example:

    >>> step = keras.ops.convert_to_tensor([[0.0, 0.0, 0.0, 40.0, 90.0, 90.0, 90.0]] * 5)
    >>> edges = Canny()(keras.ops.reshape(step, (1, 5, 7, 1)))
    >>> print(keras.ops.convert_to_numpy(edges)[0, 2, :, 0])
    [0. 0. 0. 1. 0. 0. 0.]

    References:
        Canny, "A Computational Approach to Edge Detection", doi:10.1109/TPAMI.1986.4767851
    """

    def __init__(
        self,
        sigma: float = 0.8,
        threshold_min: float = 50,
        *,
        threshold_max: float = 80,
        tracking_con: int = 3,
        tracking_iterations: int | None = None,
        **kwargs,
    ):
        super().__init__(autocast=False, **kwargs)
        check_number(sigma=sigma, threshold_min=threshold_min, threshold_max=threshold_max)
        check_non_negative(threshold_min=threshold_min)
        check_positive_int(tracking_con=tracking_con)
        if sigma < 0.8:
            raise ValueError(f"`sigma` must be at least 0.8. Received: sigma={sigma}")
        if threshold_max < threshold_min:
            raise ValueError(
                "`threshold_max` must not be less than `threshold_min`. "
                f"Received: threshold_max={threshold_max}, threshold_min={threshold_min}"
            )
        if tracking_con % 2 == 0:
            raise ValueError(f"`tracking_con` must be odd. Received: tracking_con={tracking_con}")
        if tracking_iterations is not None:
            check_positive_int(tracking_iterations=tracking_iterations)
        self.sigma = sigma
        self.threshold_min = threshold_min
        self.threshold_max = threshold_max
        self.tracking_con = tracking_con
        self.tracking_iterations = tracking_iterations

        self._taps = tuple(gaussian_kernel((1, 2 * int(4 * sigma + 0.5) + 1), sigma)[0])

    def build(self, input_shape):
        check_rank(input_shape, 4)
        normalize_axes(-1, input_shape)
        super().build(input_shape)

    def call(self, inputs, training=None):
        x = ops.transpose(ops.stop_gradient(at_least_float32(inputs)), (0, 3, 1, 2))
        for axis in (2, 3):
            x = _blur(x, axis, self._taps)
        slope, peaks = _peaks(x)
        weak = ops.logical_and(peaks, slope >= self.threshold_min)
        strong = ops.logical_and(peaks, slope >= self.threshold_max)
        edges = track(weak, strong, self.tracking_con, self.tracking_iterations)
        return ops.cast(ops.transpose(edges, (0, 2, 3, 1)), self.compute_dtype)

    def compute_output_shape(self, input_shape):
        return input_shape


def _blur(x, axis, taps):
    """Averages along one axis, of images `(..., height, width)`, over the pixels that exist."""
    size = ops.shape(x)[axis]
    length = ops.reshape(ops.ones((size,), dtype=x.dtype), [size if a == axis else 1 for a in range(4)])

    def weighted(values):
        values = zero_pad(values, axis, before=len(taps) // 2, after=len(taps) // 2)
        return sum(tap * _part(values, axis, start, size) for start, tap in enumerate(taps))

    return weighted(x) / weighted(length)


def _peaks(x):
    """The slope of each pixel, and whether it is as large as those before and behind it."""
    height, width = ops.shape(x)[2:]
    down = _sobel(x, 2)
    right = _sobel(x, 3)
    is_steep, is_falling = ops.abs(down) > ops.abs(right), (down >= 0) != (right >= 0)
    larger = ops.abs(ops.where(is_steep, down, right))
    smaller = ops.abs(ops.where(is_steep, right, down))
    ratio = smaller / ops.where(larger > 0, larger, 1)
    slope = larger * ops.sqrt(1 + ratio * ratio)

    framed = zero_pad(zero_pad(slope, 2, before=1, after=1), 3, before=1, after=1)

    def neighbour(rows, columns):
        return _part(_part(framed, 2, 1 + rows, height), 3, 1 + columns, width)

    def exceeds(sign):
        """Whether the slope is not less than one pixel away in its direction, or in the other one."""
        above, beside = neighbour(-sign, 0), neighbour(0, sign)
        near = ops.where(is_steep, ops.where(is_falling, above, neighbour(sign, 0)), beside)
        diagonal = ops.where(is_falling, neighbour(-sign, sign), neighbour(sign, sign))
        return slope >= ratio * diagonal + (1 - ratio) * near

    inside = ops.logical_and(_is_inside(height)[:, None], _is_inside(width))
    is_peak = ops.logical_and(exceeds(1), exceeds(-1))
    return slope, ops.logical_and(ops.logical_and(is_peak, slope > 0), inside)


def _sobel(x, axis):
    """The slope along one axis of images `(..., height, width)`, with copies of the outermost pixels around them."""
    other = 5 - axis
    x = _with_copied_ends(_with_copied_ends(x, axis), other)
    size, width = ops.shape(x)[axis] - 2, ops.shape(x)[other] - 2
    difference = _part(x, axis, 2, size) - _part(x, axis, 0, size)
    before, middle, after = (_part(difference, other, start, width) for start in range(3))
    return before + 2 * middle + after


def _with_copied_ends(x, axis):
    last = ops.shape(x)[axis] - 1
    return ops.concatenate([_part(x, axis, 0, 1), x, _part(x, axis, last, 1)], axis=axis)


def _part(x, axis, start, size):
    return x[(slice(None),) * axis + (slice(start, start + size),)]


def _is_inside(size):
    place = ops.arange(size, dtype="int32")
    return ops.logical_and(place > 0, place < size - 1)
