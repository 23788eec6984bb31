// Memory of activations and packed weights. A step frees and asks for the same large blocks again and again; each fresh
// block from the kernel costs a page fault per 4 KiB, so freed blocks are kept, and large ones lie on huge pages.
#define _GNU_SOURCE
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "CKernels.h"
#include "levels.h"

/// Blocks below SMALL come from malloc. KEPT: freed blocks that are kept, and the bytes they may hold in all; the oldest
/// makes way.
enum { SMALL = 256 << 10, KEPT = 64, ALIGNMENT = 64, HUGE_PAGE = 2 << 20 };
static const size_t kept_bytes_limit = (size_t)1 << 30;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
/// Oldest first.
static struct kept {
  void *block;
  size_t bytes;
} kept[KEPT];
static size_t kept_count, kept_bytes;

/// Takes entry `i` out of the list.
static void *removed(size_t i) {
  void *block = kept[i].block;
  kept_bytes -= kept[i].bytes;
  kept_count--;
  memmove(kept + i, kept + i + 1, (kept_count - i) * sizeof kept[0]);
  return block;
}

/// Sizes are rounded up to sixteenths of a power of two, so that blocks of nearly one size serve each other.
static size_t rounded(size_t bytes) {
  size_t step = 4096;
  while (step * 32 < bytes) step *= 2;
  return (bytes + step - 1) / step * step;
}

static void *take(size_t bytes) {
  void *found = NULL;
  pthread_mutex_lock(&lock);
  // The newest is the likeliest to be in a cache.
  for (size_t i = kept_count; i > 0 && found == NULL; i--)
    if (kept[i - 1].bytes == bytes) found = removed(i - 1);
  pthread_mutex_unlock(&lock);
  return found;
}

static void keep(void *block, size_t bytes) {
  pthread_mutex_lock(&lock);
  while (kept_count > 0 && (kept_count == KEPT || kept_bytes + bytes > kept_bytes_limit)) free(removed(0));
  if (kept_bytes + bytes <= kept_bytes_limit) {
    kept[kept_count++] = (struct kept){block, bytes};
    kept_bytes += bytes;
    block = NULL;
  }
  pthread_mutex_unlock(&lock);
  free(block);
}

void *ldm_allocate(size_t bytes) {
  void *block = NULL;
  if (bytes < SMALL) return posix_memalign(&block, ALIGNMENT, bytes > 0 ? bytes : 1) == 0 ? block : NULL;
  size_t whole = rounded(bytes);
  block = take(whole);
  if (block != NULL) return block;
  if (posix_memalign(&block, whole >= HUGE_PAGE ? HUGE_PAGE : 4096, whole) != 0) {
    ldm_trim();
    if (posix_memalign(&block, 4096, whole) != 0) return NULL;
  }
#ifdef MADV_HUGEPAGE
  if (whole >= HUGE_PAGE) madvise(block, whole, MADV_HUGEPAGE);
#endif
  return block;
}

void ldm_release(void *block, size_t bytes) {
  if (block == NULL) return;
  if (bytes < SMALL)
    free(block);
  else
    keep(block, rounded(bytes));
}

void ldm_trim(void) {
  pthread_mutex_lock(&lock);
  while (kept_count > 0) free(removed(kept_count - 1));
  pthread_mutex_unlock(&lock);
}

void *ldm_scratch(size_t bytes) {
  // One block a thread of the team, for the life of the thread; it grows to what the largest task needs.
  static _Thread_local void *block;
  static _Thread_local size_t size;
  if (bytes > size) {
    free(block);
    size = 0;
    if (posix_memalign(&block, ALIGNMENT, bytes) != 0) return block = NULL;
    size = bytes;
  }
  return block;
}
