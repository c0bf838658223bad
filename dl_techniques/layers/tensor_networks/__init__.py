from dl_techniques.layers.tensor_networks.mps_layer import MPSLayer as MPSLayer
