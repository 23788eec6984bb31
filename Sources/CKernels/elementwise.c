#include "CKernels.h"
#include "levels.h"

/// Elements a task: large enough to hide the cost of handing it out, small enough to stay in the second-level cache.
enum { TASK = 1 << 14 };

typedef void unary(float *, const float *, size_t);

struct map {
  unary *kernel;
  float *out;
  const float *a, *b;
  size_t n, d;
};

static void map_task(void *context, size_t task) {
  struct map *m = context;
  size_t from = task * TASK, n = m->n - from < TASK ? m->n - from : TASK;
  m->kernel(m->out + from, m->a + from, n);
}

static void map(unary *kernel, float *out, const float *in, size_t n) {
  struct map m = {.kernel = kernel, .out = out, .a = in, .n = n};
  ldm_parallel_for((n + TASK - 1) / TASK, map_task, &m);
}

void ldm_silu(float *out, const float *in, size_t n) { map(ldm_level()->silu, out, in, n); }
void ldm_gelu(float *out, const float *in, size_t n) { map(ldm_level()->gelu, out, in, n); }
void ldm_quick_gelu(float *out, const float *in, size_t n) { map(ldm_level()->quick_gelu, out, in, n); }

static void add_task(void *context, size_t task) {
  struct map *m = context;
  size_t from = task * TASK, n = m->n - from < TASK ? m->n - from : TASK;
  ldm_level()->add(m->out + from, m->a + from, m->b + from, n);
}

void ldm_add(float *out, const float *a, const float *b, size_t n) {
  struct map m = {.out = out, .a = a, .b = b, .n = n};
  ldm_parallel_for((n + TASK - 1) / TASK, add_task, &m);
}

static void geglu_task(void *context, size_t row) {
  struct map *m = context;
  const float *in = m->a + row * 2 * m->d;
  ldm_level()->geglu_row(m->out + row * m->d, in, in + m->d, m->d);
}

void ldm_geglu(float *out, const float *in, size_t rows, size_t d) {
  struct map m = {.out = out, .a = in, .d = d};
  ldm_parallel_for(rows, geglu_task, &m);
}

struct halves {
  void (*kernel)(float *, const void *, size_t);
  float *out;
  const uint8_t *in;
  size_t n;
};

static void halves_task(void *context, size_t task) {
  struct halves *h = context;
  size_t from = task * TASK, n = h->n - from < TASK ? h->n - from : TASK;
  h->kernel(h->out + from, h->in + 2 * from, n);
}

static void halves(void (*kernel)(float *, const void *, size_t), float *out, const void *in, size_t n) {
  struct halves h = {kernel, out, in, n};
  ldm_parallel_for((n + TASK - 1) / TASK, halves_task, &h);
}

void ldm_f16_to_f32(float *out, const void *in, size_t n) { halves(ldm_level()->f16_to_f32, out, in, n); }
void ldm_f32_to_f16(void *out, const float *in, size_t n) { ldm_level()->f32_to_f16(out, in, n); }
void ldm_bf16_to_f32(float *out, const void *in, size_t n) { halves(ldm_level()->bf16_to_f32, out, in, n); }
void ldm_f32_to_bf16(void *out, const float *in, size_t n) { ldm_level()->f32_to_bf16(out, in, n); }
