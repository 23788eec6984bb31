// What a shared object given to `ldm --plugin` exports: one conditioner, as a table of C functions.
//
// Nothing but C crosses: no C++ or Swift type, no exception. Tensors are 32-bit floats in row-major order with their shape.
// Every pointer is lent: what the host gives lives until the plug-in's function returns, what the plug-in gives is copied
// before the host's function returns. A plug-in's functions run one at a time, on one thread, and return 0, or what
// host->fail returned. Plugins/README.md tells when each is called.
#pragma once
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/// Of this header. A table of another version is refused.
enum { LDM_PLUGIN_VERSION = 1 };

struct ldm_tensor {
  const float *data;  // null where there is none
  int32_t rank;       // 0...4
  int32_t shape[4];
};

/// What a plug-in may set, and in which of its functions.
enum ldm_part {
  LDM_IMAGE,          // prepare: the picture to start from, [1, 3, H, W] in -1...1
  LDM_MASK,           // prepare: where to repaint, [1, 1, H, W] in 0...1
  LDM_START_LATENTS,  // condition: clean latents, noised as far as the strength says, [1, C, h, w]
  LDM_START_NOISE,    // condition: the start noise, [1, C, h, w]
  LDM_CONTEXT,        // condition: tokens for cross-attention in place of the prompt's, [1, T, D]
  LDM_NEGATIVE,       // condition: what guidance steers away from, in place of the negative prompt's, [1, T, D]
  LDM_CONCATENATED,   // condition: channels appended to the UNet's input, [1, K, h, w]
  LDM_LATENTS,        // constrain: the latents to go on with, [1, C, h, w]
  LDM_PICTURE         // compose: the picture to go on with, [1, 3, H, W], about -1...1; in txt2img of any size
};

enum ldm_number {
  LDM_HEIGHT,    // prepare: of the result, in pixels; img2img and inpaint take the picture's
  LDM_WIDTH,     // prepare
  LDM_STRENGTH,  // prepare; condition, with start latents: 0 keeps the start, 1 forgets it
  LDM_LABEL      // condition: a row of the UNet's class embedding
};

/// What the user asks for. Sizes are in pixels.
struct ldm_request {
  struct ldm_tensor image, mask;
  int32_t height, width;
  double strength;
  const char *prompt, *negative_prompt;  // UTF-8
  int32_t noise_level;                   // -1: the model's default
  int32_t mask_mode;                     // 0 hard, 1 soft, 2 nearest
  int32_t encoding;                      // -1 the model's default, 0 by a draw, 1 by the mean
  int32_t raw;                           // nothing is to be corrected after decoding
};

/// One call of the network: `latents` = signal * clean + noise * normal numbers, before it and after it.
struct ldm_step {
  int32_t call, calls;  // 0 ..< calls
  int32_t prediction;   // what the network predicts: 0 noise, 1 v, 2 the clean latents
  double timestep, signal, noise;
  double signal_after, noise_after;  // 1, 0 after the last call
  struct ldm_tensor x, output;       // what went in, what came out (guided), [1, C, h, w]
  struct ldm_tensor x0;              // the clean latents that it implies
};

struct ldm_option {
  const char *name, *value;
};

/// What the host does for a plug-in. Functions return 0, or nonzero with a failure noted: return it.
struct ldm_host {
  uint32_t version;
  const struct ldm_option *options;  // as the user gave them
  size_t option_count;
  const char *model;                // its name
  int32_t latent_factor;            // pixels per latent along each axis
  int32_t latent_channels, input_channels;
  int32_t reads_text;
  void *context;  // the host's own
  /// Tokens [1, T, D] of a text.
  int32_t (*encode_text)(const struct ldm_host *, const char *text, struct ldm_tensor *result);
  /// While condition runs: latents of [1, 3, H, W] in -1...1, H and W multiples of latent_factor; by the posterior's mean,
  /// or by a draw from it, which moves the random numbers.
  int32_t (*encode_image)(const struct ldm_host *, const struct ldm_tensor *, int32_t draws, struct ldm_tensor *result);
  /// While condition runs: the next `count` standard normal numbers of the picture's one stream, at most 2^28.
  int32_t (*random)(const struct ldm_host *, float *out, size_t count);
  int32_t (*put)(const struct ldm_host *, enum ldm_part, const struct ldm_tensor *);
  int32_t (*put_number)(const struct ldm_host *, enum ldm_number, double);
  /// Notes one line of what is wrong and what to do; returns nonzero.
  int32_t (*fail)(const struct ldm_host *, const char *message);
};

/// Any function may be null, but not `prepare` and `condition` both.
struct ldm_plugin {
  uint32_t version;  // LDM_PLUGIN_VERSION, stays first
  const char *name, *summary;
  const char *const *options;  // "name=VALUE  what it does", null at the end
  void *own;                   // the plug-in's
  /// Once a picture, before anything is encoded: may change the request, its size too.
  int32_t (*prepare)(const struct ldm_plugin *, const struct ldm_host *, const struct ldm_request *);
  /// Before each run of the sampler; a large picture takes several, each with its part of the request. Its size is rounded
  /// up to what the network takes. `*state` is the host's to release where this returns 0.
  int32_t (*condition)(const struct ldm_plugin *, const struct ldm_host *, const struct ldm_request *, void **state);
  /// After each call of the network.
  int32_t (*constrain)(void *state, const struct ldm_host *, const struct ldm_tensor *latents, const struct ldm_step *);
  /// After decoding.
  int32_t (*compose)(void *state, const struct ldm_host *, const struct ldm_tensor *picture);
  void (*release)(void *state);
};

/// What the shared object exports. `version` is the host's, for a plug-in that can serve several.
const struct ldm_plugin *ldm_plugin_table(uint32_t version);

/// The value of an option, the last where it was given several times; null where the user did not give it.
static inline const char *ldm_option_value(const struct ldm_host *host, const char *name) {
  for (size_t i = host->option_count; i > 0; i--)
    if (strcmp(host->options[i - 1].name, name) == 0) return host->options[i - 1].value;
  return NULL;
}
