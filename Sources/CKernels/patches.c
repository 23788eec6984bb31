// Patches of a map as rows of a matrix, so that a convolution of any size and stride is a matrix product (im2col;
// Chellapilla, Puri & Simard 2006). Made a strip at a time, so that what is written is read again from a cache.
#include <string.h>

#include "CKernels.h"

/// Patches of one task: enough work to be worth a task, few enough that the tasks share out evenly.
enum { BLOCK = 64 };

struct strip {
  const struct ldm_patches *map;
  float *out;
  size_t first, count;
};

/// One row of a patch, `kernel` pixels of the map from column x on: zeros outside.
static void write_row(const struct ldm_patches *m, float *out, const float *row, ptrdiff_t x) {
  ptrdiff_t from = x < 0 ? -x : 0, to = (ptrdiff_t)m->w - x, kernel = (ptrdiff_t)m->kernel;
  from = row == NULL || from > kernel ? kernel : from;
  to = to < from ? from : to > kernel ? kernel : to;
  size_t c = m->channels;
  memset(out, 0, (size_t)from * c * sizeof(float));
  if (to > from) memcpy(out + (size_t)from * c, row + (size_t)(x + from) * c, (size_t)(to - from) * c * sizeof(float));
  memset(out + (size_t)to * c, 0, (size_t)(kernel - to) * c * sizeof(float));
}

static void write_patch(const struct ldm_patches *m, float *out, size_t index) {
  size_t image = index / (m->out_h * m->out_w), pixel = index % (m->out_h * m->out_w);
  ptrdiff_t y = (ptrdiff_t)(pixel / m->out_w * m->stride) - (ptrdiff_t)m->top;
  ptrdiff_t x = (ptrdiff_t)(pixel % m->out_w * m->stride) - (ptrdiff_t)m->left;
  for (size_t i = 0; i < m->kernel; i++, y++) {
    bool inside = y >= 0 && y < (ptrdiff_t)m->h;
    const float *row = inside ? m->x + (image * m->h + (size_t)y) * m->w * m->channels : NULL;
    write_row(m, out + i * m->kernel * m->channels, row, x);
  }
}

static void strip_task(void *context, size_t block) {
  struct strip *s = context;
  size_t depth = s->map->kernel * s->map->kernel * s->map->channels;
  size_t end = (block + 1) * BLOCK < s->count ? (block + 1) * BLOCK : s->count;
  for (size_t i = block * BLOCK; i < end; i++) write_patch(s->map, s->out + i * depth, s->first + i);
}

void ldm_write_patches(float *out, const struct ldm_patches *map, size_t first, size_t count) {
  struct strip s = {map, out, first, count};
  ldm_parallel_for((count + BLOCK - 1) / BLOCK, strip_task, &s);
}
