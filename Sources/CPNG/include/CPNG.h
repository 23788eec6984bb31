// libpng behind functions that return: its errors come by longjmp, which Swift must never see.
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { LDM_PNG_MESSAGE = 200, LDM_PNG_TEXTS = 64 };

struct ldm_png_text {
  const char *key, *value;  // Latin-1 key, UTF-8 value
};

struct ldm_png {
  uint32_t width, height;
  int depth;  // 8 or 16, native byte order
  bool alpha;
  uint8_t *pixels;  // interleaved RGB or RGBA
  uint8_t *icc, *exif;
  size_t icc_size, exif_size;
  bool srgb, has_chromaticities;
  double gamma;              // gAMA; 0 where there is none
  double chromaticities[8];  // cHRM: xy of white, red, green, blue
  struct ldm_png_text texts[LDM_PNG_TEXTS];
  size_t text_count;
};

/// Size, depth and metadata, and the pixels unless `header_only` (then metadata that stands behind the pixels is not
/// read). Every colour type becomes RGB or RGBA of 8 or 16 bits. What is read is to be released with ldm_png_free.
bool ldm_png_read(const uint8_t *data, size_t size, uint64_t max_pixels, bool header_only, struct ldm_png *out,
                  char *message);
void ldm_png_free(struct ldm_png *png);
/// `*out` is to be freed with free().
bool ldm_png_write(const struct ldm_png *png, uint8_t **out, size_t *out_size, char *message);
