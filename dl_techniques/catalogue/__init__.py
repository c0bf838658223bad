"""Every public technique as one plain row; the contract tests, the numerics and the documents iterate over it.

The rows of a family stand in the module of its name.
"""

from dl_techniques.catalogue import attention, convolution, embedding, ffn, models, norms, regularization, transformer
from dl_techniques.catalogue._technique import Technique as Technique

TECHNIQUES: tuple[Technique, ...] = (
    *attention.TECHNIQUES,
    *convolution.TECHNIQUES,
    *embedding.TECHNIQUES,
    *ffn.TECHNIQUES,
    *models.TECHNIQUES,
    *norms.TECHNIQUES,
    *regularization.TECHNIQUES,
    *transformer.TECHNIQUES,
)
