// The team is libgomp's, which oneDNN uses too: a second pool would fight it, since libgomp's workers spin for a while
// after each region. GOMP_parallel is what a compiler emits for `#pragma omp parallel`; calling it needs no such flag.
#define _GNU_SOURCE
#include <sched.h>
#include <stdatomic.h>

#include "CKernels.h"

void GOMP_parallel(void (*body)(void *), void *data, unsigned threads, unsigned flags);
void omp_set_num_threads(int);
int omp_get_max_threads(void);

static atomic_int team = 0;

void ldm_set_threads(int count) {
  if (count > 0) omp_set_num_threads(count);
  atomic_store(&team, count);
}

int ldm_threads(void) {
  int count = atomic_load(&team);
  return count > 0 ? count : omp_get_max_threads();
}

struct loop {
  void (*body)(void *, size_t);
  void *context;
  size_t count;
  atomic_size_t next;
};

static void run(void *data) {
  struct loop *loop = data;
  for (;;) {
    size_t index = atomic_fetch_add_explicit(&loop->next, 1, memory_order_relaxed);
    if (index >= loop->count) return;
    loop->body(loop->context, index);
  }
}

void ldm_parallel_for(size_t count, void (*body)(void *, size_t), void *context) {
  size_t threads = (size_t)ldm_threads();
  if (threads > count) threads = count;
  if (threads <= 1) {
    for (size_t i = 0; i < count; i++) body(context, i);
    return;
  }
  struct loop loop = {body, context, count, 0};
  GOMP_parallel(run, &loop, (unsigned)threads, 0);
}

static _Atomic uint64_t products = 0;

uint64_t ldm_products(void) { return atomic_load_explicit(&products, memory_order_relaxed); }

void ldm_count_products(uint64_t count) { atomic_fetch_add_explicit(&products, count, memory_order_relaxed); }
