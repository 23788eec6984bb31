// SIMD kernels that oneDNN lacks, and the thread team they share with it.
//
// Feature maps are channels-last: [N, H, W, C], so a pixel's channels are one row of a matrix and a map is the same
// memory as a transformer's tokens [N, T, D]. Every kernel has one entry that picks by CPU level; the scalar level is
// the specification, the others must agree with it (LDM_CPU=scalar|avx2|avx512 forces one, for tests and bug reports).
// Kernels are called from one thread at a time; they use the team of ldm_set_threads.
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum ldm_cpu_level { LDM_CPU_SCALAR = 0, LDM_CPU_AVX2 = 1, LDM_CPU_AVX512 = 2 };

/// The level in use: the best the CPU has, or a lower one that LDM_CPU names. Asked once.
enum ldm_cpu_level ldm_cpu(void);
const char *ldm_cpu_name(void);

/// Threads of the team, libgomp's, which oneDNN uses too. Set before the first kernel runs; 0: all that the affinity
/// mask and OMP_NUM_THREADS allow.
void ldm_set_threads(int count);
int ldm_threads(void);
/// Runs `body(context, i)` for i in 0..<count over the team.
void ldm_parallel_for(size_t count, void (*body)(void *context, size_t index), void *context);

// Conversions; `in` may be unaligned.
void ldm_f16_to_f32(float *out, const void *in, size_t n);
void ldm_bf16_to_f32(float *out, const void *in, size_t n);
/// Round to nearest even.
void ldm_f32_to_f16(void *out, const float *in, size_t n);
void ldm_f32_to_bf16(void *out, const float *in, size_t n);

// Elementwise; out may be in.
void ldm_add(float *out, const float *a, const float *b, size_t n);
void ldm_silu(float *out, const float *in, size_t n);
/// Exact: x Phi(x), by erf.
void ldm_gelu(float *out, const float *in, size_t n);
/// x sigmoid(1.702 x).
void ldm_quick_gelu(float *out, const float *in, size_t n);
/// rows of [value | gate] (2d) -> value * gelu(gate) (d).
void ldm_geglu(float *out, const float *in, size_t rows, size_t d);

/// Group normalisation over pixels x channels of a group, then scale and shift by channel, then SiLU if asked.
/// x, out: [n, pixels, channels]; out may be x. `channels` is a multiple of `groups`.
void ldm_group_norm(float *out, const float *x, const float *weight, const float *bias, size_t n, size_t pixels,
                    size_t channels, size_t groups, float eps, bool silu);
/// Layer normalisation of each row of d elements.
void ldm_layer_norm(float *out, const float *x, const float *weight, const float *bias, size_t rows, size_t d,
                    float eps);

/// softmax(scale q k' [+ causal mask]) v for each head, streaming over the keys (the score matrix is never stored).
/// q [batch, tq, heads * d] with rows `q_stride` floats apart, k and v [batch, tk, heads * d] likewise; out
/// [batch, tq, heads * d]. Returns false where scratch memory could not be had.
struct ldm_attention_call {
  const float *q, *k, *v;
  float *out;
  size_t batch, heads, tq, tk, d;
  size_t q_stride, k_stride, v_stride, out_stride;
  float scale;
  bool causal;
};
bool ldm_attend(const struct ldm_attention_call *call);

/// A matrix [k, n] cut into panels that the GEMM kernel reads in order. Made once per layer.
size_t ldm_packed_size(size_t k, size_t n);
/// b[j * n_stride + i * k_stride] is row i, column j.
void ldm_pack(float *packed, const float *b, size_t k, size_t n, size_t k_stride, size_t n_stride);
/// c[m, n] = a[m, k] b [+ bias] [+ c]; rows of a and c are lda and ldc floats apart. Over the team.
void ldm_gemm(float *c, size_t ldc, const float *a, size_t lda, const float *packed, const float *bias, size_t m,
              size_t n, size_t k, bool accumulate);

/// 3x3 convolution, stride 1, padding 1, by Winograd's F(4x4, 3x3) (Lavin & Gray 2015, arXiv 1509.09308): a quarter of
/// the products. Transformed weights: 36 packed matrices [in, out].
size_t ldm_winograd_size(size_t in, size_t out);
/// weight [out, in, 3, 3].
void ldm_winograd_pack(float *packed, const float *weight, size_t in, size_t out);
/// x [n, h, w, in] -> out [n, h, w, out] [+ bias by channel] [+ out]. False where scratch memory could not be had.
bool ldm_winograd(float *out, const float *x, const float *packed, const float *bias, size_t n, size_t h, size_t w,
                  size_t in, size_t outs, bool accumulate);
