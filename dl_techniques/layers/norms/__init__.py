from dl_techniques.layers.norms.rms_norm import RMSNorm as RMSNorm
