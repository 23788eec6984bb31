// Products of rounded values: bf16, summed in f32; or 8-bit integers, summed in 32 bits. Activations stay f32 in memory: each
// task rounds its block of them once, which costs a few hundredths of the products.
#include <math.h>
#include <string.h>

#include "CKernels.h"
#include "levels.h"

/// Rows, depth (in pairs of bf16) and panels of one task: a block of a stays in the second-level cache. PAD: bytes between
/// rows of it, so that they do not fall into the same few sets of a cache.
enum { ROWS = 96, DEPTH = 640, PANELS = 16, MAX_MR = 12, MAX_NR = 32, PAD = 64 };

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

static float largest(const float *row, size_t n) {
  float top = 0;
  for (size_t i = 0; i < n; i++) top = fmaxf(top, fabsf(row[i]));
  return top;
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

struct product {
  struct ldm_product a;
  size_t group, width;                     // values of k that a lane takes; bytes of one
  size_t groups, depth;                    // of k; at a time
  size_t head, panel;                      // bytes in front of a row of a; of a panel of b
  size_t row_tasks, panels;                // panels: of a task
  bool int8, failed;
};

static void block(const struct product *p, float *c, size_t ldc, const char *a, size_t lda, const char *b, size_t m,
                  size_t depth, unsigned begin, const float *bias) {
  const struct ldm_level *level = ldm_level();
  if (p->int8)
    level->int8_block(c, ldc, a, lda, b, m, depth, begin, bias);
  else
    level->bf16_block(c, ldc, (const uint16_t *)a, lda / 2, (const uint16_t *)b, m, depth, begin, bias);
}

static void geglu(const struct product *p, float *c, const char *a, size_t lda, const char *b, size_t m, size_t depth,
                  const float *bias) {
  const struct ldm_level *level = ldm_level();
  if (p->int8)
    level->int8_geglu(c, p->a.ldc, a, lda, b, m, depth, bias);
  else
    level->bf16_geglu(c, p->a.ldc, (const uint16_t *)a, lda / 2, (const uint16_t *)b, m, depth, bias);
}

/// One panel whose last columns lie outside c: computed aside and copied.
static void narrow_panel(const struct product *p, float *c, const char *a, size_t lda, const char *b, size_t m,
                         size_t depth, size_t columns, unsigned begin, const float *bias) {
  const struct ldm_level *level = ldm_level();
  float aside[MAX_MR * MAX_NR], offsets[MAX_NR] = {0};
  if (begin & LDM_BIAS) memcpy(offsets, bias, columns * sizeof(float));
  for (size_t r = 0; r < m; r += level->mr) {
    size_t rows = m - r < level->mr ? m - r : level->mr, ldc = p->a.ldc;
    if (begin & LDM_KEEP)
      for (size_t i = 0; i < rows; i++) memcpy(aside + i * level->nr, c + (r + i) * ldc, columns * sizeof(float));
    block(p, aside, level->nr, a + r * lda, lda, b, rows, depth, begin, offsets);
    for (size_t i = 0; i < rows; i++) memcpy(c + (r + i) * ldc, aside + i * level->nr, columns * sizeof(float));
  }
}

static void panels(const struct product *p, const char *a, size_t lda, size_t row, size_t m, size_t from, size_t to,
                   size_t deep, size_t depth) {
  const struct ldm_product *g = &p->a;
  size_t nr = ldm_level()->nr;
  unsigned begin = deep > 0 || g->accumulate ? LDM_KEEP : LDM_ZERO;
  if (deep == 0 && g->bias != NULL) begin |= LDM_BIAS;
  for (size_t panel = from; panel < to; panel++) {
    size_t column = panel * nr;
    const char *b = (const char *)g->packed + panel * p->panel + deep * p->group * p->width * nr;
    const float *bias = g->bias != NULL ? g->bias + column : NULL;
    if (g->geglu)
      geglu(p, g->c + row * g->ldc + column / 2, a, lda, b, m, depth, bias);
    else if (g->n - column >= nr)
      block(p, g->c + row * g->ldc + column, g->ldc, a, lda, b, m, depth, begin, bias);
    else
      narrow_panel(p, g->c + row * g->ldc + column, a, lda, b, m, depth, g->n - column, begin, bias);
  }
}

static void product_task(void *context, size_t task) {
  struct product *p = context;
  const struct ldm_product *g = &p->a;
  const struct ldm_level *level = ldm_level();
  size_t row = task % p->row_tasks * ROWS, m = g->m - row < ROWS ? g->m - row : ROWS;
  size_t from = task / p->row_tasks * p->panels, all = (g->n + level->nr - 1) / level->nr;
  size_t to = from + p->panels < all ? from + p->panels : all;
  size_t lda = p->head + p->group * p->width * p->depth + PAD;
  char *a = ldm_scratch(ROWS * lda);
  if (a == NULL) {
    __atomic_store_n(&p->failed, true, __ATOMIC_RELAXED);
    return;
  }
  for (size_t deep = 0; deep < p->groups; deep += p->depth) {
    size_t depth = p->groups - deep < p->depth ? p->groups - deep : p->depth, first = p->group * deep;
    size_t values = g->k - first < p->group * depth ? g->k - first : p->group * depth;
    for (size_t r = 0; r < m; r++) {
      const float *x = g->a + (row + r) * g->lda + first;
      if (p->int8)
        level->quantize_row(a + r * lda, x, values);
      else
        level->round_row((uint16_t *)(a + r * lda), x, values);
    }
    panels(p, a, lda, row, m, from, to, deep, depth);
  }
}

static bool multiply(struct product *p) {
  const struct ldm_product *g = &p->a;
  ldm_count_products((uint64_t)g->m * g->n * g->k);
  p->row_tasks = (g->m + ROWS - 1) / ROWS;
  size_t all = (g->n + ldm_level()->nr - 1) / ldm_level()->nr, wished = 4 * (size_t)ldm_threads();
  for (p->panels = PANELS; p->panels > 1 && p->row_tasks * ((all + p->panels - 1) / p->panels) < wished;)
    p->panels /= 2;
  ldm_parallel_for(p->row_tasks * ((all + p->panels - 1) / p->panels), product_task, p);
  return !p->failed;
}

bool ldm_gemm_bf16(const struct ldm_product *g) {
  struct product p = {.a = *g, .group = 2, .width = 2, .groups = (g->k + 1) / 2};
  p.depth = g->geglu || p.groups < DEPTH ? p.groups : DEPTH;
  p.panel = p.groups * 4 * ldm_level()->nr;
  return multiply(&p);
}

/// Rows are taken whole: each has one scale, and its sums stay integers to the end.
bool ldm_gemm_int8(const struct ldm_product *g) {
  struct product p = {.a = *g, .group = 4, .width = 1, .groups = (g->k + 3) / 4, .head = LDM_INT8_HEAD, .int8 = true};
  p.depth = p.groups;
  p.panel = LDM_INT8_PANEL(ldm_level()->nr, p.groups);
  return multiply(&p);
}
