// softmax(q k') v with the softmax carried along the keys (Milakov & Gimelshein 2018, arXiv 1805.02867; the blocking is
// FlashAttention's, arXiv 2205.14135): a panel of queries sees one block of keys at a time.
//
// Scores are held transposed, a row a key and a column a query. So they leave one product as the packed panel that the
// next one reads, the softmax works on whole vectors, and a head's d values are rows, which are not rounded up to panels.
#include <math.h>
#include <string.h>

#include "CKernels.h"
#include "levels.h"

/// KEYS: of a block, even; the scores of a panel of queries just fit the first-level cache. PANELS: of queries that
/// share what a block of keys brings to the second-level cache.
enum { KEYS = 240, PANELS = 3, MAX_NR = 32 };

struct run {
  struct ldm_attention_call a;
  size_t nr, element;             // queries of a panel; bytes of a factor
  size_t words;                   // of d values: floats or pairs
  size_t blocks;                  // of PANELS panels, of one head
  size_t key_bytes, value_bytes;  // of a head
  char *keys, *values;            // keys: of bf16, [tk, pairs]; values: [d, keys] for each block of keys
  bool failed;
};

/// A panel of queries, and what is known of them so far.
struct panel {
  size_t count;
  const void *queries;  // [words, nr]
  float *sums;          // [d, nr]
  float maximum[MAX_NR], total[MAX_NR];
};

static size_t even(size_t n) { return (n + 1) / 2 * 2; }
static size_t least(size_t a, size_t b) { return a < b ? a : b; }

static void pack_task(void *context, size_t task) {
  struct run *r = context;
  const struct ldm_attention_call *a = &r->a;
  const struct ldm_level *level = ldm_level();
  size_t batch = task / a->heads, column = task % a->heads * a->d;
  const float *k = a->k + batch * a->tk * a->k_stride + column, *v = a->v + batch * a->tk * a->v_stride + column;
  for (size_t from = 0; from < a->tk; from += KEYS) {
    size_t count = least(a->tk - from, KEYS);
    for (size_t c = 0; c < a->d; c++) {
      char *row = r->values + task * r->value_bytes + (from * a->d + c * even(count)) * r->element;
      float aside[KEYS], *values = a->half ? aside : (float *)row;
      for (size_t i = 0; i < count; i++) values[i] = v[(from + i) * a->v_stride + c];
      if (a->half) level->round_row((uint16_t *)row, aside, count);
    }
  }
  for (size_t i = 0; a->half && i < a->tk; i++)
    level->round_row((uint16_t *)(r->keys + task * r->key_bytes) + i * 2 * r->words, k + i * a->k_stride, a->d);
}

/// A float, or a pair of bf16.
typedef uint32_t word __attribute__((may_alias));

static void begin(const struct run *r, struct panel *p, const float *q, size_t count, word *queries, float *sums) {
  *p = (struct panel){.count = count, .queries = queries, .sums = sums};
  memset(queries, 0, r->words * r->nr * sizeof *queries);
  for (size_t j = 0; j < count; j++, q += r->a.q_stride) {
    const word *row = (const word *)q;
    if (r->a.half) {
      ldm_level()->round_row((uint16_t *)sums, q, r->a.d);
      row = (const word *)sums;
    }
    for (size_t i = 0; i < r->words; i++) queries[i * r->nr + j] = row[i];
  }
  memset(sums, 0, r->a.d * r->nr * sizeof *sums);
  for (size_t i = 0; i < r->nr; i++) p->maximum[i] = -INFINITY;
}

/// Query `first` + j sees the keys up to its own; the weight of the others is 2^-126 at most, which no sum feels.
static void mask(const struct run *r, float *scores, size_t first, size_t from, size_t count) {
  for (size_t i = 0; i < count; i++)
    for (size_t j = 0; j < r->nr && first + j < from + i; j++) scores[i * r->nr + j] = -1e30f;
}

/// Lets a panel whose first query is `first` see the keys from..<from + count.
static void see(const struct run *r, struct panel *p, size_t head, size_t first, size_t from, size_t count,
                float *scores) {
  const struct ldm_attention_call *a = &r->a;
  const struct ldm_level *level = ldm_level();
  const char *values = r->values + head * r->value_bytes + from * a->d * r->element;
  float factors[MAX_NR];
  if (a->half) {
    const uint16_t *keys = (const uint16_t *)(r->keys + head * r->key_bytes) + from * 2 * r->words;
    level->bf16_block(scores, r->nr, keys, 2 * r->words, p->queries, count, r->words, LDM_ZERO, NULL);
  } else {
    const float *keys = a->k + (head / a->heads * a->tk + from) * a->k_stride + head % a->heads * a->d;
    level->gemm_block(scores, r->nr, keys, a->k_stride, p->queries, count, a->d, LDM_ZERO, NULL);
  }
  if (a->causal) mask(r, scores, first, from, count);
  (a->half ? level->softmax_bf16 : level->softmax)(scores, count, a->scale, p->maximum, p->total, factors);
  level->scale_columns(p->sums, a->d, factors);
  if (a->half)
    level->bf16_block(p->sums, r->nr, (const uint16_t *)values, even(count), (const uint16_t *)scores, a->d,
                      even(count) / 2, LDM_KEEP, NULL);
  else
    level->gemm_block(p->sums, r->nr, (const float *)values, even(count), scores, a->d, count, LDM_KEEP, NULL);
}

static void end(const struct run *r, struct panel *p, float *out) {
  for (size_t i = 0; i < r->nr; i++) p->total[i] = 1 / p->total[i];
  ldm_level()->scale_columns(p->sums, r->a.d, p->total);
  for (size_t i = 0; i < p->count; i++)
    for (size_t c = 0; c < r->a.d; c++) out[i * r->a.out_stride + c] = p->sums[c * r->nr + i];
}

static void attend_task(void *context, size_t task) {
  struct run *r = context;
  const struct ldm_attention_call *a = &r->a;
  size_t head = task / r->blocks, first = task % r->blocks * PANELS * r->nr, row = head / a->heads * a->tq + first;
  size_t panels = least((a->tq - first + r->nr - 1) / r->nr, PANELS), column = head % a->heads * a->d;
  size_t sums = a->d * r->nr, queries = r->words * r->nr;
  float *scores = ldm_scratch((KEYS * r->nr + PANELS * (sums + queries)) * sizeof(float));
  if (scores == NULL) {
    __atomic_store_n(&r->failed, true, __ATOMIC_RELAXED);
    return;
  }
  float *all_sums = scores + KEYS * r->nr;
  word *all_queries = (word *)(all_sums + PANELS * sums);
  struct panel all[PANELS];
  for (size_t p = 0; p < panels; p++)
    begin(r, &all[p], a->q + (row + p * r->nr) * a->q_stride + column, least(a->tq - first - p * r->nr, r->nr),
          all_queries + p * queries, all_sums + p * sums);
  for (size_t from = 0; from < a->tk; from += KEYS)
    for (size_t p = 0; p < panels; p++)
      see(r, &all[p], head, first + p * r->nr, from, least(a->tk - from, KEYS), scores);
  for (size_t p = 0; p < panels; p++) end(r, &all[p], a->out + (row + p * r->nr) * a->out_stride + column);
}

bool ldm_attend(const struct ldm_attention_call *a) {
  ldm_count_products((uint64_t)2 * a->batch * a->heads * a->tq * a->tk * a->d);
  struct run r = {.a = *a, .nr = ldm_level()->nr, .element = a->half ? 2 : 4, .words = a->half ? even(a->d) / 2 : a->d};
  size_t heads = a->batch * a->heads;
  r.a.scale *= 1.44269504f;  // so that weights are powers of 2
  r.blocks = (a->tq + PANELS * r.nr - 1) / (PANELS * r.nr);
  r.value_bytes = even(a->tk) * a->d * r.element;
  r.key_bytes = a->half ? a->tk * r.words * 4 : 0;
  r.values = ldm_allocate(heads * (r.value_bytes + r.key_bytes), false);
  if (r.values == NULL) return false;
  r.keys = r.values + heads * r.value_bytes;
  ldm_parallel_for(heads, pack_task, &r);
  ldm_parallel_for(heads * r.blocks, attend_task, &r);
  ldm_release(r.values, heads * (r.value_bytes + r.key_bytes));
  return !r.failed;
}
