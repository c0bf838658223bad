"""Deep-learning techniques for Keras 3, written once for TensorFlow, JAX and PyTorch."""

from dl_techniques import constraints as constraints
from dl_techniques import initializers as initializers
from dl_techniques import layers as layers
from dl_techniques import losses as losses
from dl_techniques import metrics as metrics
from dl_techniques import optimization as optimization
from dl_techniques import regularizers as regularizers

__version__ = "0.1.0"
