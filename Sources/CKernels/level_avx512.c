#if defined(__x86_64__)
#define LEVEL avx512
#define VL 16
#define MR 12
#pragma clang attribute push(__attribute__((target("avx2,fma,f16c,avx512f,avx512bw,avx512vl,avx512dq"))), \
                             apply_to = function)
#include "level.inc"
#pragma clang attribute pop
#endif
