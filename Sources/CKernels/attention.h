// What attention in f32 and in bf16 share: blocks of queries, and the softmax that is carried along the keys.
#pragma once
#include "CKernels.h"

/// Queries and keys in a block: scores of one block stay in the second-level cache. STRIDE: floats between rows of scores;
/// not a power of two, which would fill a few sets of the cache.
enum { QUERIES = 48, KEYS = 512, STRIDE = KEYS + 32 };

/// A block of queries of one (batch, head), and what is known of them so far.
struct ldm_attention_block {
  size_t head, first, queries;  // of all heads; its first query; how many
  const float *q;
  float *out;
  float *scores, *sums;  // [QUERIES, STRIDE], [QUERIES, wide]
  size_t wide;
  float maximum[QUERIES], total[QUERIES];
};

/// Blocks that the queries of one head are cut into.
static inline size_t ldm_attention_blocks(const struct ldm_attention_call *a) { return (a->tq + QUERIES - 1) / QUERIES; }

/// Bytes of scores and sums.
static inline size_t ldm_attention_scratch(size_t wide) { return QUERIES * (STRIDE + wide) * sizeof(float); }

/// The block that `task` names, before its first key. `scratch`: ldm_attention_scratch(wide) bytes.
void ldm_attention_begin(struct ldm_attention_block *b, const struct ldm_attention_call *a, size_t task, size_t wide,
                         float *scratch);
/// Writes the sums, divided by the weights' totals.
void ldm_attention_end(const struct ldm_attention_block *b, const struct ldm_attention_call *a);
