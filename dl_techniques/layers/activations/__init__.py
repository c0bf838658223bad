from dl_techniques.layers.activations._adaptive_temperature import (
    adaptive_temperature_softmax as adaptive_temperature_softmax,
)
