from dl_techniques.layers.clustering.kmeans_layer import KMeansLayer as KMeansLayer
from dl_techniques.layers.clustering.rbf_layer import RBFLayer as RBFLayer
from dl_techniques.layers.clustering.som_2d_layer import SOM2dLayer as SOM2dLayer
from dl_techniques.layers.clustering.som_layer import SOMLayer as SOMLayer
