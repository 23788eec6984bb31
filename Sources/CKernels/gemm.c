// Matrix products on packed panels: of f32; of bf16, summed in f32; of 8-bit integers, summed in 32 bits. Activations
// stay f32 in memory: where products are of rounded values, each task rounds its block of them once, which costs a few
// hundredths.
#include <string.h>

#include "CKernels.h"
#include "levels.h"

/// Rows, depth (in pairs of bf16; in f32) and panels of one task: a block of a stays in the second-level cache. PAD:
/// bytes between rows of it, so that they do not fall into the same few sets of a cache.
enum { ROWS = 96, DEPTH = 640, DEPTH_F32 = 320, PANELS = 16, MAX_MR = 12, MAX_NR = 32, PAD = 64 };

struct product {
  struct ldm_product a;
  size_t group, width;                     // values of k that a lane takes; bytes of one
  size_t groups, depth;                    // of k; at a time
  size_t head, panel;                      // bytes in front of a row of a; of a panel of b
  size_t row_tasks, panels;                // panels: of a task
  enum { F32, BF16, INT8 } format;
  bool failed;
};

static void block(const struct product *p, float *c, size_t ldc, const char *a, size_t lda, const char *b, size_t m,
                  size_t depth, unsigned begin, const float *bias) {
  const struct ldm_level *level = ldm_level();
  switch (p->format) {
    case F32:
      level->gemm_block(c, ldc, (const float *)a, lda / 4, (const float *)b, m, depth, begin, bias);
      break;
    case BF16:
      level->bf16_block(c, ldc, (const uint16_t *)a, lda / 2, (const uint16_t *)b, m, depth, begin, bias);
      break;
    case INT8:
      level->int8_block(c, ldc, a, lda, b, m, depth, begin, bias);
  }
}

static void geglu(const struct product *p, float *c, const char *a, size_t lda, const char *b, size_t m, size_t depth,
                  const float *bias) {
  const struct ldm_level *level = ldm_level();
  switch (p->format) {
    case F32: level->gemm_geglu(c, p->a.ldc, (const float *)a, lda / 4, (const float *)b, m, depth, bias); break;
    case BF16: level->bf16_geglu(c, p->a.ldc, (const uint16_t *)a, lda / 2, (const uint16_t *)b, m, depth, bias); break;
    case INT8: level->int8_geglu(c, p->a.ldc, a, lda, b, m, depth, bias);
  }
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

/// A task's rows as the products take them, `first`... of each: f32 where they lie.
static const char *rounded(struct product *p, size_t row, size_t m, size_t first, size_t values, size_t *lda) {
  const struct ldm_product *g = &p->a;
  const float *x = g->a + row * g->lda + first;
  if (p->format == F32) {
    *lda = g->lda * sizeof *x;
    return (const char *)x;
  }
  *lda = p->head + p->group * p->width * p->depth + PAD;
  char *a = ldm_scratch(ROWS * *lda);
  for (size_t r = 0; a != NULL && r < m; r++, x += g->lda)
    if (p->format == INT8)
      ldm_level()->quantize_row(a + r * *lda, x, values);
    else
      ldm_level()->round_row((uint16_t *)(a + r * *lda), x, values);
  return a;
}

static void product_task(void *context, size_t task) {
  struct product *p = context;
  const struct ldm_product *g = &p->a;
  size_t row = task % p->row_tasks * ROWS, m = g->m - row < ROWS ? g->m - row : ROWS, nr = ldm_level()->nr;
  size_t from = task / p->row_tasks * p->panels, all = (g->n + nr - 1) / nr;
  size_t to = from + p->panels < all ? from + p->panels : all;
  for (size_t deep = 0; deep < p->groups; deep += p->depth) {
    size_t depth = p->groups - deep < p->depth ? p->groups - deep : p->depth, first = p->group * deep, lda;
    size_t values = g->k - first < p->group * depth ? g->k - first : p->group * depth;
    const char *a = rounded(p, row, m, first, values, &lda);
    if (a == NULL) {
      __atomic_store_n(&p->failed, true, __ATOMIC_RELAXED);
      return;
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

bool ldm_gemm_f32(const struct ldm_product *g) {
  struct product p = {.a = *g, .group = 1, .width = 4, .groups = g->k, .format = F32};
  p.depth = g->geglu || p.groups < DEPTH_F32 ? p.groups : DEPTH_F32;
  p.panel = p.groups * 4 * ldm_level()->nr;
  return multiply(&p);
}

bool ldm_gemm_bf16(const struct ldm_product *g) {
  struct product p = {.a = *g, .group = 2, .width = 2, .groups = (g->k + 1) / 2, .format = BF16};
  p.depth = g->geglu || p.groups < DEPTH ? p.groups : DEPTH;
  p.panel = p.groups * 4 * ldm_level()->nr;
  return multiply(&p);
}

/// Rows are taken whole: each has one scale, and its sums stay integers to the end.
bool ldm_gemm_int8(const struct ldm_product *g) {
  struct product p = {.a = *g, .group = 4, .width = 1, .groups = (g->k + 3) / 4, .head = LDM_INT8_HEAD, .format = INT8};
  p.depth = p.groups;
  p.panel = LDM_INT8_PANEL(ldm_level()->nr, p.groups);
  return multiply(&p);
}
