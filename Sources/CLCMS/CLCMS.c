#include "CLCMS.h"

#include <lcms2.h>
#include <stdlib.h>
#include <string.h>

/// Without lcms's optimisations, which put 16-bit samples through a coarse table.
static const cmsUInt32Number exact = cmsFLAGS_NOOPTIMIZE | cmsFLAGS_COPY_ALPHA | cmsFLAGS_BLACKPOINTCOMPENSATION;

static cmsUInt32Number format(int channels, int depth) {
  if (depth == 16) return channels == 4 ? TYPE_RGBA_16 : TYPE_RGB_16;
  return channels == 4 ? TYPE_RGBA_8 : TYPE_RGB_8;
}

/// Pixels a call: its counter has 32 bits.
enum { SLICE = 1 << 24 };

/// Takes both profiles.
static bool convert(cmsHPROFILE from, cmsUInt32Number in_format, const void *in, size_t in_bytes, cmsHPROFILE to,
                    cmsUInt32Number out_format, void *out, size_t out_bytes, size_t pixels) {
  cmsHTRANSFORM transform = NULL;
  if (from != NULL && to != NULL)
    transform = cmsCreateTransform(from, in_format, to, out_format, INTENT_RELATIVE_COLORIMETRIC, exact);
  if (from != NULL) cmsCloseProfile(from);
  if (to != NULL) cmsCloseProfile(to);
  if (transform == NULL) return false;
  for (size_t done = 0; done < pixels; done += SLICE) {
    size_t count = pixels - done < SLICE ? pixels - done : SLICE;
    cmsDoTransform(transform, (const uint8_t *)in + done * in_bytes, (uint8_t *)out + done * out_bytes,
                   (cmsUInt32Number)count);
  }
  cmsDeleteTransform(transform);
  return true;
}

static cmsHPROFILE opened(const uint8_t *icc, size_t size) {
  return size < 0x7fffffff ? cmsOpenProfileFromMem(icc, (cmsUInt32Number)size) : NULL;
}

bool ldm_profile_to_srgb(const uint8_t *icc, size_t size, const void *in, int channels, int depth, uint16_t *out,
                         size_t pixels) {
  return convert(opened(icc, size), format(channels, depth), in, (size_t)(channels * depth / 8), cmsCreate_sRGBProfile(),
                 format(channels, 16), out, (size_t)channels * 2, pixels);
}

bool ldm_profile_from_srgb(const uint8_t *icc, size_t size, const uint16_t *in, int channels, void *out, int depth,
                           size_t pixels) {
  return convert(cmsCreate_sRGBProfile(), format(channels, 16), in, (size_t)channels * 2, opened(icc, size),
                 format(channels, depth), out, (size_t)(channels * depth / 8), pixels);
}

bool ldm_profile_cmyk_to_srgb(const uint8_t *icc, size_t size, const uint8_t *in, uint8_t *out, size_t pixels) {
  return convert(opened(icc, size), TYPE_CMYK_8_REV, in, 4, cmsCreate_sRGBProfile(), TYPE_RGB_8, out, 3, pixels);
}

/// Whether colours all over the cube keep their samples, to within 0.4 of an 8-bit level.
static bool is_srgb(const uint8_t *icc, size_t size) {
  enum { STEPS = 6, COUNT = STEPS * STEPS * STEPS };
  uint16_t in[COUNT][3], out[COUNT][3];
  for (int i = 0; i < COUNT; i++)
    for (int c = 0, rest = i; c < 3; c++, rest /= STEPS) in[i][c] = (uint16_t)(rest % STEPS * 65535 / (STEPS - 1));
  if (!ldm_profile_to_srgb(icc, size, in, 3, 16, out[0], COUNT)) return false;
  for (int i = 0; i < COUNT; i++)
    for (int c = 0; c < 3; c++)
      if (abs(in[i][c] - out[i][c]) > 103) return false;
  return true;
}

enum ldm_profile_kind ldm_profile_kind(const uint8_t *icc, size_t size) {
  cmsHPROFILE profile = opened(icc, size);
  if (profile == NULL) return LDM_PROFILE_UNKNOWN;
  cmsColorSpaceSignature space = cmsGetColorSpace(profile);
  cmsCloseProfile(profile);
  if (space == cmsSigGrayData) return LDM_PROFILE_GREY;
  if (space == cmsSigCmykData) return LDM_PROFILE_CMYK;
  if (space != cmsSigRgbData) return LDM_PROFILE_UNKNOWN;
  if (is_srgb(icc, size)) return LDM_PROFILE_SRGB;
  uint16_t sample[3] = {0}, other[3];
  bool returns = ldm_profile_to_srgb(icc, size, sample, 3, 16, other, 1) &&
                 ldm_profile_from_srgb(icc, size, sample, 3, other, 16, 1);
  return returns ? LDM_PROFILE_RGB : LDM_PROFILE_UNKNOWN;
}

/// Takes the profile.
static bool saved(cmsHPROFILE profile, uint8_t **out, size_t *out_size) {
  cmsUInt32Number size = 0;
  uint8_t *data = NULL;
  bool good = profile != NULL && cmsSaveProfileToMem(profile, NULL, &size) && (data = malloc(size)) != NULL &&
              cmsSaveProfileToMem(profile, data, &size);
  if (profile != NULL) cmsCloseProfile(profile);
  if (!good) {
    free(data);
    return false;
  }
  // The hour it was made (bytes 24 to 35) would make every file another.
  static const uint8_t date[12] = {2000 >> 8, 2000 & 255, 0, 1, 0, 1};
  memcpy(data + 24, date, sizeof date);
  *out = data;
  *out_size = size;
  return true;
}

bool ldm_profile_make(double exponent, const double xy[8], uint8_t **out, size_t *out_size) {
  cmsCIExyY white = {xy[0], xy[1], 1};
  cmsCIExyYTRIPLE primaries = {{xy[2], xy[3], 1}, {xy[4], xy[5], 1}, {xy[6], xy[7], 1}};
  cmsToneCurve *curve = cmsBuildGamma(NULL, exponent);
  if (curve == NULL) return false;
  cmsToneCurve *curves[3] = {curve, curve, curve};
  cmsHPROFILE profile = cmsCreateRGBProfile(&white, &primaries, curves);
  cmsFreeToneCurve(curve);
  return saved(profile, out, out_size);
}

bool ldm_profile_from_grey(const uint8_t *icc, size_t size, uint8_t **out, size_t *out_size) {
  cmsHPROFILE grey = opened(icc, size);
  cmsToneCurve *curve = grey != NULL ? cmsReadTag(grey, cmsSigGrayTRCTag) : NULL;
  cmsHPROFILE profile = NULL;
  if (curve != NULL) {
    cmsCIExyY white = {0.3127, 0.3290, 1};
    cmsCIExyYTRIPLE primaries = {{0.64, 0.33, 1}, {0.30, 0.60, 1}, {0.15, 0.06, 1}};
    cmsToneCurve *curves[3] = {curve, curve, curve};
    profile = cmsCreateRGBProfile(&white, &primaries, curves);
  }
  if (grey != NULL) cmsCloseProfile(grey);
  return saved(profile, out, out_size);
}
