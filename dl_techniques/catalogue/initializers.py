from dl_techniques import initializers
from dl_techniques.catalogue._technique import Technique

_NOT_WIDE = ((4, 3), (3,), (1, 3, 4), (0, 4), (-1, 4), (3, None))

TECHNIQUES = (
    Technique(
        initializers.HaarWaveletInitializer,
        {"scale": 0.5},
        inputs=((2, 2, 3, 4),),
        paper="arXiv:1805.08620",
        rejects=({"scale": 0.0}, {"scale": -1.0}),
        rejects_inputs=((2, 2, 3), (3, 3, 3, 4), (2, 3, 3, 4)),
    ),
    Technique(
        initializers.HeOrthonormalInitializer,
        {"seed": 3, "gain": 1.5},
        inputs=((3, 5),),
        paper="arXiv:1502.01852",
        rejects=({"seed": -1}, {"seed": 1.5}, {"seed": True}, {"gain": 0.0}),
        rejects_inputs=_NOT_WIDE,
    ),
    Technique(
        initializers.OrthonormalInitializer,
        {"seed": 3},
        inputs=((3, 5),),
        paper="arXiv:1312.6120",
        rejects=({"seed": -1}, {"seed": 1.5}, {"seed": True}),
        rejects_inputs=_NOT_WIDE,
    ),
)
