from dl_techniques.layers.norms import RMSNorm as RMSNorm
