import numpy as np
from keras.ops import convert_to_numpy as numpy

from dl_techniques.utils.anchors import anchor_points, count_anchors, decode_boxes
from tests.oracles import detection as oracle
from tests.oracles.compare import assert_accurate, values

SHAPE = (64, 96)


def test_the_cells_of_the_maps_row_by_row():
    points, strides = anchor_points(SHAPE)
    np.testing.assert_array_equal(np.concatenate([numpy(points), numpy(strides)], axis=-1), oracle.anchors(SHAPE))
    assert count_anchors(SHAPE) == len(oracle.anchors(SHAPE))


def test_boxes_are_the_means_of_their_distributions():
    logits = values(2, count_anchors(SHAPE), 4 * 5)
    logits[0, 0] = 0
    found = numpy(decode_boxes(logits, *anchor_points(SHAPE)))
    expected = [[oracle.decode(row, a) for row, a in zip(x, oracle.anchors(SHAPE), strict=True)] for x in logits]
    assert_accurate(found, np.array(expected))
    np.testing.assert_allclose(found[0, 0], 4 + np.array([-1, -1, 1, 1]) * 8 * (5 - 1) / 2)
