// Products of bf16 values summed in f32. Activations stay f32 in memory: each task rounds its block of them once, which
// costs a hundredth of the products.
#include <string.h>

#include "CKernels.h"
#include "levels.h"

/// Rows, depth (in pairs) and panels of one task: a block of a stays in the second-level cache.
enum { ROWS = 96, DEPTH = 640, PANELS = 16, MAX_MR = 12, MAX_NR = 32, PAD = 32 };

size_t ldm_packed_bf16_size(size_t k, size_t n) {
  size_t nr = ldm_level()->nr;
  return (n + nr - 1) / nr * nr * ((k + 1) / 2) * 2 * sizeof(uint16_t);
}

void ldm_pack_bf16_panels(uint16_t *packed, const float *b, size_t k, size_t n, size_t k_stride, size_t n_stride,
                          size_t width) {
  for (size_t from = 0; from < n; from += width) {
    size_t columns = n - from < width ? n - from : width;
    for (size_t i = 0; i < k; i += 2, packed += 2 * width) {
      float pairs[2 * 3 * 16] = {0};
      for (size_t j = 0; j < columns; j++) {
        const float *p = b + (from + j) * n_stride + i * k_stride;
        pairs[2 * j] = p[0];
        pairs[2 * j + 1] = i + 1 < k ? p[k_stride] : 0;
      }
      ldm_f32_to_bf16(packed, pairs, 2 * width);
    }
  }
}

struct packing {
  uint16_t *packed;
  const float *b;
  size_t k, n;
};

static void pack_task(void *context, size_t panel) {
  struct packing *p = context;
  size_t nr = ldm_level()->nr, from = panel * nr, columns = p->n - from < nr ? p->n - from : nr;
  ldm_pack_bf16_panels(p->packed + from * ((p->k + 1) / 2) * 2, p->b + from * p->k, p->k, columns, 1, p->k, nr);
}

void ldm_pack_bf16(void *packed, const float *weight, size_t k, size_t n) {
  struct packing p = {packed, weight, k, n};
  size_t nr = ldm_level()->nr;
  ldm_parallel_for((n + nr - 1) / nr, pack_task, &p);
}

struct product {
  struct ldm_product a;
  const uint16_t *b;
  size_t pairs, depth, row_tasks, panels;  // depth: pairs at a time; panels: of a task
  bool failed;
};

/// One panel whose last columns lie outside c: computed aside and copied.
static void narrow_panel(float *c, size_t ldc, const uint16_t *a, size_t lda, const uint16_t *b, size_t m, size_t pairs,
                         size_t columns, unsigned begin, const float *bias) {
  const struct ldm_level *level = ldm_level();
  float aside[MAX_MR * MAX_NR], offsets[MAX_NR] = {0};
  if (begin & LDM_BIAS) memcpy(offsets, bias, columns * sizeof(float));
  for (size_t r = 0; r < m; r += level->mr) {
    size_t rows = m - r < level->mr ? m - r : level->mr;
    if (begin & LDM_KEEP)
      for (size_t i = 0; i < rows; i++) memcpy(aside + i * level->nr, c + (r + i) * ldc, columns * sizeof(float));
    level->bf16_block(aside, level->nr, a + r * lda, lda, b, rows, pairs, begin, offsets);
    for (size_t i = 0; i < rows; i++) memcpy(c + (r + i) * ldc, aside + i * level->nr, columns * sizeof(float));
  }
}

static void panels(const struct product *p, const uint16_t *a, size_t lda, size_t row, size_t m, size_t from,
                   size_t to, size_t deep, size_t depth) {
  const struct ldm_level *level = ldm_level();
  const struct ldm_product *g = &p->a;
  unsigned begin = deep > 0 || g->accumulate ? LDM_KEEP : LDM_ZERO;
  if (deep == 0 && g->bias != NULL) begin |= LDM_BIAS;
  for (size_t panel = from; panel < to; panel++) {
    size_t column = panel * level->nr;
    const uint16_t *b = p->b + (panel * p->pairs + deep) * 2 * level->nr;
    const float *bias = g->bias != NULL ? g->bias + column : NULL;
    if (g->geglu)
      level->bf16_geglu(g->c + row * g->ldc + column / 2, g->ldc, a, lda, b, m, depth, bias);
    else if (g->n - column >= level->nr)
      level->bf16_block(g->c + row * g->ldc + column, g->ldc, a, lda, b, m, depth, begin, bias);
    else
      narrow_panel(g->c + row * g->ldc + column, g->ldc, a, lda, b, m, depth, g->n - column, begin, bias);
  }
}

static void product_task(void *context, size_t task) {
  struct product *p = context;
  const struct ldm_product *g = &p->a;
  size_t row = task % p->row_tasks * ROWS, m = g->m - row < ROWS ? g->m - row : ROWS;
  size_t from = task / p->row_tasks * p->panels, all = (g->n + ldm_level()->nr - 1) / ldm_level()->nr;
  size_t to = from + p->panels < all ? from + p->panels : all, lda = 2 * p->depth + PAD;
  uint16_t *a = ldm_scratch(ROWS * lda * sizeof(uint16_t));
  if (a == NULL) {
    __atomic_store_n(&p->failed, true, __ATOMIC_RELAXED);
    return;
  }
  for (size_t deep = 0; deep < p->pairs; deep += p->depth) {
    size_t depth = p->pairs - deep < p->depth ? p->pairs - deep : p->depth;
    size_t values = g->k - 2 * deep < 2 * depth ? g->k - 2 * deep : 2 * depth;
    for (size_t r = 0; r < m; r++)
      ldm_level()->round_row(a + r * lda, g->a + (row + r) * g->lda + 2 * deep, values, 1.f);
    panels(p, a, lda, row, m, from, to, deep, depth);
  }
}

bool ldm_gemm_bf16(const struct ldm_product *g) {
  ldm_count_products((uint64_t)g->m * g->n * g->k);
  struct product p = {.a = *g, .b = g->packed, .pairs = (g->k + 1) / 2, .row_tasks = (g->m + ROWS - 1) / ROWS};
  p.depth = g->geglu || p.pairs < DEPTH ? p.pairs : DEPTH;
  size_t all = (g->n + ldm_level()->nr - 1) / ldm_level()->nr, wished = 4 * (size_t)ldm_threads();
  for (p.panels = PANELS; p.panels > 1 && p.row_tasks * ((all + p.panels - 1) / p.panels) < wished;) p.panels /= 2;
  ldm_parallel_for(p.row_tasks * ((all + p.panels - 1) / p.panels), product_task, &p);
  return !p.failed;
}
