#include <math.h>
#include <stdlib.h>

#include "CKernels.h"
#include "levels.h"

/// Pixels a task. Fixed, so that sums do not depend on the number of threads.
enum { PIXELS = 256 };

struct norm {
  float *out;
  const float *x, *weight, *bias;
  size_t n, pixels, channels, groups, chunks;
  float eps;
  bool silu;
  float *sums;          // [n, chunks, 2, channels]: sum and square sum of x - pivot
  float *scale, *shift; // [n, channels]
  float *moments;       // [n, groups, 2]: mean and reciprocal deviation; NULL where nobody asks
  bool given;
};

/// Sums are taken about the first pixel's values: the variance would cancel where a channel's mean is large.
static void moments_task(void *context, size_t task) {
  struct norm *t = context;
  size_t c = t->channels, image = task / t->chunks, chunk = task % t->chunks;
  const float *first = t->x + image * t->pixels * c;
  size_t from = chunk * PIXELS, count = t->pixels - from < PIXELS ? t->pixels - from : PIXELS;
  float *sums = t->sums + task * 2 * c;
  for (size_t i = 0; i < 2 * c; i++) sums[i] = 0;
  ldm_level()->moments(sums, sums + c, first + from * c, first, count, c);
}

/// Mean and reciprocal deviation of a group of one image, from the chunks' sums (Chan et al.'s pairwise update).
static void join(const struct norm *t, size_t image, size_t group, double *mean, double *scale) {
  size_t c = t->channels, width = c / t->groups;
  const float *pivot = t->x + image * t->pixels * c, *sums = t->sums + image * t->chunks * 2 * c;
  double count = (double)t->pixels, spread = 0, means = 0;
  for (size_t pass = 0; pass < 2; pass++) {
    for (size_t j = group * width; j < (group + 1) * width; j++) {
      double sum = 0, square = 0;
      for (size_t k = 0; k < t->chunks; k++) {
        sum += sums[k * 2 * c + j];
        square += sums[k * 2 * c + c + j];
      }
      double own = pivot[j] + sum / count;
      if (pass == 0)
        means += own;
      else
        spread += square - sum * sum / count + count * (own - *mean) * (own - *mean);
    }
    *mean = means / (double)width;
  }
  *scale = 1 / sqrt(spread / (count * (double)width) + t->eps);
}

/// A scale and a shift for each channel of one image.
static void weigh(struct norm *t, size_t image) {
  size_t c = t->channels, width = c / t->groups;
  for (size_t group = 0; group < t->groups; group++) {
    float *moments = t->moments == NULL ? NULL : t->moments + (image * t->groups + group) * 2;
    double mean = 0, scale = 0;
    if (t->given) {
      mean = moments[0];
      scale = moments[1];
    } else {
      join(t, image, group, &mean, &scale);
    }
    if (moments != NULL) {
      moments[0] = (float)mean;
      moments[1] = (float)scale;
    }
    for (size_t j = group * width; j < (group + 1) * width; j++) {
      t->scale[image * c + j] = (float)(scale * t->weight[j]);
      t->shift[image * c + j] = (float)(t->bias[j] - mean * scale * t->weight[j]);
    }
  }
}

static void apply_task(void *context, size_t task) {
  struct norm *t = context;
  size_t c = t->channels, image = task / t->chunks, from = (task % t->chunks) * PIXELS;
  size_t count = t->pixels - from < PIXELS ? t->pixels - from : PIXELS, offset = (image * t->pixels + from) * c;
  ldm_level()->scale_shift(t->out + offset, t->x + offset, t->scale + image * c, t->shift + image * c, count, c,
                           t->silu);
}

void ldm_group_norm(float *out, const float *x, const float *weight, const float *bias, size_t n, size_t pixels,
                    size_t channels, size_t groups, float eps, bool silu, float *moments, bool given) {
  size_t chunks = (pixels + PIXELS - 1) / PIXELS;
  float *memory = malloc((n * chunks * 2 + n * 2) * channels * sizeof(float));
  if (memory == NULL) abort();  // a few kilobytes
  struct norm t = {out, x, weight, bias, n, pixels, channels, groups, chunks, eps, silu, memory,
                   memory + n * chunks * 2 * channels, memory + (n * chunks * 2 + n) * channels, moments, given};
  if (!given) ldm_parallel_for(n * chunks, moments_task, &t);
  for (size_t image = 0; image < n; image++) weigh(&t, image);
  ldm_parallel_for(n * chunks, apply_task, &t);
  free(memory);
}

struct rows {
  float *out;
  const float *x, *weight, *bias;
  size_t rows, d;
  float eps;
};

enum { ROWS = 16 };

static void layer_norm_task(void *context, size_t task) {
  struct rows *t = context;
  for (size_t r = task * ROWS; r < (task + 1) * ROWS && r < t->rows; r++)
    ldm_level()->layer_norm_row(t->out + r * t->d, t->x + r * t->d, t->weight, t->bias, t->d, t->eps);
}

void ldm_layer_norm(float *out, const float *x, const float *weight, const float *bias, size_t rows, size_t d,
                    float eps) {
  struct rows t = {out, x, weight, bias, rows, d, eps};
  ldm_parallel_for((rows + ROWS - 1) / ROWS, layer_norm_task, &t);
}
