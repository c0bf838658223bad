"""Techniques at sizes that the catalogue's small shapes never reach: what they add up is long.

Products of 512 and 1024 terms, convolutions of 2304, plain sums of 50,000. Honest backends differ by more units in the
last place here.
"""

from bench.numerics.row import Row
from dl_techniques import layers
from dl_techniques.catalogue import TECHNIQUES

_ROWS = {row.cls: row for row in TECHNIQUES}


def _large(cls: type, shape: tuple[int, ...], **arguments) -> Row:
    row = _ROWS[cls]
    return Row.of(row, label=f"{cls.__name__}-large", arguments={**row.arguments, **arguments}, inputs=(shape,))


LARGE = (
    _large(layers.MultiHeadSelfAttention, (2, 32, 512), dim=512, num_heads=8),
    _large(layers.GLUFFN, (4, 16, 256), hidden_dim=1024, output_dim=64),
    _large(layers.YOLOv12ConvBlock, (2, 10, 10, 256), filters=16, kernel_size=3, strides=1, groups=1),
    _large(layers.RMSNorm, (2, 8, 6250)),
)
