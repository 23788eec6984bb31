#define LEVEL scalar
#define VL 4
#define MR 4
#include "level.inc"
