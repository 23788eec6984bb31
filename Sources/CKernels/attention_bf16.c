// Attention as in attention.c, with bf16 products: scores and sums are f32, queries, keys, values and weights bf16.
#include "attention.h"
#include "levels.h"

struct run {
  struct ldm_attention_call a;
  size_t pairs, wide;               // pairs: of a key; wide: d rounded up to whole panels
  size_t key_size, value_size;      // values of a (batch, head)
  uint16_t *keys, *values;
  bool failed;
};

static size_t pairs_of(size_t n) { return (n + 1) / 2; }

/// Widths of the panels, in vectors, that d columns are cut into: threes and twos, the fewest columns in excess.
static size_t panel_vectors(size_t left) { return left == 2 || left == 4 || left == 1 ? 2 : 3; }

static size_t padded_width(size_t d) {
  size_t vector = ldm_level()->vector, vectors = (d + vector - 1) / vector;
  return (vectors == 1 ? 2 : vectors) * vector;
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

/// The block, and its queries and weights in bf16.
struct block {
  struct ldm_attention_block f32;
  uint16_t *queries, *weights;  // [QUERIES, 2 * pairs], [QUERIES, STRIDE]
};

static void weigh(const struct run *r, struct block *b, size_t from, size_t count) {
  const struct ldm_level *level = ldm_level();
  struct ldm_attention_block *f = &b->f32;
  const uint16_t *keys = r->keys + f->head * r->key_size;
  for (size_t j = 0; j < count; j += level->nr)
    level->bf16_block(f->scores + j, STRIDE, b->queries, 2 * r->pairs, keys + (from + j) * 2 * r->pairs, f->queries,
                      r->pairs, LDM_ZERO, NULL);
  for (size_t i = 0; i < f->queries; i++) {
    float factor =
        level->softmax_bf16(b->weights + i * STRIDE, f->scores + i * STRIDE, count, &f->maximum[i], &f->total[i]);
    if (factor != 1.f) level->scale_row(f->sums + i * r->wide, factor, r->wide);
  }
}

static void add_values(const struct run *r, struct block *b, size_t from, size_t count) {
  const struct ldm_level *level = ldm_level();
  const uint16_t *values = r->values + b->f32.head * r->value_size;
  size_t column = 0;
  for (size_t left = r->wide / level->vector; left > 0;) {
    size_t vectors = panel_vectors(left), width = vectors * level->vector;
    (vectors == 2 ? level->bf16_block : level->bf16_block3)(b->f32.sums + column, r->wide, b->weights, STRIDE,
                                                            values + from * width, b->f32.queries, pairs_of(count),
                                                            LDM_KEEP, NULL);
    values += width * pairs_of(r->a.tk) * 2;
    column += width;
    left -= vectors;
  }
}

static void attend_task(void *context, size_t task) {
  struct run *r = context;
  const struct ldm_attention_call *a = &r->a;
  size_t floats = ldm_attention_scratch(r->wide), halves = QUERIES * (STRIDE + 2 * r->pairs) * sizeof(uint16_t);
  char *scratch = ldm_scratch(floats + halves);
  if (scratch == NULL) {
    __atomic_store_n(&r->failed, true, __ATOMIC_RELAXED);
    return;
  }
  struct block b = {.weights = (uint16_t *)(scratch + floats)};
  b.queries = b.weights + QUERIES * STRIDE;
  ldm_attention_begin(&b.f32, a, task, r->wide, (float *)scratch);
  for (size_t i = 0; i < b.f32.queries; i++)
    ldm_level()->round_row(b.queries + i * 2 * r->pairs, b.f32.q + i * a->q_stride, a->d, a->scale * 1.44269504f);
  for (size_t from = 0; from < a->tk; from += KEYS) {
    size_t count = a->tk - from < KEYS ? a->tk - from : KEYS;
    weigh(r, &b, from, count);
    add_values(r, &b, from, count);
  }
  ldm_attention_end(&b.f32, a);
}

bool ldm_attend_bf16(const struct ldm_attention_call *a) {
  ldm_count_products((uint64_t)2 * a->batch * a->heads * a->tq * a->tk * a->d);
  size_t heads = a->batch * a->heads;
  struct run r = {.a = *a, .pairs = pairs_of(a->d), .wide = padded_width(a->d)};
  r.key_size = ldm_packed_bf16_size(a->d, a->tk) / sizeof(uint16_t);
  r.value_size = r.wide * pairs_of(a->tk) * 2;
  size_t bytes = heads * (r.key_size + r.value_size) * sizeof(uint16_t);
  r.keys = ldm_allocate(bytes, false);
  if (r.keys == NULL) return false;
  r.values = r.keys + heads * r.key_size;
  ldm_parallel_for(heads, pack_task, &r);
  ldm_parallel_for(heads * ldm_attention_blocks(a), attend_task, &r);
  ldm_release(r.keys, bytes);
  return !r.failed;
}
