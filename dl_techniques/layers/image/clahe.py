import keras
from keras import ops

from dl_techniques._checks import check_positive, check_positive_int, check_rank, normalize_axes
from dl_techniques._precision import at_least_float32, is_float64, mean_over, product
from dl_techniques._serialization import serializable


@serializable
class CLAHE(keras.layers.Layer):
    """Contrast limited adaptive histogram equalization: makes details visible in dark and in bright parts of an image.

    Each tile of the image has a table of its own, from grey level to grey level, which makes the levels of its pixels
    about equally frequent. The limit keeps it from blowing up the noise of even regions. A pixel is looked up in the
    tables of the four tiles around it. Each channel is an image of its own.

    Formula, in a tile of `n = tile_size^2` pixels with the counts `h` of its `n_bins` levels:

    - `limit = max(clip_limit * n / n_bins, 1)`, and what is above it is spread over all levels:
      `g = min(h, limit) + sum(max(h - limit, 0)) / n_bins`
    - `table[level] = 255 / n * (g[0] + ... + g[level])`
    - `y = ` the tables at `floor(x * n_bins / 256)`, bilinear between the centres of the tiles

    Computed in float32, or in float64 if the image has it, from the image as it is given. The lower and the right edge
    of the image are mirrored up to a multiple of the size of a tile. Values below 0 and above 255 count as these. NaN
    stays NaN and is not counted. No gradient reaches the image, whose levels are whole numbers.

    In memory are about twelve images at a time, and the tables, which are `n_bins / tile_size^2` images.

    Args:
        clip_limit: float > 0, how many times the mean a count may be. `n_bins` and more is no limit.
        n_bins: int, number of grey levels.
        tile_size: int, height and width of a tile in pixels.
        use_mapping: bool, whether to learn a gain of each level, the same for all tiles: the tables are multiplied by
            `2 * sigmoid(mapping_kernel)`.
        kernel_initializer: initializer of `mapping_kernel`. Zeros change nothing.
        kernel_regularizer: regularizer of `mapping_kernel`, or None.
        kernel_constraint: constraint of `mapping_kernel`, or None.

    Input shape:
        `(batch, height, width, channels)`, with values from 0 to 255.

    Output shape:
        Same as the input, with values from 0 to 255; with `use_mapping` up to 510.

    Example:

    >>> dark = keras.ops.reshape(keras.ops.arange(16.0), (1, 4, 4, 1))
    >>> y = CLAHE(clip_limit=256.0, tile_size=4)(dark)
    >>> print(keras.ops.convert_to_numpy(y)[0, 0, :, 0].round(2))
    [15.94 31.88 47.81 63.75]

    References:
        - Zuiderveld, "Contrast Limited Adaptive Histogram Equalization", Graphics Gems IV, 1994
        - Pizer et al., "Adaptive Histogram Equalization and Its Variations", doi:10.1016/S0734-189X(87)80186-X
    """

    def __init__(
        self,
        clip_limit: float = 4.0,
        n_bins: int = 256,
        *,
        tile_size: int = 16,
        use_mapping: bool = False,
        kernel_initializer: str | keras.initializers.Initializer = "zeros",
        kernel_regularizer: str | keras.regularizers.Regularizer | None = None,
        kernel_constraint: str | keras.constraints.Constraint | None = None,
        **kwargs,
    ):
        super().__init__(autocast=False, **kwargs)
        check_positive(clip_limit=clip_limit)
        check_positive_int(n_bins=n_bins, tile_size=tile_size)
        self.clip_limit = clip_limit
        self.n_bins = n_bins
        self.tile_size = tile_size
        self.use_mapping = use_mapping
        self.kernel_initializer = keras.initializers.get(kernel_initializer)
        self.kernel_regularizer = keras.regularizers.get(kernel_regularizer)
        self.kernel_constraint = keras.constraints.get(kernel_constraint)

    def build(self, input_shape):
        check_rank(input_shape, 4)
        normalize_axes(-1, input_shape)
        self.mapping_kernel = None
        if self.use_mapping:
            self.mapping_kernel = self.add_weight(
                name="mapping_kernel",
                shape=(self.n_bins,),
                initializer=self.kernel_initializer,
                regularizer=self.kernel_regularizer,
                constraint=self.kernel_constraint,
            )
        super().build(input_shape)

    def call(self, inputs, training=None):
        batch, height, width, channels = ops.shape(inputs)
        x = ops.reshape(ops.transpose(at_least_float32(inputs), (0, 3, 1, 2)), (-1, height, width))
        missing = ops.isnan(x)
        levels = ops.clip(ops.where(missing, 0, x) * (self.n_bins / 256), 0, self.n_bins - 1)
        levels = ops.cast(levels, "int32")
        tables = self._tables(levels, missing, x.dtype)
        if self.use_mapping:
            tables = tables * (2 * ops.sigmoid(ops.cast(self.mapping_kernel, x.dtype)))
        y = ops.where(missing, float("nan"), self._look_up(tables, levels))
        y = ops.transpose(ops.reshape(y, (batch, channels, height, width)), (0, 2, 3, 1))
        return ops.cast(y, self.compute_dtype)

    def compute_output_shape(self, input_shape):
        return input_shape

    def _tables(self, levels, missing, dtype):
        """`(images, tiles, n_bins)`, tiles row by row."""
        images, height, width = ops.shape(levels)
        rows, columns = self._number_of_tiles(height), self._number_of_tiles(width)
        pixels = self.tile_size**2
        counts = self._counts(ops.where(missing, -1, levels), images, rows, columns, dtype)
        excess = ops.relu(counts - max(self.clip_limit * pixels / self.n_bins, 1))
        counts = counts - excess + mean_over(excess, axis=-1, keepdims=True)
        return ops.clip(_running_sum(counts) * (255 / pixels), 0, 255)

    def _counts(self, levels, images, rows, columns, dtype):
        """How many pixels of each tile have each level; those below 0 are not counted."""
        for axis, tiles in ((1, rows), (2, columns)):
            levels = _mirrored(levels, axis, tiles * self.tile_size)
        tile = self._tile_of_pixels(rows)[:, None] * columns + self._tile_of_pixels(columns)
        image = ops.arange(images, dtype="int32")[:, None, None]
        segment = (image * (rows * columns) + tile) * self.n_bins + levels
        number = images * rows * columns * self.n_bins
        segment = ops.reshape(ops.where(levels < 0, number, segment), (-1,))
        ones = ops.ones_like(segment, dtype=dtype)
        counts = ops.segment_sum(ones, segment, num_segments=number + 1)[:-1]
        return ops.reshape(counts, (images, rows * columns, self.n_bins))

    def _look_up(self, tables, levels):
        images, height, width = ops.shape(levels)
        rows, columns = self._number_of_tiles(height), self._number_of_tiles(width)
        above, below, downwards = self._nearest_tiles(height, rows, tables.dtype)
        left, right, rightwards = self._nearest_tiles(width, columns, tables.dtype)
        tables = ops.reshape(tables, (images, rows * columns * self.n_bins))

        def at(row, column):
            place = (row[:, None] * columns + column) * self.n_bins + levels
            found = ops.take_along_axis(tables, ops.reshape(place, (images, height * width)), axis=1)
            return ops.reshape(found, (images, height, width))

        def between(row):
            first = at(row, left)
            return first + rightwards * (at(row, right) - first)

        upper = between(above)
        return upper + downwards[:, None] * (between(below) - upper)

    def _nearest_tiles(self, size, tiles, dtype):
        """For each place along an axis the tiles around it, and how far it is from the first to the second."""
        place = ops.arange(size, dtype=dtype) / self.tile_size + 0.5
        second = ops.cast(place, "int32")
        return ops.maximum(second - 1, 0), ops.minimum(second, tiles - 1), place - ops.cast(second, dtype)

    def _tile_of_pixels(self, tiles):
        return ops.arange(tiles * self.tile_size, dtype="int32") // self.tile_size

    def _number_of_tiles(self, size):
        return (size + self.tile_size - 1) // self.tile_size


def _mirrored(x, axis, length):
    """With the end of an axis mirrored, as often as it takes, but not the last element itself."""
    size = ops.shape(x)[axis]
    if isinstance(size, int) and size == length:
        return x
    period = ops.cast(ops.maximum(2 * size - 2, 1), "int32")
    place = ops.arange(length, dtype="int32") % period
    return ops.take(x, ops.minimum(place, period - place), axis=axis)


def _running_sum(x):
    """As `ops.cumsum` over the last axis, which Keras takes through float32 on PyTorch."""
    if not is_float64(x):
        return ops.cumsum(x, axis=-1)
    place = ops.arange(x.shape[-1], dtype="int32")
    return product(x, ops.cast(place[:, None] <= place, x.dtype))
