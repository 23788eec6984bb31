// Matrix products on packed panels (Goto & van de Geijn 2008): a panel is nr columns of b, all of k, in reading order.
#include <string.h>

#include "CKernels.h"
#include "levels.h"

/// Rows of a, depth and panels that one task works on: a block of a stays in the second-level cache, a panel in the
/// first. ROWS is a multiple of every level's mr.
enum { ROWS = 96, DEPTH = 320, PANELS = 16, MAX_NR = 32, MAX_MR = 12 };

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

struct product {
  float *c;
  const float *a, *b, *bias;
  size_t ldc, lda, m, n, k, row_tasks;
  bool accumulate;
};

/// One panel whose last columns lie outside c: computed aside and copied.
static void narrow_panel(const struct product *p, float *c, const float *a, const float *b, size_t m, size_t depth,
                         size_t columns, bool accumulate) {
  const struct ldm_level *level = ldm_level();
  float aside[MAX_MR * MAX_NR];
  for (size_t r = 0; r < m; r += level->mr) {
    size_t rows = m - r < level->mr ? m - r : level->mr;
    level->gemm_block(aside, level->nr, a + r * p->lda, p->lda, b, rows, depth, false);
    for (size_t i = 0; i < rows; i++)
      for (size_t j = 0; j < columns; j++) {
        float *to = c + (r + i) * p->ldc + j;
        *to = accumulate ? *to + aside[i * level->nr + j] : aside[i * level->nr + j];
      }
  }
}

static void begin_rows(const struct product *p, size_t row, size_t m, size_t column, size_t columns) {
  for (size_t r = row; r < row + m; r++) {
    float *c = p->c + r * p->ldc + column;
    if (p->accumulate)
      ldm_level()->add(c, c, p->bias + column, columns);
    else
      memcpy(c, p->bias + column, columns * sizeof(float));
  }
}

static void product_task(void *context, size_t task) {
  struct product *p = context;
  const struct ldm_level *level = ldm_level();
  size_t row = task % p->row_tasks * ROWS, m = p->m - row < ROWS ? p->m - row : ROWS;
  size_t first = task / p->row_tasks * PANELS * level->nr;
  size_t last = first + PANELS * level->nr < p->n ? first + PANELS * level->nr : p->n;
  if (p->bias != NULL) begin_rows(p, row, m, first, last - first);
  for (size_t deep = 0; deep < p->k; deep += DEPTH) {
    size_t depth = p->k - deep < DEPTH ? p->k - deep : DEPTH;
    bool accumulate = p->accumulate || p->bias != NULL || deep > 0;
    const float *a = p->a + row * p->lda + deep;
    for (size_t column = first; column < last; column += level->nr) {
      const float *b = p->b + column * p->k + deep * level->nr;
      float *c = p->c + row * p->ldc + column;
      if (p->n - column >= level->nr)
        level->gemm_block(c, p->ldc, a, p->lda, b, m, depth, accumulate);
      else
        narrow_panel(p, c, a, b, m, depth, p->n - column, accumulate);
    }
  }
}

void ldm_gemm(float *c, size_t ldc, const float *a, size_t lda, const float *packed, const float *bias, size_t m,
              size_t n, size_t k, bool accumulate) {
  ldm_count_products((uint64_t)m * n * k);
  size_t row_tasks = (m + ROWS - 1) / ROWS, width = PANELS * ldm_level()->nr;
  struct product p = {c, a, packed, bias, ldc, lda, m, n, k, row_tasks, accumulate};
  ldm_parallel_for(row_tasks * ((n + width - 1) / width), product_task, &p);
}
