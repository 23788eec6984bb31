// libwebp's decoder, encoder and container, behind one function each.
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ldm_webp {
  int width, height, frames;
  bool alpha;
  const uint8_t *icc, *exif, *xmp;  // inside the data that was read
  size_t icc_size, exif_size, xmp_size;
};

/// Size and metadata. Null, or what is wrong.
const char *ldm_webp_header(const uint8_t *data, size_t size, struct ldm_webp *out);
/// The (first) frame as interleaved RGB or RGBA of width * height pixels. Null, or what is wrong.
const char *ldm_webp_decode(const uint8_t *data, size_t size, const struct ldm_webp *header, uint8_t *pixels);
/// Encodes `pixels` with the metadata of `header`; `*out` is to be freed with free(). Null, or what is wrong.
const char *ldm_webp_encode(const struct ldm_webp *header, const uint8_t *pixels, float quality, bool lossless,
                            uint8_t **out, size_t *out_size);
