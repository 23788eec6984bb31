#if defined(__x86_64__)
#define LEVEL avx2
#define VL 8
#define MR 6
#pragma clang attribute push(__attribute__((target("avx2,fma,f16c"))), apply_to = function)
#include "level.inc"
#pragma clang attribute pop
#endif
