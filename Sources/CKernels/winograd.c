// Winograd's convolutions (Lavin & Gray 2015, arXiv 1509.09308): a tile of 2x2 (4x4) output pixels comes from 4x4 (6x6)
// input pixels by 16 (36) products instead of 36 (144): for each position one matrix product, tiles x in times in x out.
//
// Of a map enlarged twofold by nearest neighbour, the values at row and column 2 of a tile are zero (its inputs there are
// differences of a pixel and its copy), so 9 (25) products are left: the enlargement pays for itself.
#include <stdlib.h>
#include <string.h>

#include "winograd.h"

/// ROWS: tiles that one task multiplies. CHUNK: bytes of transformed input at a time, to stay in the last-level cache.
/// PAD: bytes between one position's matrix and the next: without them all fall into the same few sets of a cache.
enum { ROWS = 48, CHUNK = 8 << 20, PANELS = 2, PAD = 64 };

/// Positions of an enlarged map's products: all rows and columns but number 2.
static const uint8_t live2[9] = {0, 1, 3, 4, 5, 7, 12, 13, 15};
static const uint8_t live4[25] = {0,  1,  3,  4,  5,  6,  7,  9,  10, 11, 18, 19, 21,
                                  22, 23, 24, 25, 27, 28, 29, 30, 31, 33, 34, 35};

struct map {
  struct ldm_convolution a;
  struct ldm_winograd_kind kind;
  size_t h, w, tiles_h, tiles_w;  // of the output
  size_t positions, matrix;       // multiplied positions; bytes of one's weights
  size_t first, count;            // tiles in hand
  size_t depth, element;          // values of a tile's row of inputs, bytes of one
  size_t panel;                   // bytes of a panel of weights
  char *inputs;                   // [positions, count, depth], positions `plane` bytes apart
  size_t plane;
  float *scales;                  // [positions, count] of integers
  size_t row_tasks, columns;      // tasks over the tiles; columns a task
  bool failed;
};

/// Height, width and image of a tile's corner.
static void locate(const struct map *m, size_t tile, size_t *image, ptrdiff_t *y, ptrdiff_t *x) {
  size_t per = m->tiles_h * m->tiles_w, t = tile % per;
  *image = tile / per;
  *y = (ptrdiff_t)(t / m->tiles_w) * m->kind.tile;
  *x = (ptrdiff_t)(t % m->tiles_w) * m->kind.tile;
}

/// A tile's values: f32 straight to their places; integers by way of scratch, since their scale comes from all channels.
static void transform_input(struct map *m, size_t index, const float *const *pixels) {
  const struct ldm_transforms *transforms = ldm_winograd_transforms(&m->kind);
  char *inputs = m->inputs + index * m->depth * m->element;
  if (!m->kind.int16) {
    transforms->input((float *)inputs, m->plane / sizeof(float), pixels, m->a.in, m->a.enlarge);
    return;
  }
  size_t stride = m->depth + PAD / sizeof(float);
  float *values = ldm_scratch(m->positions * stride * sizeof(float));
  if (values == NULL) {
    __atomic_store_n(&m->failed, true, __ATOMIC_RELAXED);
    return;
  }
  transforms->input(values, stride, pixels, m->a.in, m->a.enlarge);
  const struct ldm_level *level = ldm_level();
  for (size_t p = 0; p < m->positions; p++)
    m->scales[p * m->count + index] =
        level->round_words((int16_t *)(inputs + p * m->plane), values + p * stride, m->a.in);
}

static void input_task(void *context, size_t index) {
  struct map *m = context;
  const struct ldm_convolution *a = &m->a;
  size_t image;
  ptrdiff_t y, x, n = (ptrdiff_t)ldm_winograd_side(&m->kind), scale = a->enlarge ? 2 : 1;
  locate(m, m->first + index, &image, &y, &x);
  const float *pixels[LDM_TILE_PIXELS];
  for (ptrdiff_t i = 0; i < n; i++)
    for (ptrdiff_t j = 0; j < n; j++) {
      ptrdiff_t r = y + i - 1, c = x + j - 1;
      bool inside = r >= 0 && c >= 0 && r < (ptrdiff_t)m->h && c < (ptrdiff_t)m->w;
      pixels[i * n + j] =
          inside ? a->x + ((image * a->h + (size_t)(r / scale)) * a->w + (size_t)(c / scale)) * a->in : NULL;
    }
  transform_input(m, index, pixels);
}

/// Floats between one position's sums and the next.
static size_t sums_plane(const struct map *m) { return ROWS * m->columns + PAD / sizeof(float); }

/// ROWS tiles times a few panels at every position, into `products` [positions, ROWS, columns].
static void multiply(const struct map *m, float *products, size_t row, size_t rows, size_t column, size_t columns) {
  const struct ldm_level *level = ldm_level();
  const uint8_t *live = m->kind.tile == 2 ? live2 : live4;
  for (size_t p = 0; p < m->positions; p++) {
    size_t position = m->a.enlarge ? live[p] : p;
    const char *a = m->inputs + p * m->plane + row * m->depth * m->element;
    for (size_t j = 0; j < columns; j += level->nr) {
      const char *b = (const char *)m->a.packed + position * m->matrix + (column + j) / level->nr * m->panel;
      float *c = products + p * sums_plane(m) + j;
      if (m->kind.int16)
        level->int16_block(c, m->columns, (const int16_t *)a, m->depth, m->scales + p * m->count + row, b, rows,
                           m->depth / 2);
      else
        level->gemm_block(c, m->columns, (const float *)a, m->depth, (const float *)b, rows, m->depth, LDM_ZERO,
                          NULL);
    }
  }
}

static void output_tiles(const struct map *m, const float *products, size_t row, size_t rows, size_t column,
                         size_t columns) {
  const struct ldm_convolution *a = &m->a;
  const struct ldm_transforms *transforms = ldm_winograd_transforms(&m->kind);
  size_t tile = (size_t)m->kind.tile;
  for (size_t t = 0; t < rows; t++) {
    size_t image;
    ptrdiff_t y, x;
    locate(m, m->first + row + t, &image, &y, &x);
    float *pixels[16];
    for (size_t i = 0; i < tile; i++)
      for (size_t j = 0; j < tile; j++) {
        size_t r = (size_t)y + i, c = (size_t)x + j;
        pixels[i * tile + j] =
            r < m->h && c < m->w ? a->out + ((image * m->h + r) * m->w + c) * a->outs + column : NULL;
      }
    transforms->output(pixels, products + t * m->columns, sums_plane(m), a->bias ? a->bias + column : NULL, columns,
                       a->accumulate, a->enlarge);
  }
}

static void product_task(void *context, size_t task) {
  struct map *m = context;
  size_t row = task % m->row_tasks * ROWS, rows = m->count - row < ROWS ? m->count - row : ROWS;
  size_t column = task / m->row_tasks * m->columns;
  size_t columns = m->a.outs - column < m->columns ? m->a.outs - column : m->columns;
  float *products = ldm_scratch(m->positions * sums_plane(m) * sizeof(float));
  if (products == NULL) {
    __atomic_store_n(&m->failed, true, __ATOMIC_RELAXED);
    return;
  }
  multiply(m, products, row, rows, column, columns);
  output_tiles(m, products, row, rows, column, columns);
}

bool ldm_winograd(struct ldm_winograd_kind kind, const struct ldm_convolution *a) {
  size_t scale = a->enlarge ? 2 : 1, tile = (size_t)kind.tile, side = ldm_winograd_side(&kind), nr = ldm_level()->nr;
  struct map m = {.a = *a, .kind = kind, .h = a->h * scale, .w = a->w * scale,
                  .positions = a->enlarge ? (side - 1) * (side - 1) : side * side,
                  .matrix = ldm_winograd_matrix_size(&kind, a->in, a->outs),
                  .depth = kind.int16 ? (a->in + 1) / 2 * 2 : a->in, .element = kind.int16 ? 2 : 4,
                  .columns = PANELS * nr};
  m.panel = m.matrix / ((a->outs + nr - 1) / nr);
  m.tiles_h = (m.h + tile - 1) / tile;
  m.tiles_w = (m.w + tile - 1) / tile;
  ldm_count_products((uint64_t)a->n * m.h * m.w * a->in * a->outs * 9);
  size_t tiles = a->n * m.tiles_h * m.tiles_w, each = m.positions * m.depth * m.element;
  size_t least = ROWS * (size_t)ldm_threads(), at_once = CHUNK / each / least * least;
  at_once = at_once < least ? least : at_once;
  at_once = at_once < tiles ? at_once : tiles;
  size_t inputs = at_once * each + m.positions * PAD, bytes = inputs + m.positions * at_once * sizeof(float);
  m.inputs = ldm_allocate(bytes, false);
  if (m.inputs == NULL) return false;
  m.scales = (float *)(m.inputs + inputs);  // whole floats: depth is even
  for (m.first = 0; m.first < tiles; m.first += at_once) {
    m.count = tiles - m.first < at_once ? tiles - m.first : at_once;
    m.plane = m.count * m.depth * m.element + PAD;
    m.row_tasks = (m.count + ROWS - 1) / ROWS;
    ldm_parallel_for(m.count, input_task, &m);
    ldm_parallel_for(m.row_tasks * ((a->outs + m.columns - 1) / m.columns), product_task, &m);
  }
  ldm_release(m.inputs, bytes);
  return !m.failed;
}
