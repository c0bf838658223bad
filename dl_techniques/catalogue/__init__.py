"""Every public technique as one plain row; the contract tests, the numerics and the documents iterate over it.

The rows of a family stand in the module of its name.
"""

from dl_techniques.catalogue import (
    activations,
    attention,
    convolution,
    embedding,
    norms,
    probabilistic,
    regularization,
)
from dl_techniques.catalogue._technique import Technique as Technique

TECHNIQUES: tuple[Technique, ...] = (
    *activations.TECHNIQUES,
    *attention.TECHNIQUES,
    *convolution.TECHNIQUES,
    *embedding.TECHNIQUES,
    *norms.TECHNIQUES,
    *probabilistic.TECHNIQUES,
    *regularization.TECHNIQUES,
)
