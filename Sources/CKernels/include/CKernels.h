// SIMD kernels and the thread team that runs them.
//
// Feature maps are channels-last: [N, H, W, C], so a pixel's channels are one row of a matrix and a map is the same
// memory as a transformer's tokens [N, T, D]. Every kernel has one entry that picks by CPU level; the scalar level is
// the specification, the others must agree with it (LDM_CPU=scalar|avx2|avx512|avx512bf16 forces one, for tests and bug reports).
// Each thread that calls kernels has a team of its own, of as many threads as ldm_set_threads says.
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum ldm_cpu_level { LDM_CPU_SCALAR = 0, LDM_CPU_AVX2 = 1, LDM_CPU_AVX512 = 2, LDM_CPU_AVX512BF16 = 3 };

/// The level in use: the best the CPU has, or a lower one that LDM_CPU names. Asked once.
enum ldm_cpu_level ldm_cpu(void);
const char *ldm_cpu_name(void);
/// Whether products of bf16 values are faster than those of f32.
bool ldm_cpu_has_bf16(void);
/// Floats in a vector; panels of packed weights are two wide.
size_t ldm_vector_width(void);

/// Threads of the team, libgomp's. Set before the first kernel runs; 0: all that the affinity mask and OMP_NUM_THREADS
/// allow.
void ldm_set_threads(int count);
int ldm_threads(void);
/// Runs `body(context, i)` for i in 0..<count over the team.
void ldm_parallel_for(size_t count, void (*body)(void *context, size_t index), void *context);

/// Memory that is kept for the next caller when released; large blocks on huge pages. Null: not to be had.
/// `lasting`: held for long (weights), so not to be a larger block that was kept.
void *ldm_allocate(size_t bytes, bool lasting);
/// `bytes` as they were asked for.
void ldm_release(void *block, size_t bytes);
/// Gives all kept memory back to the system.
void ldm_trim(void);

/// Multiply-adds so far in products, convolutions (as the direct algorithm counts them) and attention: for benchmarks.
uint64_t ldm_products(void);
void ldm_count_products(uint64_t count);

/// XXH64 of `bytes` bytes, for telling contents apart; on the calling thread alone.
uint64_t ldm_hash(const void *data, size_t bytes, uint64_t seed);
/// A checksum of a large block, over the team: XXH64 of the XXH64 of each MiB.
uint64_t ldm_checksum(const void *data, size_t bytes);

// Conversions; `in` may be unaligned. To f32 over the team.
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
/// x, out: [n, pixels, channels]; out may be x. `channels` is a multiple of `groups`. moments, NULL or [n, groups, 2]: each
/// group's mean and reciprocal deviation; written, or read where they are `given`.
void ldm_group_norm(float *out, const float *x, const float *weight, const float *bias, size_t n, size_t pixels,
                    size_t channels, size_t groups, float eps, bool silu, float *moments, bool given);
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
  /// Products of bf16 values, summed in f32.
  bool half;
};
bool ldm_attend(const struct ldm_attention_call *call);

/// A matrix [k, n] cut into panels that the GEMM kernel reads in order. Made once per layer.
size_t ldm_packed_size(size_t k, size_t n);
/// b[j * n_stride + i * k_stride] is row i, column j; on the calling thread alone.
void ldm_pack(float *packed, const float *b, size_t k, size_t n, size_t k_stride, size_t n_stride);
/// weight [n, k]. Over the team.
void ldm_pack_weight(float *packed, const float *weight, size_t k, size_t n);
struct ldm_product {
  float *c;
  const float *a;
  const void *packed;
  const float *bias;  // [n], or null
  size_t ldc, lda, m, n, k;
  bool accumulate;
  /// Panels hold one vector of values and one of gates (n a multiple of both): c[m, n / 2] = value gelu(gate), with a bias.
  bool geglu;
};
/// c[m, n] = a[m, k] b [+ bias] [+ c]; rows of a and c are lda and ldc floats apart. Over the team. False where scratch
/// memory could not be had.
bool ldm_gemm_f32(const struct ldm_product *product);

/// The same with bf16 values, pairs of rows side by side. Sizes are bytes.
size_t ldm_packed_bf16_size(size_t k, size_t n);
/// weight [n, k].
void ldm_pack_bf16(void *packed, const float *weight, size_t k, size_t n);
/// a is rounded to bf16, sums are f32.
bool ldm_gemm_bf16(const struct ldm_product *product);

/// The same with 8-bit integers: each column of weights, and each row of a when it is multiplied, has a scale that takes its
/// largest magnitude to 127. Sums are exact.
size_t ldm_packed_int8_size(size_t k, size_t n);
/// weight [n, k].
void ldm_pack_int8(void *packed, const float *weight, size_t k, size_t n);
bool ldm_gemm_int8(const struct ldm_product *product);
/// n weights of one column as such integers -> their scale. What integers and scale stand for, value * scale rounded to
/// f32, gives the same integers and scale again.
float ldm_quantize(int8_t *values, const float *row, size_t n);

/// How a 3x3 convolution, stride 1, padding 1, is computed by Winograd's method (Lavin & Gray 2015, arXiv 1509.09308):
/// tiles of 2 take 4/9 of the products, tiles of 4 a quarter. They magnify rounding, tiles of 4 tenfold: bf16's would be felt,
/// that of 16-bit integers with a scale for each row and column (a tenth of bf16's) is less than bf16's in the direct way.
struct ldm_winograd_kind {
  int tile;    // 2 or 4
  bool int16;  // products of 16-bit integers, else of f32
};
/// Bytes of the transformed weights: a packed matrix [in, out] for each of 16 (36) positions.
size_t ldm_winograd_size(struct ldm_winograd_kind kind, size_t in, size_t out);
/// weight [out, in, 3, 3].
void ldm_winograd_pack(struct ldm_winograd_kind kind, void *packed, const float *weight, size_t in, size_t out);
struct ldm_convolution {
  float *out;        // [n, h, w, outs], twice the height and width with `enlarge`
  const float *x;    // [n, h, w, in]
  const void *packed;
  const float *bias;  // [outs], or null
  size_t n, h, w, in, outs;
  bool accumulate;  // onto what out holds
  bool enlarge;     // x is enlarged twofold by nearest neighbour first, without being stored
};
/// False where scratch memory could not be had.
bool ldm_winograd(struct ldm_winograd_kind kind, const struct ldm_convolution *convolution);

/// The patches of a map [n, h, w, channels] that a convolution of kernel x kernel multiplies, `top` rows and `left` columns
/// of zeros before the map: one for each of out_h x out_w pixels of an image, as rows [kernel, kernel, channels].
struct ldm_patches {
  const float *x;
  size_t h, w, channels, kernel, stride, top, left, out_h, out_w;
};
/// Writes `count` patches from number `first` on. Over the team.
void ldm_write_patches(float *out, const struct ldm_patches *map, size_t first, size_t count);
