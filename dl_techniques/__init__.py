"""Deep-learning techniques for Keras 3, written once for TensorFlow, JAX and PyTorch."""

from dl_techniques import layers as layers

__version__ = "0.1.0"
