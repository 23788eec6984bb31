#if defined(__x86_64__)
#define LEVEL avx512bf16
#define VL 16
#define MR 12
#define LDM_BF16
#pragma clang attribute push(                                                                              \
    __attribute__((target("avx2,fma,f16c,avx512f,avx512bw,avx512vl,avx512dq,avx512vnni,avx512bf16"))),     \
    apply_to = function)
#include "level.inc"
#pragma clang attribute pop
#endif
