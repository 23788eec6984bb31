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
static const size_t kept_bytes_limit = (size_t)3 << 29;

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

/// Before each block: the bytes behind it, which may be more than were asked for.
struct header {
  _Alignas(ALIGNMENT) size_t bytes;
};

/// Sizes are rounded up to sixteenths of a power of two, so that blocks of nearly one size serve each other.
static size_t rounded(size_t bytes) {
  size_t step = 4096;
  while (step * 32 < bytes) step *= 2;
  return (bytes + step - 1) / step * step;
}

/// The smallest kept block of at least `bytes`, if it is not `most` or more: memory that was touched before is worth some
/// waste, since a fresh page costs a fault and its clearing.
static void *take(size_t bytes, size_t most) {
  pthread_mutex_lock(&lock);
  size_t best = kept_count;
  for (size_t i = kept_count; i > 0; i--)
    if (kept[i - 1].bytes >= bytes && kept[i - 1].bytes < (best < kept_count ? kept[best].bytes : most)) best = i - 1;
  void *found = best < kept_count ? removed(best) : NULL;
  pthread_mutex_unlock(&lock);
  return found;
}

static void keep(struct header *block) {
  size_t bytes = block->bytes;
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

static struct header *fresh(size_t bytes) {
  void *block = NULL;
  size_t alignment = bytes >= HUGE_PAGE ? HUGE_PAGE : 4096;
  if (posix_memalign(&block, alignment, sizeof(struct header) + bytes) != 0) {
    ldm_trim();
    if (posix_memalign(&block, 4096, sizeof(struct header) + bytes) != 0) return NULL;
  }
#ifdef MADV_HUGEPAGE
  if (bytes >= HUGE_PAGE) madvise(block, sizeof(struct header) + bytes, MADV_HUGEPAGE);
#endif
  struct header *header = block;
  header->bytes = bytes;
  return header;
}

void *ldm_allocate(size_t bytes, bool lasting) {
  if (bytes < SMALL) {
    void *block = NULL;
    return posix_memalign(&block, ALIGNMENT, bytes > 0 ? bytes : 1) == 0 ? block : NULL;
  }
  size_t whole = rounded(bytes);
  struct header *block = take(whole, lasting ? whole + 1 : 2 * whole);
  if (block == NULL) block = fresh(whole);
  return block == NULL ? NULL : block + 1;
}

void ldm_release(void *block, size_t bytes) {
  if (block == NULL) return;
  if (bytes < SMALL)
    free(block);
  else
    keep((struct header *)block - 1);
}

void ldm_trim(void) {
  pthread_mutex_lock(&lock);
  while (kept_count > 0) free(removed(kept_count - 1));
  pthread_mutex_unlock(&lock);
}

static pthread_key_t scratch_key;

static void make_scratch_key(void) { pthread_key_create(&scratch_key, free); }

void *ldm_scratch(size_t bytes) {
  // One block a thread of the team, for the life of the thread; it grows to what the largest task needs.
  static pthread_once_t once = PTHREAD_ONCE_INIT;
  static _Thread_local void *block;
  static _Thread_local size_t size;
  if (bytes > size) {
    pthread_once(&once, make_scratch_key);
    free(block);
    size = 0;
    if (posix_memalign(&block, ALIGNMENT, bytes) != 0) block = NULL;
    // Freed with the thread.
    pthread_setspecific(scratch_key, block);
    if (block == NULL) return NULL;
    size = bytes;
  }
  return block;
}
