// One entry a kernel: picks the level and checks nothing else.
#include <stdlib.h>
#include <string.h>

#include "CKernels.h"
#include "levels.h"

static enum ldm_cpu_level best_level(void) {
#if defined(__x86_64__)
  __builtin_cpu_init();
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl") &&
      __builtin_cpu_supports("avx512dq"))
    return __builtin_cpu_supports("avx512bf16") && __builtin_cpu_supports("avx512vnni") ? LDM_CPU_AVX512BF16
                                                                                        : LDM_CPU_AVX512;
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) return LDM_CPU_AVX2;
#endif
  return LDM_CPU_SCALAR;
}

static const char *const names[] = {"scalar", "avx2", "avx512", "avx512bf16"};

static enum ldm_cpu_level asked_level(void) {
  enum ldm_cpu_level best = best_level();
  const char *asked = getenv("LDM_CPU");
  for (int level = 0; asked != NULL && level <= (int)best; level++)
    if (strcmp(asked, names[level]) == 0) return (enum ldm_cpu_level)level;
  return best;
}

enum ldm_cpu_level ldm_cpu(void) {
  static int level = -1;  // every thread would compute the same value
  int known = __atomic_load_n(&level, __ATOMIC_RELAXED);
  if (known < 0) {
    known = (int)asked_level();
    __atomic_store_n(&level, known, __ATOMIC_RELAXED);
  }
  return (enum ldm_cpu_level)known;
}

const char *ldm_cpu_name(void) { return names[ldm_cpu()]; }

const struct ldm_level *ldm_level(void) {
  switch (ldm_cpu()) {
#if defined(__x86_64__)
    case LDM_CPU_AVX512BF16: return &ldm_level_avx512bf16;
    case LDM_CPU_AVX512: return &ldm_level_avx512;
    case LDM_CPU_AVX2: return &ldm_level_avx2;
#endif
    default: return &ldm_level_scalar;
  }
}

bool ldm_cpu_has_bf16(void) { return ldm_level()->fast_bf16; }

size_t ldm_vector_width(void) { return ldm_level()->vector; }
