// softmax(q k') v with the softmax carried along the keys (Milakov & Gimelshein 2018, arXiv 1805.02867; the blocking is
// FlashAttention's, arXiv 2205.14135): a block of queries sees one block of keys at a time.
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "CKernels.h"
#include "levels.h"

/// Queries and keys in a block: scores of one block stay in the second-level cache.
enum { QUERIES = 48, KEYS = 512 };

struct run {
  struct ldm_attention_call a;
  size_t blocks, wide, key_size, value_size;  // wide: d rounded up to whole panels
  float *keys, *values;                       // packed, one after another for each (batch, head)
  bool failed;
};

/// Keys as panels [d, nr] (scores = q k'), values as panels [tk, nr].
static void pack_task(void *context, size_t task) {
  struct run *r = context;
  const struct ldm_attention_call *a = &r->a;
  size_t batch = task / a->heads, head = task % a->heads;
  const float *k = a->k + batch * a->tk * a->k_stride + head * a->d;
  const float *v = a->v + batch * a->tk * a->v_stride + head * a->d;
  ldm_pack(r->keys + task * r->key_size, k, a->d, a->tk, 1, a->k_stride);
  ldm_pack(r->values + task * r->value_size, v, a->tk, a->d, a->v_stride, 1);
}

struct block {
  float *scores, *sums;  // [QUERIES, KEYS], [QUERIES, wide]
  float maximum[QUERIES], total[QUERIES];
};

/// Scores of `queries` rows against keys from..<from + count, turned into weights; earlier sums are rescaled.
static void weigh(const struct run *r, struct block *b, const float *q, const float *keys, size_t first,
                  size_t queries, size_t from, size_t count) {
  const struct ldm_level *level = ldm_level();
  for (size_t j = 0; j < count; j += level->nr)
    level->gemm_block(b->scores + j, KEYS, q, r->a.q_stride, keys + (from + j) * r->a.d, queries, r->a.d, false);
  for (size_t i = 0; i < queries; i++) {
    float *row = b->scores + i * KEYS;
    size_t seen = count;
    if (r->a.causal) {  // query first + i sees keys 0...first + i
      size_t limit = first + i + 1;
      seen = limit <= from ? 0 : limit - from < count ? limit - from : count;
      memset(row + seen, 0, (count - seen) * sizeof(float));
      if (seen == 0) continue;
    }
    float factor = level->softmax_row(row, seen, r->a.scale, &b->maximum[i], &b->total[i]);
    if (factor != 1.f) level->scale_row(b->sums + i * r->wide, factor, r->wide);
  }
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
  struct block b = {.scores = malloc(QUERIES * (KEYS + r->wide) * sizeof(float))};
  if (b.scores == NULL) {
    __atomic_store_n(&r->failed, true, __ATOMIC_RELAXED);
    return;
  }
  b.sums = b.scores + QUERIES * KEYS;
  memset(b.sums, 0, QUERIES * r->wide * sizeof(float));
  for (size_t i = 0; i < queries; i++) b.maximum[i] = -INFINITY, b.total[i] = 0;
  for (size_t from = 0; from < a->tk; from += KEYS) {
    size_t count = a->tk - from < KEYS ? a->tk - from : KEYS;
    weigh(r, &b, q, r->keys + head * r->key_size, first, queries, from, count);
    for (size_t j = 0; j < r->wide; j += level->nr)
      level->gemm_block(b.sums + j, r->wide, b.scores, KEYS,
                        r->values + head * r->value_size + j * a->tk + from * level->nr, queries, count, true);
  }
  for (size_t i = 0; i < queries; i++) {
    memcpy(out + i * a->out_stride, b.sums + i * r->wide, a->d * sizeof(float));
    level->scale_row(out + i * a->out_stride, 1.f / b.total[i], a->d);
  }
  free(b.scores);
}

bool ldm_attend(const struct ldm_attention_call *a) {
  ldm_count_products((uint64_t)2 * a->batch * a->heads * a->tq * a->tk * a->d);
  size_t nr = ldm_level()->nr, heads = a->batch * a->heads;
  struct run r = {.a = *a, .blocks = (a->tq + QUERIES - 1) / QUERIES, .wide = (a->d + nr - 1) / nr * nr};
  r.key_size = ldm_packed_size(a->d, a->tk);
  r.value_size = ldm_packed_size(a->tk, a->d);
  r.keys = malloc(heads * (r.key_size + r.value_size) * sizeof(float));
  if (r.keys == NULL) return false;
  r.values = r.keys + heads * r.key_size;
  ldm_parallel_for(heads, pack_task, &r);
  ldm_parallel_for(heads * r.blocks, attend_task, &r);
  free(r.keys);
  return !r.failed;
}
