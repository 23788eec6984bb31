// XXH64 (Collet 2012, the specification of xxHash): as fast as memory is read, and good enough to find what a disk, a cut
// or a stray write did to a file. It is no defence against who wants two files to look alike.
#include <string.h>

#include "CKernels.h"

static const uint64_t P1 = 0x9E3779B185EBCA87, P2 = 0xC2B2AE3D27D4EB4F, P3 = 0x165667B19E3779F9,
                      P4 = 0x85EBCA77C2B2AE63, P5 = 0x27D4EB2F165667C5;

static uint64_t rotated(uint64_t x, int bits) { return x << bits | x >> (64 - bits); }
static uint64_t round64(uint64_t sum, uint64_t lane) { return rotated(sum + lane * P2, 31) * P1; }

static uint64_t lane64(const unsigned char *p) {
  uint64_t x;
  memcpy(&x, p, sizeof x);
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
  x = __builtin_bswap64(x);
#endif
  return x;
}

static uint64_t lane32(const unsigned char *p) {
  return (uint64_t)p[0] | (uint64_t)p[1] << 8 | (uint64_t)p[2] << 16 | (uint64_t)p[3] << 24;
}

/// Four sums over blocks of 32 bytes, made one.
static uint64_t blocks(const unsigned char *p, size_t count, uint64_t seed) {
  uint64_t a = seed + P1 + P2, b = seed + P2, c = seed, d = seed - P1;
  for (size_t i = 0; i < count; i++, p += 32) {
    a = round64(a, lane64(p));
    b = round64(b, lane64(p + 8));
    c = round64(c, lane64(p + 16));
    d = round64(d, lane64(p + 24));
  }
  uint64_t sum = rotated(a, 1) + rotated(b, 7) + rotated(c, 12) + rotated(d, 18);
  const uint64_t all[4] = {a, b, c, d};
  for (size_t i = 0; i < 4; i++) sum = (sum ^ round64(0, all[i])) * P1 + P4;
  return sum;
}

uint64_t ldm_hash(const void *data, size_t bytes, uint64_t seed) {
  const unsigned char *p = data, *end = p + bytes;
  uint64_t sum = bytes >= 32 ? blocks(p, bytes / 32, seed) : seed + P5;
  p += bytes / 32 * 32;
  sum += bytes;
  for (; end - p >= 8; p += 8) sum = rotated(sum ^ round64(0, lane64(p)), 27) * P1 + P4;
  if (end - p >= 4) {
    sum = rotated(sum ^ lane32(p) * P1, 23) * P2 + P3;
    p += 4;
  }
  for (; p < end; p++) sum = rotated(sum ^ *p * P5, 11) * P1;
  sum = (sum ^ sum >> 33) * P2;
  sum = (sum ^ sum >> 29) * P3;
  return sum ^ sum >> 32;
}

enum { PIECE = 1 << 20, PIECES = 1024 };

struct pieces {
  const unsigned char *data;
  size_t bytes;
  uint64_t sums[PIECES];
};

static void piece_task(void *context, size_t i) {
  struct pieces *p = context;
  size_t from = i * PIECE, bytes = p->bytes - from < PIECE ? p->bytes - from : PIECE;
  p->sums[i] = ldm_hash(p->data + from, bytes, i);
}

uint64_t ldm_checksum(const void *data, size_t bytes) {
  uint64_t sum = bytes;
  for (size_t from = 0; from < bytes; from += (size_t)PIECE * PIECES) {
    struct pieces p = {.data = (const unsigned char *)data + from};
    p.bytes = bytes - from < (size_t)PIECE * PIECES ? bytes - from : (size_t)PIECE * PIECES;
    size_t count = (p.bytes + PIECE - 1) / PIECE;
    ldm_parallel_for(count, piece_task, &p);
    sum = ldm_hash(p.sums, count * sizeof p.sums[0], sum);
  }
  return sum;
}
