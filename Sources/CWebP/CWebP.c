#include "CWebP.h"

#include <stdlib.h>
#include <string.h>
#include <webp/decode.h>
#include <webp/demux.h>
#include <webp/encode.h>
#include <webp/mux.h>

static void take(WebPDemuxer *demuxer, const char *name, const uint8_t **data, size_t *size) {
  WebPChunkIterator chunk;
  if (WebPDemuxGetChunk(demuxer, name, 1, &chunk)) {
    *data = chunk.chunk.bytes;
    *size = chunk.chunk.size;
    WebPDemuxReleaseChunkIterator(&chunk);
  }
}

const char *ldm_webp_header(const uint8_t *data, size_t size, struct ldm_webp *out) {
  memset(out, 0, sizeof *out);
  WebPData bytes = {data, size};
  WebPDemuxer *demuxer = WebPDemux(&bytes);
  if (demuxer == NULL) return "damaged, or the data ends early";
  out->width = (int)WebPDemuxGetI(demuxer, WEBP_FF_CANVAS_WIDTH);
  out->height = (int)WebPDemuxGetI(demuxer, WEBP_FF_CANVAS_HEIGHT);
  out->frames = (int)WebPDemuxGetI(demuxer, WEBP_FF_FRAME_COUNT);
  WebPIterator frame;
  bool found = WebPDemuxGetFrame(demuxer, 1, &frame);
  if (found) {
    out->alpha = frame.has_alpha || frame.width != out->width || frame.height != out->height;
    WebPDemuxReleaseIterator(&frame);
  }
  take(demuxer, "ICCP", &out->icc, &out->icc_size);
  take(demuxer, "EXIF", &out->exif, &out->exif_size);
  take(demuxer, "XMP ", &out->xmp, &out->xmp_size);
  WebPDemuxDelete(demuxer);
  return found && out->width > 0 && out->height > 0 ? NULL : "holds no frame";
}

const char *ldm_webp_decode(const uint8_t *data, size_t size, const struct ldm_webp *header, uint8_t *pixels) {
  WebPData bytes = {data, size};
  WebPDemuxer *demuxer = WebPDemux(&bytes);
  WebPIterator frame;
  if (demuxer == NULL || !WebPDemuxGetFrame(demuxer, 1, &frame)) {
    WebPDemuxDelete(demuxer);
    return "damaged, or the data ends early";
  }
  int channels = header->alpha ? 4 : 3;
  size_t stride = (size_t)header->width * (size_t)channels, total = stride * (size_t)header->height;
  memset(pixels, 0, total);
  size_t offset = (size_t)frame.y_offset * stride + (size_t)(frame.x_offset * channels);
  bool fits = frame.x_offset + frame.width <= header->width && frame.y_offset + frame.height <= header->height;
  uint8_t *done = NULL;
  if (fits)
    done = (header->alpha ? WebPDecodeRGBAInto : WebPDecodeRGBInto)(
        frame.fragment.bytes, frame.fragment.size, pixels + offset, total - offset, (int)stride);
  WebPDemuxReleaseIterator(&frame);
  WebPDemuxDelete(demuxer);
  return done != NULL ? NULL : "its picture cannot be decoded";
}

static bool put(WebPMux *mux, const char *name, const uint8_t *data, size_t size) {
  WebPData chunk = {data, size};
  return size == 0 || WebPMuxSetChunk(mux, name, &chunk, 0) == WEBP_MUX_OK;
}

/// The encoded picture in a container with its metadata.
static bool assemble(const struct ldm_webp *header, const WebPMemoryWriter *picture, uint8_t **out, size_t *out_size) {
  WebPMux *mux = WebPMuxNew();
  WebPData image = {picture->mem, picture->size}, whole = {NULL, 0};
  bool good = mux != NULL && WebPMuxSetImage(mux, &image, 0) == WEBP_MUX_OK &&
              put(mux, "ICCP", header->icc, header->icc_size) && put(mux, "EXIF", header->exif, header->exif_size) &&
              put(mux, "XMP ", header->xmp, header->xmp_size) && WebPMuxAssemble(mux, &whole) == WEBP_MUX_OK;
  WebPMuxDelete(mux);
  *out = (uint8_t *)whole.bytes;
  *out_size = whole.size;
  return good;
}

const char *ldm_webp_encode(const struct ldm_webp *header, const uint8_t *pixels, float quality, bool lossless,
                            uint8_t **out, size_t *out_size) {
  WebPConfig config;
  WebPPicture picture;
  WebPMemoryWriter writer;
  if (!WebPConfigInit(&config) || !WebPPictureInit(&picture)) return "libwebp of another version";
  if (header->width > WEBP_MAX_DIMENSION || header->height > WEBP_MAX_DIMENSION)
    return "WebP holds at most 16383 pixels a side";
  config.lossless = lossless;
  config.exact = lossless;
  config.quality = lossless ? 75 : quality;
  picture.use_argb = lossless;
  picture.width = header->width;
  picture.height = header->height;
  WebPMemoryWriterInit(&writer);
  picture.writer = WebPMemoryWrite;
  picture.custom_ptr = &writer;
  int stride = header->width * (header->alpha ? 4 : 3);
  bool good = header->alpha ? WebPPictureImportRGBA(&picture, pixels, stride)
                            : WebPPictureImportRGB(&picture, pixels, stride);
  good = good && WebPEncode(&config, &picture) && assemble(header, &writer, out, out_size);
  WebPPictureFree(&picture);
  WebPMemoryWriterClear(&writer);
  return good ? NULL : "libwebp could not encode it";
}
