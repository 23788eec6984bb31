#include "CPNG.h"

#include <png.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/// Metadata larger than this is no profile or text but an attack.
enum { LARGEST_CHUNK = 64 << 20 };

struct source {
  const uint8_t *data;
  size_t size, place;
};

static void caught(png_structp png, png_const_charp text) {
  snprintf(png_get_error_ptr(png), LDM_PNG_MESSAGE, "%s", text);
  longjmp(png_jmpbuf(png), 1);
}

static void warned(png_structp png, png_const_charp text) { (void)png, (void)text; }

static void read_bytes(png_structp png, png_bytep to, size_t n) {
  struct source *source = png_get_io_ptr(png);
  if (n > source->size - source->place) png_error(png, "the data ends early");
  memcpy(to, source->data + source->place, n);
  source->place += n;
}

static void take_colours(png_structp png, png_infop info, struct ldm_png *out) {
  int intent;
  double *xy = out->chromaticities;
  out->srgb = png_get_sRGB(png, info, &intent) & PNG_INFO_sRGB;
  if (!(png_get_gAMA(png, info, &out->gamma) & PNG_INFO_gAMA)) out->gamma = 0;
  out->has_chromaticities =
      png_get_cHRM(png, info, xy, xy + 1, xy + 2, xy + 3, xy + 4, xy + 5, xy + 6, xy + 7) & PNG_INFO_cHRM;
}

static uint8_t *copied(const void *data, size_t size) {
  uint8_t *copy = malloc(size > 0 ? size : 1);
  if (copy != NULL) memcpy(copy, data, size);
  return copy;
}

static void take_profile_and_exif(png_structp png, png_infop info, struct ldm_png *out) {
  png_charp name;
  png_bytep data;
  png_uint_32 size;
  int compression;
  if (out->icc == NULL && png_get_iCCP(png, info, &name, &compression, &data, &size) & PNG_INFO_iCCP) {
    out->icc = copied(data, size);
    out->icc_size = out->icc != NULL ? size : 0;
  }
  if (out->exif == NULL && png_get_eXIf_1(png, info, &size, &data) & PNG_INFO_eXIf) {
    out->exif = copied(data, size);
    out->exif_size = out->exif != NULL ? size : 0;
  }
}

/// tEXt and zTXt hold Latin-1.
static char *utf8(const char *text, size_t size, bool latin1) {
  char *result = malloc(2 * size + 1), *to = result;
  if (result == NULL) return NULL;
  for (size_t i = 0; i < size; i++) {
    unsigned char c = (unsigned char)text[i];
    if (latin1 && c >= 0x80) *to++ = (char)(0xc0 | c >> 6), *to++ = (char)(0x80 | (c & 0x3f));
    else *to++ = (char)c;
  }
  *to = 0;
  return result;
}

static void take_texts(png_structp png, png_infop info, struct ldm_png *out) {
  png_textp texts;
  int count = png_get_text(png, info, &texts, NULL);
  for (int i = 0; i < count && out->text_count < LDM_PNG_TEXTS; i++) {
    bool international = texts[i].compression >= PNG_ITXT_COMPRESSION_NONE;
    size_t size = international ? texts[i].itxt_length : texts[i].text_length;
    char *key = utf8(texts[i].key, strlen(texts[i].key), true), *value = utf8(texts[i].text, size, !international);
    if (key != NULL && value != NULL)
      out->texts[out->text_count++] = (struct ldm_png_text){key, value};
    else
      free(key), free(value);
  }
}

static void as_rgb(png_structp png, png_infop info) {
  int colour = png_get_color_type(png, info);
  png_set_expand(png);
  if (png_get_bit_depth(png, info) == 16) png_set_swap(png);
  if (!(colour & PNG_COLOR_MASK_COLOR)) png_set_gray_to_rgb(png);
  png_set_interlace_handling(png);
  png_read_update_info(png, info);
}

bool ldm_png_read(const uint8_t *data, size_t size, uint64_t max_pixels, bool header_only, struct ldm_png *out,
                  char *message) {
  memset(out, 0, sizeof *out);
  struct source source = {data, size, 0};
  png_structp png = png_create_read_struct(PNG_LIBPNG_VER_STRING, message, caught, warned);
  png_infop info = png != NULL ? png_create_info_struct(png) : NULL;
  png_bytep *volatile rows = NULL;
  if (info == NULL || setjmp(png_jmpbuf(png))) {
    if (info == NULL) snprintf(message, LDM_PNG_MESSAGE, "not enough memory");
    png_destroy_read_struct(&png, &info, NULL);
    free((void *)rows);
    ldm_png_free(out);
    return false;
  }
  png_set_read_fn(png, &source, read_bytes);
  png_set_chunk_malloc_max(png, LARGEST_CHUNK);
  png_set_user_limits(png, 0x7fffffff, 0x7fffffff);
  png_read_info(png, info);
  out->width = png_get_image_width(png, info);
  out->height = png_get_image_height(png, info);
  out->depth = png_get_bit_depth(png, info) == 16 ? 16 : 8;
  out->alpha = png_get_color_type(png, info) & PNG_COLOR_MASK_ALPHA || png_get_valid(png, info, PNG_INFO_tRNS);
  if ((uint64_t)out->width * out->height > max_pixels) png_error(png, "too many pixels");
  take_profile_and_exif(png, info, out);
  take_colours(png, info, out);
  if (header_only) {
    take_texts(png, info, out);
    png_destroy_read_struct(&png, &info, NULL);
    return true;
  }
  as_rgb(png, info);
  size_t stride = (size_t)out->width * (out->alpha ? 4 : 3) * (size_t)(out->depth / 8);
  if (png_get_rowbytes(png, info) != stride) png_error(png, "an unknown colour type");
  out->pixels = malloc(stride * out->height);
  rows = malloc(out->height * sizeof(png_bytep));
  if (out->pixels == NULL || rows == NULL) png_error(png, "not enough memory");
  for (size_t y = 0; y < out->height; y++) rows[y] = out->pixels + y * stride;
  png_read_image(png, (png_bytepp)rows);
  png_read_end(png, info);
  take_profile_and_exif(png, info, out);
  take_texts(png, info, out);
  png_destroy_read_struct(&png, &info, NULL);
  free((void *)rows);
  return true;
}

void ldm_png_free(struct ldm_png *png) {
  free(png->pixels), free(png->icc), free(png->exif);
  for (size_t i = 0; i < png->text_count; i++) free((void *)png->texts[i].key), free((void *)png->texts[i].value);
  memset(png, 0, sizeof *png);
}

struct target {
  uint8_t *data;
  size_t size, capacity;
};

static void write_bytes(png_structp png, png_bytep from, size_t n) {
  struct target *target = png_get_io_ptr(png);
  if (target->capacity - target->size < n) {
    size_t capacity = 2 * (target->capacity + n);
    uint8_t *data = realloc(target->data, capacity);
    if (data == NULL) png_error(png, "not enough memory");
    target->data = data;
    target->capacity = capacity;
  }
  memcpy(target->data + target->size, from, n);
  target->size += n;
}

static void flush(png_structp png) { (void)png; }

static void put_metadata(png_structp png, png_infop info, const struct ldm_png *in) {
  if (in->icc_size > 0) {
    png_set_iCCP(png, info, "icc", PNG_COMPRESSION_TYPE_BASE, in->icc, (png_uint_32)in->icc_size);
    // libpng warns of a bad profile and leaves it out: the samples would mean other colours.
    if (!png_get_valid(png, info, PNG_INFO_iCCP)) png_error(png, "the colour profile is damaged");
  }
  if (in->exif_size > 0) png_set_eXIf_1(png, info, (png_uint_32)in->exif_size, in->exif);
  for (size_t i = 0; i < in->text_count; i++) {
    png_text text = {.compression = PNG_ITXT_COMPRESSION_NONE, .key = (char *)in->texts[i].key,
                     .text = (char *)in->texts[i].value, .lang = "", .lang_key = ""};
    bool ascii = true;
    for (const char *c = in->texts[i].value; *c; c++) ascii = ascii && (unsigned char)*c < 0x80;
    if (ascii && strncmp(text.key, "XML:", 4) != 0) text.compression = PNG_TEXT_COMPRESSION_NONE;
    png_set_text(png, info, &text, 1);
  }
}

bool ldm_png_write(const struct ldm_png *in, uint8_t **out, size_t *out_size, char *message) {
  struct target target = {NULL, 0, 0};
  png_structp png = png_create_write_struct(PNG_LIBPNG_VER_STRING, message, caught, warned);
  png_infop info = png != NULL ? png_create_info_struct(png) : NULL;
  if (info == NULL || setjmp(png_jmpbuf(png))) {
    if (info == NULL) snprintf(message, LDM_PNG_MESSAGE, "not enough memory");
    png_destroy_write_struct(&png, &info);
    free(target.data);
    return false;
  }
  png_set_write_fn(png, &target, write_bytes, flush);
  png_set_benign_errors(png, 1);
  png_set_IHDR(png, info, in->width, in->height, in->depth, in->alpha ? PNG_COLOR_TYPE_RGBA : PNG_COLOR_TYPE_RGB,
               PNG_INTERLACE_NONE, PNG_COMPRESSION_TYPE_BASE, PNG_FILTER_TYPE_BASE);
  put_metadata(png, info, in);
  png_write_info(png, info);
  if (in->depth == 16) png_set_swap(png);
  size_t stride = (size_t)in->width * (in->alpha ? 4 : 3) * (size_t)(in->depth / 8);
  for (size_t y = 0; y < in->height; y++) png_write_row(png, in->pixels + y * stride);
  png_write_end(png, NULL);  // with info, libpng would write eXIf a second time
  png_destroy_write_struct(&png, &info);
  *out = target.data;
  *out_size = target.size;
  return true;
}
