// The team is libgomp's: well kept, and the one that other libraries in a process use too; a second pool would fight it,
// since libgomp's workers spin for a while after each region. GOMP_parallel is what a compiler emits for
// `#pragma omp parallel`; calling it needs no such flag.
#define _GNU_SOURCE
#include <pthread.h>
#include <stdatomic.h>
#include <unistd.h>

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

static void nothing(void *unused) {}

static void *sleep_on(void *unused) {
  GOMP_parallel(nothing, NULL, 3, 0);
  for (;;) pause();
}

/// libgomp's workers spin for milliseconds before they sleep, unless its threads outnumber the processors. Alone that gains
/// nothing; beside another process it takes from both the processors that they wait for: two guided steps at once took a
/// third longer. Three threads that sleep make them outnumber. Only the environment says the same, before the process begins.
static void wait_patiently(void) {
  pthread_t thread;
  if (pthread_create(&thread, NULL, sleep_on, NULL) == 0) pthread_detach(thread);
}

static void run(void *data) {
  struct loop *loop = data;
  for (;;) {
    size_t index = atomic_fetch_add_explicit(&loop->next, 1, memory_order_relaxed);
    if (index >= loop->count) return;
    loop->body(loop->context, index);
  }
}

void ldm_parallel_for(size_t count, void (*body)(void *, size_t), void *context) {
  // The whole team, even for fewer tasks: libgomp lets those who are left out end, with what they hold, and makes new ones
  // for the next loop.
  int threads = ldm_threads();
  if (threads <= 1 || count <= 1) {
    for (size_t i = 0; i < count; i++) body(context, i);
    return;
  }
  static pthread_once_t once = PTHREAD_ONCE_INIT;
  pthread_once(&once, wait_patiently);
  struct loop loop = {body, context, count, 0};
  GOMP_parallel(run, &loop, (unsigned)threads, 0);
}

static _Atomic uint64_t products = 0;

uint64_t ldm_products(void) { return atomic_load_explicit(&products, memory_order_relaxed); }

void ldm_count_products(uint64_t count) { atomic_fetch_add_explicit(&products, count, memory_order_relaxed); }
