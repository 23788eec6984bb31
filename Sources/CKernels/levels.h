// What each CPU level provides: single-threaded pieces that the entries in the other files spread over the team.
#pragma once
#include <stdbool.h>
#include <stddef.h>

struct ldm_level {
  size_t mr, nr;  // rows and columns of the GEMM micro-kernel
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
  /// c[m, nr * panels] (=|+=) a[m, k] b: all rows of one block of packed panels `panel_stride` floats apart.
  void (*gemm_block)(float *c, size_t ldc, const float *a, size_t lda, const float *b, size_t m, size_t k,
                     bool accumulate);
  /// In place on a row of n scores: x -> exp(scale x - max'), running maximum and sum updated; returns the factor by
  /// which earlier results must be multiplied.
  float (*softmax_row)(float *x, size_t n, float scale, float *maximum, float *sum);
  void (*scale_row)(float *x, float factor, size_t n);
  /// 4x4 output tiles: 6x6 pixels -> 36 values, for `channels` channels. Missing pixels are null.
  void (*winograd_input)(float *out, size_t out_stride, const float *const pixels[36], size_t channels);
  void (*winograd_output)(float *const pixels[16], const float *in, size_t in_stride, const float *bias,
                          size_t channels, bool accumulate);
};

const struct ldm_level *ldm_level(void);
extern const struct ldm_level ldm_level_scalar, ldm_level_avx2, ldm_level_avx512;
