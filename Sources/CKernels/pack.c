// Matrices cut into panels, in the order in which products read them (Goto & van de Geijn 2008): a panel is nr columns
// of b, all of k.
#include <math.h>
#include <string.h>

#include "CKernels.h"
#include "levels.h"

enum { MAX_NR = 32 };

size_t ldm_packed_size(size_t k, size_t n) {
  size_t nr = ldm_level()->nr;
  return (n + nr - 1) / nr * nr * k;
}

void ldm_pack(float *packed, const float *b, size_t k, size_t n, size_t k_stride, size_t n_stride) {
  size_t nr = ldm_level()->nr;
  for (size_t from = 0; from < n; from += nr) {
    size_t columns = n - from < nr ? n - from : nr;
    for (size_t i = 0; i < k; i++, packed += nr) {
      for (size_t j = 0; j < columns; j++) packed[j] = b[(from + j) * n_stride + i * k_stride];
      for (size_t j = columns; j < nr; j++) packed[j] = 0;
    }
  }
}

struct packing {
  char *packed;
  size_t bytes;
  const float *weight;
  size_t k, n;
  void (*pack)(void *panel, const float *weight, size_t k, size_t columns);
};

static void pack_task(void *context, size_t panel) {
  struct packing *p = context;
  size_t nr = ldm_level()->nr, from = panel * nr, columns = p->n - from < nr ? p->n - from : nr;
  p->pack(p->packed + panel * p->bytes, p->weight + from * p->k, p->k, columns);
}

void ldm_pack_panels(void *packed, size_t bytes, const float *weight, size_t k, size_t n,
                     void (*pack)(void *panel, const float *weight, size_t k, size_t columns)) {
  struct packing p = {packed, bytes, weight, k, n, pack};
  size_t nr = ldm_level()->nr;
  ldm_parallel_for((n + nr - 1) / nr, pack_task, &p);
}

static void pack_panel(void *panel, const float *weight, size_t k, size_t columns) {
  ldm_pack(panel, weight, k, columns, 1, k);
}

void ldm_pack_weight(float *packed, const float *weight, size_t k, size_t n) {
  ldm_pack_panels(packed, ldm_level()->nr * k * sizeof(float), weight, k, n, pack_panel);
}

size_t ldm_packed_bf16_size(size_t k, size_t n) {
  size_t nr = ldm_level()->nr;
  return (n + nr - 1) / nr * nr * ((k + 1) / 2) * 2 * sizeof(uint16_t);
}

static void pack_bf16_panel(void *panel, const float *weight, size_t k, size_t columns) {
  size_t nr = ldm_level()->nr;
  uint16_t *packed = panel;
  for (size_t i = 0; i < k; i += 2, packed += 2 * nr) {
    float pairs[2 * MAX_NR] = {0};
    for (size_t j = 0; j < columns; j++) {
      pairs[2 * j] = weight[j * k + i];
      pairs[2 * j + 1] = i + 1 < k ? weight[j * k + i + 1] : 0;
    }
    ldm_f32_to_bf16(packed, pairs, 2 * nr);
  }
}

void ldm_pack_bf16(void *packed, const float *weight, size_t k, size_t n) {
  ldm_pack_panels(packed, (k + 1) / 2 * 4 * ldm_level()->nr, weight, k, n, pack_bf16_panel);
}

size_t ldm_packed_int8_size(size_t k, size_t n) {
  size_t nr = ldm_level()->nr;
  return (n + nr - 1) / nr * LDM_INT8_PANEL(nr, (k + 3) / 4);
}

/// NaN for a row that is not finite, so that its scale and all products are.
static float largest(const float *row, size_t n) {
  float top = 0, fault = 0;
  for (size_t i = 0; i < n; i++) {
    top = fmaxf(top, fabsf(row[i]));
    fault += row[i] * 0.f;
  }
  return top + fault;
}

static int8_t rounded(float value, float top) { return top > 0 ? (int8_t)lrintf(value / top * 127) : 0; }

float ldm_quantize(int8_t *values, const float *row, size_t n) {
  float top = largest(row, n);
  for (size_t i = 0; i < n; i++) values[i] = rounded(row[i], top);
  return top / 127;
}

/// A scale for each column, 128 times the sum of each, rows of four values a column.
static void pack_int8_panel(void *panel, const float *weight, size_t k, size_t columns) {
  size_t nr = ldm_level()->nr;
  float *scales = panel;
  int32_t *sums = (int32_t *)panel + nr;
  int8_t *values = (int8_t *)panel + 8 * nr;
  memset(panel, 0, LDM_INT8_PANEL(nr, (k + 3) / 4));
  for (size_t j = 0; j < columns; j++) {
    const float *w = weight + j * k;
    float top = largest(w, k);
    scales[j] = top / 127;
    for (size_t i = 0; i < k; i++) {
      int8_t value = rounded(w[i], top);
      values[i / 4 * 4 * nr + 4 * j + i % 4] = value;
      sums[j] += 128 * value;
    }
  }
}

void ldm_pack_int8(void *packed, const float *weight, size_t k, size_t n) {
  ldm_pack_panels(packed, LDM_INT8_PANEL(ldm_level()->nr, (k + 3) / 4), weight, k, n, pack_int8_panel);
}
