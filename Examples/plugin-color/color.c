// Pulls the picture's colours to a palette: ldm txt2img --plugin color.so:palette=e07a5f+3d405b+81b29a,pull=0.5 ...
//
// Each colour of the palette is encoded as a flat picture. After every call of the network the mean about each latent goes a part of the
// way to the palette's nearest colour, at the noise that the sampler has reached: little while the picture is still being
// decided on, most at the end. Draws nothing.
#include "ldm_plugin.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

// SIDE: latents of the flat pictures along a side; their middle one is taken.
enum { MOST_COLOURS = 32, MOST_CHANNELS = 16, SIDE = 8 };

struct palette {
  int colours, channels;
  double pull;
  float *latents;  // [colours, channels]
};

static void release(void *state) {
  struct palette *palette = state;
  free(palette->latents), free(palette);
}

/// Appends the latents of a colour, or fails.
static int32_t add(struct palette *palette, const struct ldm_host *host, unsigned colour, float *picture) {
  int32_t side = SIDE * host->latent_factor;
  size_t plane = (size_t)side * (size_t)side;
  for (int c = 0; c < 3; c++)
    for (size_t i = 0; i < plane; i++)
      picture[(size_t)c * plane + i] = (float)(colour >> (16 - 8 * c) & 255) / 255 * 2 - 1;
  struct ldm_tensor flat = {picture, 4, {1, 3, side, side}}, latents;
  int32_t status = host->encode_image(host, &flat, 0, &latents);
  if (status != 0) return status;
  for (int c = 0; c < palette->channels; c++)
    palette->latents[palette->colours * palette->channels + c] =
        latents.data[(c * SIDE + SIDE / 2) * SIDE + SIDE / 2];
  palette->colours++;
  return 0;
}

static int32_t condition(const struct ldm_plugin *self, const struct ldm_host *host, const struct ldm_request *request,
                         void **state) {
  (void)self, (void)request;
  const char *text = ldm_option_value(host, "palette"), *pull = ldm_option_value(host, "pull");
  if (text == NULL) return host->fail(host, "no palette; give palette=RRGGBB+RRGGBB+...");
  struct palette *palette = calloc(1, sizeof *palette);
  size_t side = SIDE * (size_t)host->latent_factor;
  float *picture = malloc(3 * side * side * sizeof *picture);
  int32_t status = palette == NULL || picture == NULL ? host->fail(host, "not enough memory") : 0;
  if (status == 0) {
    palette->channels = host->latent_channels;
    if (palette->channels > MOST_CHANNELS) status = host->fail(host, "a model of over 16 latent channels");
    palette->pull = pull != NULL ? atof(pull) : 0.5;
    palette->latents = malloc(MOST_COLOURS * (size_t)palette->channels * sizeof(float));
    if (status == 0 && palette->latents == NULL) status = host->fail(host, "not enough memory");
    if (status == 0 && !(palette->pull >= 0 && palette->pull <= 1)) status = host->fail(host, "pull is not 0 to 1");
  }
  unsigned colour, length;
  while (status == 0 && *text != 0) {
    if (sscanf(text, "%6x%n", &colour, (int *)&length) != 1 || length != 6 || palette->colours == MOST_COLOURS)
      status = host->fail(host, "palette is not up to 32 colours as RRGGBB+RRGGBB");
    else status = add(palette, host, colour, picture);
    text += status == 0 ? 6 + (text[6] == '+') : 0;
  }
  free(picture);
  if (status == 0) *state = palette;
  else if (palette != NULL) release(palette);
  return status;
}

/// The mean of a map about (x, y), 5x5: a colour, where a latent alone is texture too.
static float mean(const float *map, int height, int width, int y, int x) {
  float sum = 0, count = 0;
  for (int v = y > 2 ? y - 2 : 0; v <= y + 2 && v < height; v++)
    for (int u = x > 2 ? x - 2 : 0; u <= x + 2 && u < width; u++) sum += map[v * width + u], count++;
  return sum / count;
}

static int32_t constrain(void *state, const struct ldm_host *host, const struct ldm_tensor *latents,
                         const struct ldm_step *step) {
  const struct palette *palette = state;
  size_t plane = (size_t)latents->shape[2] * (size_t)latents->shape[3];
  size_t channels = (size_t)palette->channels;
  int height = latents->shape[2], width = latents->shape[3];
  float *x = malloc(channels * plane * sizeof *x), own[MOST_CHANNELS];
  if (x == NULL) return host->fail(host, "not enough memory");
  double progress = (step->call + 1.0) / step->calls, pull = palette->pull * progress * progress * step->signal_after;
  memcpy(x, latents->data, channels * plane * sizeof *x);
  for (size_t i = 0; i < plane; i++) {
    for (size_t c = 0; c < channels; c++)
      own[c] = mean(step->x0.data + c * plane, height, width, (int)i / width, (int)i % width);
    const float *nearest = own;
    float least = INFINITY;
    for (int k = 0; k < palette->colours; k++) {
      const float *colour = palette->latents + (size_t)k * channels;
      float distance = 0;
      for (size_t c = 0; c < channels; c++) distance += (own[c] - colour[c]) * (own[c] - colour[c]);
      if (distance < least) nearest = colour, least = distance;
    }
    // x = signal * x0 + noise * normal: moving x0 moves x by signal times as much.
    for (size_t c = 0; c < channels; c++) x[c * plane + i] += (float)pull * (nearest[c] - own[c]);
  }
  struct ldm_tensor result = *latents;
  result.data = x;
  int32_t status = host->put(host, LDM_LATENTS, &result);
  free(x);
  return status;
}

const struct ldm_plugin *ldm_plugin_table(uint32_t version) {
  static const char *const options[] = {"palette=RRGGBB+RRGGBB  up to 32 colours", "pull=0...1  how far, at the last step (0.5)",
                                        NULL};
  static const struct ldm_plugin table = {.version = LDM_PLUGIN_VERSION, .name = "color", .options = options,
                                          .summary = "pulls colours to a palette",
                                          .condition = condition, .constrain = constrain, .release = release};
  return (void)version, &table;
}
