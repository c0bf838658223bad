"""Which weak pixels of an image are connected with strong ones."""

from functools import reduce

import keras
from keras import ops

from dl_techniques.utils.tensors import reshape, zero_pad

# How often edges grow before a loop asks whether they still do: an answer costs more than to grow once.
_AT_ONCE = 8


def track(weak, strong, window: int, iterations: int | None):
    """Grows the strong pixels within the weak ones, until nothing changes or for a number of times.

    Args:
        weak: boolean tensor `(..., height, width)`.
        strong: boolean tensor of the same shape, true only where `weak` is.
        window: odd int, height and width of the window around a pixel within which its neighbours are.
        iterations: int, or None for until nothing changes.

    Returns:
        Boolean tensor of the same shape.
    """
    reach = window // 2
    if keras.config.backend() != "torch":
        return _grow_until_nothing_changes(weak, strong, reach, iterations)
    # PyTorch's compiler takes no loop whose end depends on values.
    height, width = map(int, weak.shape[-2:])
    if iterations is None or iterations >= height * width:
        return _in_merged_trees(weak, strong, reach)
    for _ in range(iterations):
        strong = _grow(weak, strong, reach)
    return strong


def _grow(weak, strong, reach):
    return ops.logical_and(weak, _largest_around(strong, reach, ops.logical_or))


def _grow_until_nothing_changes(weak, strong, reach, iterations):
    loops = None
    if iterations is not None:
        loops, first = divmod(iterations, _AT_ONCE)
        for _ in range(first):
            strong = _grow(weak, strong, reach)
        if loops == 0:
            return strong

    def grow(strong, changes):
        steps = [strong]
        for _ in range(_AT_ONCE):
            steps.append(_grow(weak, steps[-1], reach))
        return steps[-1], ops.any(ops.logical_xor(steps[-1], steps[-2]))

    strong, _ = ops.while_loop(
        lambda strong, changes: changes, grow, (strong, ops.any(strong)), maximum_iterations=loops
    )
    return strong


def _in_merged_trees(weak, strong, reach):
    """As if grown until nothing changes, in a number of steps that only depends on the size of the image.

    Blocks of `reach + 1` pixels a side are the leaves of trees, as the weak pixels of a block are neighbours. In each
    round every tree that has neighbours hooks onto one of them, and is then flat again, all blocks pointing at its
    root. So the number of trees of a connected part halves at least, and `log2(blocks)` rounds leave one.

    A tree hooks onto its highest neighbour, by the number of the root, if that is above itself, else onto its lowest.
    Then no circle is longer than two: along it local maxima follow each other, none lower than the one before.
    """
    height, width = map(int, weak.shape[-2:])
    side = reach + 1
    rows, columns = -(-height // side), -(-width // side)
    blocks = rows * columns
    rounds = (blocks - 1).bit_length()
    shape = weak.shape
    images = reshape(weak, (-1, height, width)).shape[0]

    def framed(x):
        x = zero_pad(reshape(x, (-1, height, width)), 1, after=rows * side - height)
        return zero_pad(x, 2, after=columns * side - width)

    def of_pixels(x):
        x = ops.broadcast_to(reshape(x, (-1, rows, 1, columns, 1)), (images, rows, side, columns, side))
        return reshape(x, (-1, rows * side, columns * side))

    def of_trees(x, root):
        """The largest number of a tree, at its root; elsewhere 0."""
        x = ops.amax(reshape(x, (-1, rows, side, columns, side)), axis=(2, 4))
        first = blocks * ops.arange(images, dtype="int32")[:, None]
        # One more segment, as PyTorch takes none at all for a number that it has to find out.
        largest = ops.segment_max(reshape(x, (-1,)), reshape(first + root, (-1,)), num_segments=images * blocks + 1)
        largest = reshape(largest[:-1], (-1, blocks))
        return ops.where(largest > 0, largest, 0)

    weak, strong = framed(weak), framed(strong)
    own = ops.broadcast_to(ops.arange(blocks, dtype="int32"), (images, blocks))
    root = own
    for done in range(rounds):
        label = of_pixels(root)
        # Counted from one upwards, and downwards: zero is no pixel.
        highest = _largest_around(ops.where(weak, label + 1, 0), reach, ops.maximum)
        lowest = _largest_around(ops.where(weak, blocks - label, 0), reach, ops.maximum)
        above = of_trees(ops.where(weak, highest, 0), root) - 1
        below = blocks - of_trees(ops.where(weak, lowest, 0), root)
        target = ops.where(above > own, above, ops.where(below < own, below, own))
        target = ops.where(ops.logical_and(_follow(target, target) == own, own > target), own, target)
        for _ in range(rounds - done):
            target = _follow(target, target)
        root = _follow(target, root)
    is_strong = _follow(of_trees(ops.cast(strong, "int32"), root), root) > 0
    edges = ops.logical_and(weak, of_pixels(is_strong))
    return reshape(edges[:, :height, :width], shape)


def _follow(target, steps):
    return ops.take_along_axis(target, steps, axis=1)


def _largest_around(x, reach, larger):
    """The largest element within a square window, of elements that are not negative."""
    for axis in (len(x.shape) - 2, len(x.shape) - 1):
        size = ops.shape(x)[axis]
        x = zero_pad(x, axis, before=reach, after=reach)
        shifted = [x[(slice(None),) * axis + (slice(start, start + size),)] for start in range(2 * reach + 1)]
        x = reduce(larger, shifted)
    return x
