from dl_techniques._checks import check_positive_int
from dl_techniques.layers.ffn._feed_forward import FeedForward, named_activation


class TwoDense(FeedForward):
    """`dropout(fc2(dropout(activation(fc1(x)))))`; how wide the output is, `compute_output_shape` says."""

    def __init__(self, hidden_dim, *, activation, **kwargs):
        super().__init__(**kwargs)
        check_positive_int(hidden_dim=hidden_dim)
        self.hidden_dim = hidden_dim
        self.activation = named_activation(activation=activation)

        self.fc1 = self._dense(hidden_dim, "fc1", 0)
        self.dropout1 = self._dropout("dropout1", 0)
        self.dropout2 = self._dropout("dropout2", 1)

    def build(self, input_shape):
        super().build(input_shape)
        self.fc1.build(input_shape)
        self.fc2 = self._dense(self.compute_output_shape(input_shape)[-1], "fc2", 1)
        self.fc2.build((*input_shape[:-1], self.hidden_dim))

    def call(self, inputs, training=None):
        hidden = self.dropout1(self.activation(self.fc1(inputs)), training=training)
        return self.dropout2(self.fc2(hidden), training=training)
