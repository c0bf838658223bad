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
    for axis in (len(strong.shape) - 2, len(strong.shape) - 1):
        size = ops.shape(strong)[axis]
        padded = zero_pad(strong, axis, before=reach, after=reach)
        steps = range(2 * reach + 1)
        strong = reduce(ops.logical_or, [padded[(slice(None),) * axis + (slice(i, i + size),)] for i in steps])
    return ops.logical_and(weak, strong)


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

    In the methods of PyTorch's tensors, which its compiler takes in several times faster than Keras' functions.
    """
    shape = weak.shape
    height, width = map(int, shape[-2:])
    side = reach + 1
    # At least `reach` pixels more, so that what is rolled over the edge of an image is none.
    rows, columns = -(-(height + reach) // side), -(-(width + reach) // side)
    blocks = rows * columns
    rounds = (blocks - 1).bit_length()

    def framed(x):
        x = zero_pad(reshape(x, (-1, height, width)), 1, after=rows * side - height)
        return zero_pad(x, 2, after=columns * side - width)

    def of_blocks(x):
        return x.reshape((*x.shape[:-2], rows, side, columns, side)).amax((-3, -1)).flatten(-3)

    weak = framed(weak)
    present = ops.cast(weak, "int64")
    images = weak.shape[0]
    leaf = ops.arange(images * blocks, dtype="int64")
    number = leaf % blocks
    first = leaf - number
    leaf_of_pixel = reshape(leaf, (images, rows, 1, columns, 1)) + ops.zeros((side, 1, side), dtype="int64")
    leaf_of_pixel = reshape(leaf_of_pixel, present.shape)

    root = leaf
    for done in range(rounds):
        label = (root - first)[leaf_of_pixel]
        # Counted from one upwards, and downwards: zero is no pixel.
        labels = ops.stack([(label + 1) * present, (blocks - label) * present])
        near = of_blocks(_largest_near(labels, reach) * present).flatten(1)
        largest = (near * 0).scatter_reduce(1, root.expand(2, -1), near, "amax")
        above, below = largest[0] - 1, blocks - largest[1]
        target = above.where(above > number, below.where(below < number, number)) + first
        target = leaf.where((target[target] == leaf) & (leaf > target), target)
        for _ in range(rounds - done):
            target = target[target]
        root = target[root]
    in_blocks = of_blocks(ops.cast(framed(strong), "int64")).flatten()
    is_strong = (in_blocks * 0).scatter_reduce(0, root, in_blocks, "amax")[root] > 0
    edges = weak & is_strong[leaf_of_pixel]
    return reshape(edges[:, :height, :width], shape)


def _largest_near(x, reach):
    """The largest element within a square window that goes on at the other edge of the image."""
    for axis in (-2, -1):
        x = reduce(lambda a, b: a.maximum(b), [x.roll(step, axis) for step in range(-reach, reach + 1)])
    return x
