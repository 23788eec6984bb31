// oneDNN (v2 and v3) behind one C struct a primitive. Nothing else happens here: which primitive serves which layer is
// decided by the layers.
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/// What the products are computed in. Inputs, outputs and biases are f32 in memory in any case.
enum ldm_dnn_type { LDM_DNN_F32, LDM_DNN_BF16 };

struct ldm_dnn_conv_shape {
  int64_t n, h, w, in, out, kernel, stride;
  int64_t top, left, bottom, right;  // padding
};

/// A convolution of one shape over channels-last maps: a made primitive.
struct ldm_dnn;

/// null where oneDNN has no such primitive on this CPU (bf16 without AVX-512, say).
/// `accumulate`: the result is added to what the output holds.
struct ldm_dnn *ldm_dnn_conv(const struct ldm_dnn_conv_shape *shape, enum ldm_dnn_type type, bool accumulate);
void ldm_dnn_free(struct ldm_dnn *primitive);

/// Bytes of the weights in the layout that the primitive wants.
size_t ldm_dnn_packed_size(const struct ldm_dnn *primitive);
/// Whether weights packed for `other` serve this primitive too (another map size of the same layer).
bool ldm_dnn_same_layout(const struct ldm_dnn *primitive, const struct ldm_dnn *other);
/// weight: f32 [out, in, kernel, kernel]. False: not enough memory.
bool ldm_dnn_pack(const struct ldm_dnn *primitive, void *packed, const float *weight);
/// out [n, h', w', out] = x * weights + bias. Not to be called for one primitive from two threads at once.
bool ldm_dnn_run(struct ldm_dnn *primitive, float *out, const float *x, const void *packed, const float *bias);
