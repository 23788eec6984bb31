// Packs the filters of Winograd's convolutions (winograd.c): a packed matrix, inputs x outputs, for each position of a tile.
#include <string.h>

#include "winograd.h"

size_t ldm_winograd_matrix_size(const struct ldm_winograd_kind *kind, size_t in, size_t out) {
  size_t nr = ldm_level()->nr;
  return kind->int16 ? (out + nr - 1) / nr * LDM_INT16_PANEL(nr, (in + 1) / 2) : ldm_packed_size(in, out) * sizeof(float);
}

size_t ldm_winograd_size(struct ldm_winograd_kind kind, size_t in, size_t out) {
  return ldm_winograd_side(&kind) * ldm_winograd_side(&kind) * ldm_winograd_matrix_size(&kind, in, out);
}

struct filters {
  struct ldm_winograd_kind kind;
  char *packed;
  const float *weight;
  size_t in, out, size, positions;
};

typedef float lanes[LDM_LANES];

/// Row i of a panel at every position: `step` inputs of each output side by side.
static void transform_row(lanes *u, const struct filters *f, size_t panel, size_t i, size_t step) {
  size_t nr = ldm_level()->nr, columns = f->out - panel * nr < nr ? f->out - panel * nr : nr;
  lanes g[9] = {{0}};
  for (size_t j = 0; j < step * columns; j++) {
    size_t in = i * step + j % step, out = panel * nr + j / step;
    if (in >= f->in) continue;
    for (size_t k = 0; k < 9; k++) g[k][j] = f->weight[(out * f->in + in) * 9 + k];
  }
  ldm_winograd_transforms(&f->kind)->filters(u[0], g[0]);
}

/// One panel of output channels at every position: rows of nr values.
static void float_task(void *context, size_t panel) {
  struct filters *f = context;
  size_t nr = ldm_level()->nr;
  lanes u[LDM_TILE_PIXELS];
  for (size_t i = 0; i < f->in; i++) {
    transform_row(u, f, panel, i, 1);
    for (size_t p = 0; p < f->positions; p++)
      memcpy(f->packed + p * f->size + (panel * f->in + i) * nr * sizeof(float), u[p], nr * sizeof(float));
  }
}

/// The same as integers, rows of nr pairs. A column's scale is known when all of it was seen, so each row is made twice: the
/// rows of a panel at every position do not stay in a cache.
static void word_task(void *context, size_t panel) {
  struct filters *f = context;
  size_t nr = ldm_level()->nr, pairs = (f->in + 1) / 2, bytes = LDM_INT16_PANEL(nr, pairs);
  lanes u[LDM_TILE_PIXELS], squares[LDM_TILE_PIXELS] = {{0}}, tops[LDM_TILE_PIXELS] = {{0}};
  for (size_t i = 0; i < pairs; i++) {
    transform_row(u, f, panel, i, 2);
    for (size_t p = 0; p < f->positions; p++)
      for (size_t j = 0; j < LDM_LANES; j++) {
        float size = u[p][j] < 0 ? -u[p][j] : u[p][j];
        squares[p][j] += size * size;
        tops[p][j] = tops[p][j] > size ? tops[p][j] : size;
      }
  }
  for (size_t p = 0; p < f->positions; p++) {
    float *scales = (float *)(f->packed + p * f->size + panel * bytes);
    for (size_t j = 0; j < nr; j++) {
      float factor = ldm_int16_factor(squares[p][2 * j] + squares[p][2 * j + 1],
                                      fmaxf(tops[p][2 * j], tops[p][2 * j + 1]), f->in);
      scales[j] = factor == 0 ? 0 : 1 / factor;
      tops[p][2 * j] = tops[p][2 * j + 1] = factor;
    }
  }
  for (size_t i = 0; i < pairs; i++) {
    transform_row(u, f, panel, i, 2);
    for (size_t p = 0; p < f->positions; p++) {
      char *words = f->packed + p * f->size + panel * bytes + 4 * nr;
      ldm_level()->scale_words((int16_t *)words + i * 2 * nr, u[p], tops[p], 2 * nr);
    }
  }
}

void ldm_winograd_pack(struct ldm_winograd_kind kind, void *packed, const float *weight, size_t in, size_t out) {
  size_t nr = ldm_level()->nr, side = ldm_winograd_side(&kind);
  struct filters f = {kind, packed, weight, in, out, ldm_winograd_matrix_size(&kind, in, out), side * side};
  ldm_parallel_for((out + nr - 1) / nr, kind.int16 ? word_task : float_task, &f);
}
