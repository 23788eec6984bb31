// lcms2 as far as pictures need it: between a profile and sRGB, and profiles made from what other files say.
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum ldm_profile_kind {
  LDM_PROFILE_UNKNOWN,  // damaged, or of a colour space that no picture here has
  LDM_PROFILE_SRGB,     // within a fraction of an 8-bit level of it
  LDM_PROFILE_RGB,
  LDM_PROFILE_GREY,
  LDM_PROFILE_CMYK
};

enum ldm_profile_kind ldm_profile_kind(const uint8_t *icc, size_t size);

/// Interleaved samples of native byte order, `channels` 3 or 4 (alpha, copied), of 8 or 16 bits → sRGB of 16 bits.
/// Relative colorimetric with black point compensation. False where lcms cannot.
bool ldm_profile_to_srgb(const uint8_t *icc, size_t size, const void *in, int channels, int depth, uint16_t *out,
                         size_t pixels);
/// sRGB of 16 bits → samples of `depth` bits in the profile's colours.
bool ldm_profile_from_srgb(const uint8_t *icc, size_t size, const uint16_t *in, int channels, void *out, int depth,
                           size_t pixels);
/// CMYK of 8 bits in which 255 is no ink, as in JPEG files → RGB of 8 bits in sRGB.
bool ldm_profile_cmyk_to_srgb(const uint8_t *icc, size_t size, const uint8_t *in, uint8_t *out, size_t pixels);

/// An RGB profile from a transfer exponent (2.2) and the xy of white, red, green and blue. `*out` is to be freed with free().
bool ldm_profile_make(double exponent, const double xy[8], uint8_t **out, size_t *out_size);
/// The RGB profile in which equal samples mean what the grey profile says: sRGB's primaries with its curve.
bool ldm_profile_from_grey(const uint8_t *icc, size_t size, uint8_t **out, size_t *out_size);
