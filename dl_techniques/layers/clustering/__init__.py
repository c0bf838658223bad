from dl_techniques.layers.clustering.rbf_layer import RBFLayer as RBFLayer
