#include "CJPEG.h"

#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jpeglib.h>
#include <jerror.h>

struct catcher {
  struct jpeg_error_mgr manager;
  jmp_buf jump;
  char *message;
};

static void caught(j_common_ptr info) {
  struct catcher *catcher = (struct catcher *)info->err;
  char text[JMSG_LENGTH_MAX];
  info->err->format_message(info, text);
  snprintf(catcher->message, LDM_JPEG_MESSAGE, "%s", text);
  longjmp(catcher->jump, 1);
}

/// Warnings pass, but for the one that libjpeg answers with invented pixels.
static void warned(j_common_ptr info, int level) {
  if (level < 0 && info->err->msg_code == JWRN_JPEG_EOF) caught(info);
}

static struct jpeg_error_mgr *catching(struct catcher *catcher, char *message) {
  struct jpeg_error_mgr *manager = jpeg_std_error(&catcher->manager);
  manager->error_exit = caught;
  manager->emit_message = warned;
  catcher->message = message;
  return manager;
}

bool ldm_jpeg_header(const uint8_t *data, size_t size, int *width, int *height, bool *cmyk, char *message) {
  struct jpeg_decompress_struct info;
  struct catcher catcher;
  info.err = catching(&catcher, message);
  if (setjmp(catcher.jump)) {
    jpeg_destroy_decompress(&info);
    return false;
  }
  jpeg_create_decompress(&info);
  jpeg_mem_src(&info, data, size);
  jpeg_read_header(&info, TRUE);
  *width = (int)info.image_width;
  *height = (int)info.image_height;
  *cmyk = info.jpeg_color_space == JCS_CMYK || info.jpeg_color_space == JCS_YCCK;
  jpeg_destroy_decompress(&info);
  return true;
}

bool ldm_jpeg_decode(const uint8_t *data, size_t size, uint8_t *pixels, int width, int height, bool cmyk,
                     char *message) {
  struct jpeg_decompress_struct info;
  struct catcher catcher;
  info.err = catching(&catcher, message);
  if (setjmp(catcher.jump)) {
    jpeg_destroy_decompress(&info);
    return false;
  }
  jpeg_create_decompress(&info);
  jpeg_mem_src(&info, data, size);
  jpeg_read_header(&info, TRUE);
  info.out_color_space = cmyk ? JCS_CMYK : JCS_RGB;
  jpeg_start_decompress(&info);
  if ((int)info.output_width != width || (int)info.output_height != height) {
    snprintf(message, LDM_JPEG_MESSAGE, "its size changed");
    longjmp(catcher.jump, 1);
  }
  size_t stride = (size_t)width * (cmyk ? 4 : 3);
  while (info.output_scanline < info.output_height) {
    JSAMPROW line = pixels + (size_t)info.output_scanline * stride;
    jpeg_read_scanlines(&info, &line, 1);
    // Adobe's stands inverted in the file: 255 is no ink. So it is given on, whoever wrote it.
    for (size_t i = 0; cmyk && !info.saw_Adobe_marker && i < stride; i++) line[i] = 255 - line[i];
  }
  jpeg_finish_decompress(&info);
  jpeg_destroy_decompress(&info);
  return true;
}

bool ldm_jpeg_encode(const uint8_t *pixels, int width, int height, int quality, bool full_colour,
                     const struct ldm_jpeg_segment *segments, size_t count, const uint8_t *icc, size_t icc_size,
                     uint8_t **out, size_t *out_size, char *message) {
  struct jpeg_compress_struct info;
  struct catcher catcher;
  unsigned char *memory = NULL;
  unsigned long length = 0;
  info.err = catching(&catcher, message);
  if (setjmp(catcher.jump)) {
    jpeg_destroy_compress(&info);
    free(memory);
    return false;
  }
  jpeg_create_compress(&info);
  jpeg_mem_dest(&info, &memory, &length);
  info.image_width = (JDIMENSION)width;
  info.image_height = (JDIMENSION)height;
  info.input_components = 3;
  info.in_color_space = JCS_RGB;
  jpeg_set_defaults(&info);
  jpeg_set_quality(&info, quality, TRUE);
  info.optimize_coding = TRUE;
  if (full_colour) info.comp_info[0].h_samp_factor = info.comp_info[0].v_samp_factor = 1;
  jpeg_start_compress(&info, TRUE);
  for (size_t i = 0; i < count; i++)
    jpeg_write_marker(&info, segments[i].marker, segments[i].data, (unsigned)segments[i].size);
  if (icc_size > 0) jpeg_write_icc_profile(&info, icc, (unsigned)icc_size);
  while (info.next_scanline < info.image_height) {
    JSAMPROW line = (JSAMPROW)pixels + (size_t)info.next_scanline * (size_t)width * 3;
    jpeg_write_scanlines(&info, &line, 1);
  }
  jpeg_finish_compress(&info);
  jpeg_destroy_compress(&info);
  *out = memory;
  *out_size = length;
  return true;
}
