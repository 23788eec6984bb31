// softmax(q k') v with the softmax carried along the keys (Milakov & Gimelshein 2018, arXiv 1805.02867; the blocking is
// FlashAttention's, arXiv 2205.14135): a block of queries sees one block of keys at a time.
#include "attention.h"

#include <math.h>
#include <string.h>

#include "levels.h"

void ldm_attention_begin(struct ldm_attention_block *b, const struct ldm_attention_call *a, size_t task, size_t wide,
                         float *scratch) {
  size_t blocks = ldm_attention_blocks(a);
  b->head = task / blocks;
  b->first = task % blocks * QUERIES;
  b->queries = a->tq - b->first < QUERIES ? a->tq - b->first : QUERIES;
  size_t row = b->head / a->heads * a->tq + b->first, column = b->head % a->heads * a->d;
  b->q = a->q + row * a->q_stride + column;
  b->out = a->out + row * a->out_stride + column;
  b->wide = wide;
  b->scores = scratch;
  b->sums = scratch + QUERIES * STRIDE;
  memset(b->sums, 0, QUERIES * wide * sizeof(float));
  for (size_t i = 0; i < QUERIES; i++) b->maximum[i] = -INFINITY, b->total[i] = 0;
}

void ldm_attention_end(const struct ldm_attention_block *b, const struct ldm_attention_call *a) {
  for (size_t i = 0; i < b->queries; i++) {
    memcpy(b->out + i * a->out_stride, b->sums + i * b->wide, a->d * sizeof(float));
    ldm_level()->scale_row(b->out + i * a->out_stride, 1.f / b->total[i], a->d);
  }
}

struct run {
  struct ldm_attention_call a;
  size_t wide, key_size, value_size;  // wide: d rounded up to whole panels
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

/// Scores of the block's queries against keys from..<from + count, turned into weights; earlier sums are rescaled.
static void weigh(const struct run *r, struct ldm_attention_block *b, const float *keys, size_t from, size_t count) {
  const struct ldm_level *level = ldm_level();
  for (size_t j = 0; j < count; j += level->nr)
    level->gemm_block(b->scores + j, STRIDE, b->q, r->a.q_stride, keys + (from + j) * r->a.d, b->queries, r->a.d, false);
  for (size_t i = 0; i < b->queries; i++) {
    float *row = b->scores + i * STRIDE;
    size_t seen = count;
    if (r->a.causal) {  // query first + i sees keys 0...first + i
      size_t limit = b->first + i + 1;
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
  float *scratch = ldm_scratch(ldm_attention_scratch(r->wide));
  if (scratch == NULL) {
    __atomic_store_n(&r->failed, true, __ATOMIC_RELAXED);
    return;
  }
  struct ldm_attention_block b;
  ldm_attention_begin(&b, a, task, r->wide, scratch);
  for (size_t from = 0; from < a->tk; from += KEYS) {
    size_t count = a->tk - from < KEYS ? a->tk - from : KEYS;
    weigh(r, &b, r->keys + b.head * r->key_size, from, count);
    for (size_t j = 0; j < r->wide; j += level->nr)
      level->gemm_block(b.sums + j, r->wide, b.scores, STRIDE,
                        r->values + b.head * r->value_size + j * a->tk + from * level->nr, b.queries, count, true);
  }
  ldm_attention_end(&b, a);
}

bool ldm_attend(const struct ldm_attention_call *a) {
  ldm_count_products((uint64_t)2 * a->batch * a->heads * a->tq * a->tk * a->d);
  size_t nr = ldm_level()->nr, heads = a->batch * a->heads;
  struct run r = {.a = *a, .wide = (a->d + nr - 1) / nr * nr};
  r.key_size = ldm_packed_size(a->d, a->tk);
  r.value_size = ldm_packed_size(a->tk, a->d);
  size_t bytes = heads * (r.key_size + r.value_size) * sizeof(float);
  r.keys = ldm_allocate(bytes, false);
  if (r.keys == NULL) return false;
  r.values = r.keys + heads * r.key_size;
  ldm_parallel_for(heads, pack_task, &r);
  ldm_parallel_for(heads * ldm_attention_blocks(a), attend_task, &r);
  ldm_release(r.keys, bytes);
  return !r.failed;
}
