// libjpeg behind functions that return: its errors come by longjmp, which Swift must never see.
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { LDM_JPEG_MESSAGE = 200 };

/// Size of the picture, and whether it is CMYK; false with a message where the data is no JPEG that can be read.
bool ldm_jpeg_header(const uint8_t *data, size_t size, int *width, int *height, bool *cmyk, char *message);
/// Decodes to interleaved RGB, or, of CMYK and YCCK, CMYK in which 255 is no ink: `pixels` holds width * height * 3 (4)
/// bytes as the header said. Data that ends early is an error, not a grey picture.
bool ldm_jpeg_decode(const uint8_t *data, size_t size, uint8_t *pixels, int width, int height, bool cmyk,
                     char *message);

struct ldm_jpeg_segment {
  int marker;  // 0xE0 + n for APPn
  const uint8_t *data;
  size_t size;  // at most 65533
};

/// Encodes interleaved RGB; colour is kept at full resolution where `full_colour`. `*out` is to be freed with free().
bool ldm_jpeg_encode(const uint8_t *pixels, int width, int height, int quality, bool full_colour,
                     const struct ldm_jpeg_segment *segments, size_t count, const uint8_t *icc, size_t icc_size,
                     uint8_t **out, size_t *out_size, char *message);
