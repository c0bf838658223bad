"""Every public technique as one plain row; the contract tests, the numerics and the documents iterate over it.

The rows of a family stand in the module of its name. `TECHNIQUES` are the layers. `WEIGHT_TECHNIQUES` are what a layer
is given for its weights, constraints, initializers and regularizers; their one input is the shape of a weight.
`TRAINING_TECHNIQUES` are losses, metrics, and what moves the weights. `FUNCTIONS` are what families export besides
classes.
"""

from dl_techniques.catalogue import (
    activations,
    attention,
    capsules,
    clustering,
    constraints,
    convolution,
    embedding,
    ffn,
    image,
    initializers,
    kan,
    logic,
    losses,
    metrics,
    models,
    norms,
    optimization,
    probabilistic,
    regularization,
    regularizers,
    tensor_networks,
    transformer,
    yolo12,
)
from dl_techniques.catalogue._technique import Function as Function
from dl_techniques.catalogue._technique import Technique as Technique

TECHNIQUES: tuple[Technique, ...] = (
    *activations.TECHNIQUES,
    *attention.TECHNIQUES,
    *capsules.TECHNIQUES,
    *clustering.TECHNIQUES,
    *convolution.TECHNIQUES,
    *embedding.TECHNIQUES,
    *ffn.TECHNIQUES,
    *image.TECHNIQUES,
    *kan.TECHNIQUES,
    *logic.TECHNIQUES,
    *models.TECHNIQUES,
    *norms.TECHNIQUES,
    *probabilistic.TECHNIQUES,
    *regularization.TECHNIQUES,
    *tensor_networks.TECHNIQUES,
    *transformer.TECHNIQUES,
    *yolo12.TECHNIQUES,
)

WEIGHT_TECHNIQUES: tuple[Technique, ...] = (
    *constraints.TECHNIQUES,
    *initializers.TECHNIQUES,
    *regularizers.TECHNIQUES,
)

TRAINING_TECHNIQUES: tuple[Technique, ...] = (
    *losses.TECHNIQUES,
    *metrics.TECHNIQUES,
    *optimization.TECHNIQUES,
)

FUNCTIONS: tuple[Function, ...] = (
    *activations.FUNCTIONS,
    *convolution.FUNCTIONS,
    *image.FUNCTIONS,
    *logic.FUNCTIONS,
    *losses.FUNCTIONS,
    *metrics.FUNCTIONS,
    *models.FUNCTIONS,
    *optimization.FUNCTIONS,
    *probabilistic.FUNCTIONS,
)
