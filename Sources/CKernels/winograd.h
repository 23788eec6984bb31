// What packing filters for Winograd's method and multiplying by them share.
#pragma once
#include "CKernels.h"
#include "levels.h"

/// Rows and columns of the positions of a tile.
static inline size_t ldm_winograd_side(const struct ldm_winograd_kind *kind) { return (size_t)kind->tile + 2; }
static inline const struct ldm_transforms *ldm_winograd_transforms(const struct ldm_winograd_kind *kind) {
  return kind->tile == 2 ? &ldm_level()->winograd2 : &ldm_level()->winograd4;
}
/// Bytes of one position's packed matrix, in x out.
size_t ldm_winograd_matrix_size(const struct ldm_winograd_kind *kind, size_t in, size_t out);
