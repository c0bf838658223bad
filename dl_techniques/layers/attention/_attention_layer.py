"""Attention weights on request."""

import keras


class AttentionLayer(keras.layers.Layer):
    """A layer whose `call` takes `return_attention_scores`, and then returns the pair of output and scores.

    Keras asks `compute_output_shape` for the shapes of symbolic tensors, which knows of the output only.
    """

    def compute_output_spec(self, *args, return_attention_scores=False, **kwargs):
        if not return_attention_scores:
            return super().compute_output_spec(*args, **kwargs)
        pair = keras.Operation.compute_output_spec(self, *args, return_attention_scores=True, **kwargs)
        # On PyTorch the traced dtypes are those of the inputs.
        return tuple(keras.KerasTensor(tensor.shape, dtype=self.compute_dtype) for tensor in pair)
