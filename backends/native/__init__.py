"""The performance-critical cores in each framework's own best functions: the yardsticks of the Keras layers.

Every module here has the same functions. Each takes the weights of the Keras built-in it mirrors, of a model of
built-ins or, where Keras has nothing of the kind, of a layer of this library; as NumPy arrays in the order of
`layer.get_weights()`. It takes a dtype, and returns a `Native` that computes the same outputs:

- `rms_norm`, `layer_norm`, `unit_norm`: over the last axis.
- `attention`: multi-head or grouped self-attention with its four projections; the kernels tell the heads.
- `non_local_attention`: a depthwise kernel, then those of query, value, key and output, without biases.
- `convolutional_block_attention`: two kernels for the channels, kernel and bias for the pixels.
- `squeeze_excitation`: two kernels without biases.
- `mlp`: two dense layers with the exact GELU between them. `swiglu`: gate, value and output kernels without biases.
- `conv2d`, `depthwise_conv2d`: "same" padding, stride 1, odd kernels.
- `capsule_routing`: `RoutingCapsule`. `kan_linear`: `KANLinear` on [-1, 1]. `matrix_product_state`: `MPSLayer`.
- `cross_entropy`, `focal`, `dice`: losses of classes on the last axis, from a target and logits. `contrastive`: of two
  matrices of logits, whose diagonals are the pairs. One number each; no gradient reaches the target.
- `matmul`, `copy`: the machine's ceilings for arithmetic and memory.
"""
