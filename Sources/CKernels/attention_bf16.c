// Attention as in attention.c, with bf16 products: scores and sums are f32, queries, keys, values and weights bf16.
#include <math.h>
#include <string.h>

#include "CKernels.h"
#include "levels.h"

/// STRIDE: between rows of scores; not a power of two, which would fill a few sets of the cache.
enum { QUERIES = 48, KEYS = 512, STRIDE = KEYS + 32 };

struct run {
  struct ldm_attention_call a;
  size_t blocks, pairs, wide;       // pairs: of a key; wide: d rounded up to whole panels
  size_t key_size, value_size;      // values of a (batch, head)
  uint16_t *keys, *values;
  bool failed;
};

static size_t pairs_of(size_t n) { return (n + 1) / 2; }

/// Widths of the panels, in vectors, that d columns are cut into: threes and twos, the fewest columns in excess.
static size_t panel_vectors(size_t left) { return left == 2 || left == 4 || left == 1 ? 2 : 3; }

static size_t vectors_of(size_t d) { return (d + ldm_level()->vector - 1) / ldm_level()->vector; }

static size_t padded_width(size_t d) {
  size_t left = vectors_of(d);
  return (left == 1 ? 2 : left) * ldm_level()->vector;
}

/// Keys as panels of nr keys, pairs over d; values as panels of 2 or 3 vectors of d, pairs over keys.
static void pack_task(void *context, size_t task) {
  struct run *r = context;
  const struct ldm_attention_call *a = &r->a;
  size_t batch = task / a->heads, head = task % a->heads, vector = ldm_level()->vector;
  const float *k = a->k + batch * a->tk * a->k_stride + head * a->d;
  const float *v = a->v + batch * a->tk * a->v_stride + head * a->d;
  ldm_pack_bf16_panels(r->keys + task * r->key_size, k, a->d, a->tk, 1, a->k_stride, ldm_level()->nr);
  uint16_t *values = r->values + task * r->value_size;
  size_t from = 0;
  for (size_t left = r->wide / vector; left > 0;) {
    size_t width = panel_vectors(left) * vector, columns = a->d - from < width ? a->d - from : width;
    ldm_pack_bf16_panels(values, v + from, a->tk, columns, a->v_stride, 1, width);
    values += width * pairs_of(a->tk) * 2;
    from += width;
    left -= width / vector;
  }
}

struct block {
  float *scores, *sums;       // [QUERIES, STRIDE], [QUERIES, wide]
  uint16_t *queries, *weights;  // [QUERIES, 2 * pairs], [QUERIES, STRIDE]
  float maximum[QUERIES], total[QUERIES];
};

static void weigh(const struct run *r, struct block *b, const uint16_t *keys, size_t queries, size_t from,
                  size_t count) {
  const struct ldm_level *level = ldm_level();
  for (size_t j = 0; j < count; j += level->nr)
    level->bf16_block(b->scores + j, STRIDE, b->queries, 2 * r->pairs, keys + (from + j) * 2 * r->pairs, queries, r->pairs,
                      LDM_ZERO, NULL);
  for (size_t i = 0; i < queries; i++) {
    float factor =
        level->softmax_bf16(b->weights + i * STRIDE, b->scores + i * STRIDE, count, &b->maximum[i], &b->total[i]);
    if (factor != 1.f) level->scale_row(b->sums + i * r->wide, factor, r->wide);
  }
}

static void add_values(const struct run *r, struct block *b, const uint16_t *values, size_t queries, size_t from,
                       size_t count) {
  const struct ldm_level *level = ldm_level();
  size_t column = 0;
  for (size_t left = r->wide / level->vector; left > 0;) {
    size_t vectors = panel_vectors(left), width = vectors * level->vector;
    (vectors == 2 ? level->bf16_block : level->bf16_block3)(b->sums + column, r->wide, b->weights, STRIDE,
                                                            values + from * width, queries, pairs_of(count), LDM_KEEP,
                                                            NULL);
    values += width * pairs_of(r->a.tk) * 2;
    column += width;
    left -= vectors;
  }
}

static bool prepare(struct block *b, const struct run *r) {
  size_t floats = QUERIES * (STRIDE + r->wide), halves = QUERIES * (STRIDE + 2 * r->pairs);
  b->scores = ldm_scratch(floats * sizeof(float) + halves * sizeof(uint16_t));
  if (b->scores == NULL) return false;
  b->sums = b->scores + QUERIES * STRIDE;
  b->weights = (uint16_t *)(b->sums + QUERIES * r->wide);
  b->queries = b->weights + QUERIES * STRIDE;
  memset(b->sums, 0, QUERIES * r->wide * sizeof(float));
  for (size_t i = 0; i < QUERIES; i++) b->maximum[i] = -INFINITY, b->total[i] = 0;
  return true;
}

static void attend_task(void *context, size_t task) {
  struct run *r = context;
  const struct ldm_attention_call *a = &r->a;
  const struct ldm_level *level = ldm_level();
  size_t head = task / r->blocks, first = task % r->blocks * QUERIES;
  size_t queries = a->tq - first < QUERIES ? a->tq - first : QUERIES;
  size_t batch = head / a->heads, column = head % a->heads * a->d;
  const float *q = a->q + (batch * a->tq + first) * a->q_stride + column;
  float *out = a->out + (batch * a->tq + first) * a->out_stride + column;
  struct block b;
  if (!prepare(&b, r)) {
    __atomic_store_n(&r->failed, true, __ATOMIC_RELAXED);
    return;
  }
  for (size_t i = 0; i < queries; i++)
    level->round_row(b.queries + i * 2 * r->pairs, q + i * a->q_stride, a->d, a->scale * 1.44269504f);
  for (size_t from = 0; from < a->tk; from += KEYS) {
    size_t count = a->tk - from < KEYS ? a->tk - from : KEYS;
    weigh(r, &b, r->keys + head * r->key_size, queries, from, count);
    add_values(r, &b, r->values + head * r->value_size, queries, from, count);
  }
  for (size_t i = 0; i < queries; i++) {
    memcpy(out + i * a->out_stride, b.sums + i * r->wide, a->d * sizeof(float));
    level->scale_row(out + i * a->out_stride, 1.f / b.total[i], a->d);
  }
}

bool ldm_attend_bf16(const struct ldm_attention_call *a) {
  ldm_count_products((uint64_t)2 * a->batch * a->heads * a->tq * a->tk * a->d);
  size_t heads = a->batch * a->heads;
  struct run r = {.a = *a, .blocks = (a->tq + QUERIES - 1) / QUERIES, .pairs = pairs_of(a->d),
                  .wide = padded_width(a->d)};
  r.key_size = ldm_packed_bf16_size(a->d, a->tk) / sizeof(uint16_t);
  r.value_size = r.wide * pairs_of(a->tk) * 2;
  size_t bytes = heads * (r.key_size + r.value_size) * sizeof(uint16_t);
  r.keys = ldm_allocate(bytes, false);
  if (r.keys == NULL) return false;
  r.values = r.keys + heads * r.key_size;
  ldm_parallel_for(heads, pack_task, &r);
  ldm_parallel_for(heads * r.blocks, attend_task, &r);
  ldm_release(r.keys, bytes);
  return !r.failed;
}
