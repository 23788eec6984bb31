// What each CPU level provides: single-threaded pieces that the entries in the other files spread over the team.
#pragma once
#include <math.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/// What a block of a product is added to.
enum { LDM_ZERO = 0, LDM_KEEP = 1, LDM_BIAS = 2 };

/// 8-bit integers: bytes in front of a row of activations, its scale; bytes of a packed panel of nr columns.
enum { LDM_INT8_HEAD = 64 };
#define LDM_INT8_PANEL(nr, quads) ((nr) * (8 + 4 * (quads)))

/// 16-bit integers: bytes of a packed panel of nr columns. Neither a row nor a column of a product is longer than LDM_INT16_NORM
/// (in the Euclidean norm), so that no sum, nor any part of one, leaves 32 bits: the square of it is below 2^31 (Cauchy-Schwarz).
#define LDM_INT16_PANEL(nr, pairs) ((nr) * 4 * (1 + (pairs)))
#define LDM_INT16_NORM 46340.f
/// What takes values to such integers: the inverse of the scale that gives them back. Rounding moves each by half at most.
static inline float ldm_int16_factor(float squares, float top, size_t n) {
  if (!(squares * 0.f == 0.f)) return squares * 0.f;  // not finite
  if (top == 0.f) return 0.f;
  float norm = squares > 1e-30f ? sqrtf(squares) : top * sqrtf((float)n), room = LDM_INT16_NORM - 1 - sqrtf((float)n);
  return fminf(room / norm, 32767.f / top);
}

/// Of tiles in Winograd's method: 6x6 input pixels.
enum { LDM_TILE_PIXELS = 36 };
/// Filters that are transformed side by side: a row of a panel, of pairs for integers.
enum { LDM_LANES = 64 };

struct ldm_level {
  size_t mr, nr;  // rows and columns of the GEMM micro-kernel
  size_t vector;  // floats in a vector: half of nr
  bool fast_bf16; // whether products of bf16 outrun those of f32
  void (*f16_to_f32)(float *, const void *, size_t);
  void (*f32_to_f16)(void *, const float *, size_t);
  void (*bf16_to_f32)(float *, const void *, size_t);
  void (*f32_to_bf16)(void *, const float *, size_t);
  void (*add)(float *, const float *, const float *, size_t);
  void (*silu)(float *, const float *, size_t);
  void (*gelu)(float *, const float *, size_t);
  void (*quick_gelu)(float *, const float *, size_t);
  void (*geglu_row)(float *out, const float *value, const float *gate, size_t d);
  void (*layer_norm_row)(float *, const float *, const float *, const float *, size_t d, float eps);
  /// Adds x - pivot and its square over `pixels` rows to sum and square, by channel.
  void (*moments)(float *sum, float *square, const float *x, const float *pivot, size_t pixels, size_t channels);
  void (*scale_shift)(float *, const float *, const float *scale, const float *shift, size_t pixels, size_t channels,
                      bool silu);
  /// c[m, nr] = a[m, k] b, plus what `begin` names: b one packed panel.
  void (*gemm_block)(float *c, size_t ldc, const float *a, size_t lda, const float *b, size_t m, size_t k,
                     unsigned begin, const float *bias);
  /// The same, a panel of one vector of values and one of gates: c[m, nr / 2] = value gelu(gate).
  void (*gemm_geglu)(float *c, size_t ldc, const float *a, size_t lda, const float *b, size_t m, size_t k,
                     const float *bias);
  /// In place on a panel of scores [keys, nr], a query a column: x -> 2^(scale x - max'), or that in bf16 as a packed
  /// panel of pairs of keys; running maximum and sum of each query updated; factors: by which its earlier results are
  /// multiplied.
  void (*softmax)(float *x, size_t keys, float scale, float *maximum, float *sum, float *factors);
  void (*softmax_bf16)(float *x, size_t keys, float scale, float *maximum, float *sum, float *factors);
  /// Each column of x [rows, nr] times its factor.
  void (*scale_columns)(float *x, size_t rows, const float *factors);
  /// n floats -> bf16, a zero behind an odd n.
  void (*round_row)(uint16_t *out, const float *x, size_t n);
  /// As gemm_block and gemm_geglu: a bf16 [m, 2 * pairs], b one packed panel of pairs.
  void (*bf16_block)(float *c, size_t ldc, const uint16_t *a, size_t lda, const uint16_t *b, size_t m, size_t pairs,
                     unsigned begin, const float *bias);
  void (*bf16_geglu)(float *c, size_t ldc, const uint16_t *a, size_t lda, const uint16_t *b, size_t m, size_t pairs,
                     const float *bias);
  /// n floats -> a scale, then at LDM_INT8_HEAD bytes round(x / scale) + 128, whole fours of them. A scale of NaN where
  /// one of them is not finite.
  void (*quantize_row)(void *out, const float *x, size_t n);
  /// As bf16_block and bf16_geglu on such rows, lda bytes apart, and a panel of ldm_pack_int8.
  void (*int8_block)(float *c, size_t ldc, const char *a, size_t lda, const char *b, size_t m, size_t quads,
                     unsigned begin, const float *bias);
  void (*int8_geglu)(float *c, size_t ldc, const char *a, size_t lda, const char *b, size_t m, size_t quads,
                     const float *bias);
  /// n floats -> integers, a zero behind an odd n; returns the scale that gives them back, NaN where one is not finite.
  float (*round_words)(int16_t *out, const float *x, size_t n);
  /// n floats times a factor for each, rounded.
  void (*scale_words)(int16_t *out, const float *x, const float *factors, size_t n);
  /// c[m, nr] = a[m, 2 * pairs] b: rows of a have a scale each; b one panel, a scale for each column in front.
  void (*int16_block)(float *c, size_t ldc, const int16_t *a, size_t lda, const float *scales, const void *b, size_t m,
                      size_t pairs);
  /// One tile's 6x6 (or 4x4) input pixels, null where missing, -> its values, `stride` apart, for `channels` channels; of
  /// an enlarged map only those outside row and column 2, the others being zero.
  struct ldm_transforms {
    void (*input)(float *out, size_t stride, const float *const *pixels, size_t channels, bool enlarged);
    /// The sums of those values -> 4x4 (or 2x2) output pixels, null where outside.
    void (*output)(float *const *pixels, const float *in, size_t stride, const float *bias, size_t channels,
                   bool accumulate, bool enlarged);
    /// LDM_LANES filters side by side, g[9], -> their values at 36 (or 16) positions.
    void (*filters)(float *u, const float *g);
  } winograd2, winograd4;
};

const struct ldm_level *ldm_level(void);
extern const struct ldm_level ldm_level_scalar, ldm_level_avx2, ldm_level_avx512, ldm_level_avx512bf16;

/// Packs a weight [n, k] over the team: calls `pack` for each panel of nr columns (the last may have fewer), whose packed
/// values are `bytes` long.
void ldm_pack_panels(void *packed, size_t bytes, const float *weight, size_t k, size_t n,
                     void (*pack)(void *panel, const float *weight, size_t k, size_t columns));

/// Memory of the calling thread for one task: valid until its next call. Null where there is none.
void *ldm_scratch(size_t bytes);
