from dl_techniques.layers.convolution.convnext_v1_block import ConvNeXtV1Block as ConvNeXtV1Block
from dl_techniques.layers.convolution.convnext_v2_block import ConvNeXtV2Block as ConvNeXtV2Block
from dl_techniques.layers.convolution.uib import UIB as UIB
