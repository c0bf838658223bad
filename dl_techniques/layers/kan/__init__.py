from dl_techniques.layers.kan.kan_linear import KANLinear as KANLinear
from dl_techniques.layers.kan.power_mlp_layer import PowerMLPLayer as PowerMLPLayer
