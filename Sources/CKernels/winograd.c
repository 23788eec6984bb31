// F(4x4, 3x3): tiles of 4x4 output pixels come from 6x6 input pixels by 36 products instead of 144 (Lavin & Gray 2015,
// arXiv 1509.09308). For each of the 36 positions that is one matrix product, tiles x in times in x out.
#include <stdlib.h>
#include <string.h>

#include "CKernels.h"
#include "levels.h"

enum { POSITIONS = 36, ROWS = 96, SCRATCH = 6 << 20 };  // SCRATCH: bytes of transformed tiles at a time

size_t ldm_winograd_size(size_t in, size_t out) { return POSITIONS * ldm_packed_size(in, out); }

/// G g G' of one 3x3 filter.
static void transform_filter(float u[POSITIONS], const float g[9]) {
  static const float G[6][3] = {{.25f, 0, 0},
                                {-1.f / 6, -1.f / 6, -1.f / 6},
                                {-1.f / 6, 1.f / 6, -1.f / 6},
                                {1.f / 24, 1.f / 12, 1.f / 6},
                                {1.f / 24, -1.f / 12, 1.f / 6},
                                {0, 0, 1}};
  float t[6][3];
  for (int i = 0; i < 6; i++)
    for (int j = 0; j < 3; j++) t[i][j] = G[i][0] * g[j] + G[i][1] * g[3 + j] + G[i][2] * g[6 + j];
  for (int i = 0; i < 6; i++)
    for (int j = 0; j < 6; j++) u[i * 6 + j] = t[i][0] * G[j][0] + t[i][1] * G[j][1] + t[i][2] * G[j][2];
}

struct filters {
  float *packed;
  const float *weight;
  size_t in, out, size;
};

/// One input channel of one panel of output channels: 36 rows of nr values.
static void filter_task(void *context, size_t panel) {
  struct filters *f = context;
  size_t nr = ldm_level()->nr;
  for (size_t i = 0; i < f->in; i++)
    for (size_t j = 0; j < nr; j++) {
      size_t o = panel * nr + j;
      float u[POSITIONS] = {0};
      if (o < f->out) transform_filter(u, f->weight + (o * f->in + i) * 9);
      for (size_t p = 0; p < POSITIONS; p++) f->packed[p * f->size + (panel * f->in + i) * nr + j] = u[p];
    }
}

void ldm_winograd_pack(float *packed, const float *weight, size_t in, size_t out) {
  size_t nr = ldm_level()->nr;
  struct filters f = {packed, weight, in, out, ldm_packed_size(in, out)};
  ldm_parallel_for((out + nr - 1) / nr, filter_task, &f);
}

struct map {
  float *out;
  const float *x, *packed, *bias;
  size_t h, w, in, outs, tiles_h, tiles_w;
  bool accumulate;
  size_t first, count;     // tiles in hand
  float *inputs, *products; // [36, count, in], [36, count, wide]
  size_t wide, row_tasks;
};

/// Height, width and image of a tile's corner.
static void locate(const struct map *m, size_t tile, size_t *image, ptrdiff_t *y, ptrdiff_t *x) {
  size_t per = m->tiles_h * m->tiles_w, t = tile % per;
  *image = tile / per;
  *y = (ptrdiff_t)(t / m->tiles_w * 4);
  *x = (ptrdiff_t)(t % m->tiles_w * 4);
}

static void input_task(void *context, size_t index) {
  struct map *m = context;
  size_t image;
  ptrdiff_t y, x;
  locate(m, m->first + index, &image, &y, &x);
  const float *pixels[36];
  for (ptrdiff_t i = 0; i < 6; i++)
    for (ptrdiff_t j = 0; j < 6; j++) {
      ptrdiff_t r = y + i - 1, c = x + j - 1;
      bool inside = r >= 0 && c >= 0 && r < (ptrdiff_t)m->h && c < (ptrdiff_t)m->w;
      pixels[i * 6 + j] = inside ? m->x + ((image * m->h + (size_t)r) * m->w + (size_t)c) * m->in : NULL;
    }
  ldm_level()->winograd_input(m->inputs + index * m->in, m->count * m->in, pixels, m->in);
}

static void product_task(void *context, size_t task) {
  struct map *m = context;
  const struct ldm_level *level = ldm_level();
  size_t position = task / m->row_tasks, row = task % m->row_tasks * ROWS;
  size_t rows = m->count - row < ROWS ? m->count - row : ROWS;
  const float *a = m->inputs + (position * m->count + row) * m->in;
  const float *b = m->packed + position * m->wide * m->in;
  float *c = m->products + (position * m->count + row) * m->wide;
  for (size_t j = 0; j < m->wide; j += level->nr)
    level->gemm_block(c + j, m->wide, a, m->in, b + j * m->in, rows, m->in, false);
}

static void output_task(void *context, size_t index) {
  struct map *m = context;
  size_t image;
  ptrdiff_t y, x;
  locate(m, m->first + index, &image, &y, &x);
  float *pixels[16];
  for (size_t i = 0; i < 4; i++)
    for (size_t j = 0; j < 4; j++) {
      size_t r = (size_t)y + i, c = (size_t)x + j;
      pixels[i * 4 + j] = r < m->h && c < m->w ? m->out + ((image * m->h + r) * m->w + c) * m->outs : NULL;
    }
  ldm_level()->winograd_output(pixels, m->products + index * m->wide, m->count * m->wide, m->bias, m->outs,
                               m->accumulate);
}

bool ldm_winograd(float *out, const float *x, const float *packed, const float *bias, size_t n, size_t h, size_t w,
                  size_t in, size_t outs, bool accumulate) {
  size_t nr = ldm_level()->nr, wide = (outs + nr - 1) / nr * nr;
  struct map m = {.out = out, .x = x, .packed = packed, .bias = bias, .h = h, .w = w, .in = in, .outs = outs,
                  .tiles_h = (h + 3) / 4, .tiles_w = (w + 3) / 4, .accumulate = accumulate, .wide = wide};
  size_t tiles = n * m.tiles_h * m.tiles_w, each = POSITIONS * (in + wide) * sizeof(float);
  size_t at_once = SCRATCH / each / ROWS * ROWS;
  at_once = at_once < ROWS ? ROWS : at_once;
  at_once = at_once < tiles ? at_once : tiles;
  m.inputs = malloc(at_once * each);
  if (m.inputs == NULL) return false;
  for (m.first = 0; m.first < tiles; m.first += at_once) {
    m.count = tiles - m.first < at_once ? tiles - m.first : at_once;
    m.products = m.inputs + POSITIONS * m.count * in;
    m.row_tasks = (m.count + ROWS - 1) / ROWS;
    ldm_parallel_for(m.count, input_task, &m);
    ldm_parallel_for(POSITIONS * m.row_tasks, product_task, &m);
    ldm_parallel_for(m.count, output_task, &m);
  }
  free(m.inputs);
  return true;
}
