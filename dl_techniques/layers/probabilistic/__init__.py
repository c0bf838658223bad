from dl_techniques.layers.probabilistic.sampling import Sampling as Sampling
