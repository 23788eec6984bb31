// Writes what each call of the network gave (guided) and the latents after it, f32, as FOLDER/CALL.output and FOLDER/CALL.latents:
// ldm txt2img --plugin trace.so:folder=FOLDER ...   families.py compiles it.
#include "ldm_plugin.h"

#include <stdio.h>

static char folder[3072];

static int32_t condition(const struct ldm_plugin *self, const struct ldm_host *host, const struct ldm_request *request, void **state) {
  (void)self, (void)request, (void)state;
  const char *given = ldm_option_value(host, "folder");
  if (given == NULL || strlen(given) >= sizeof folder) return host->fail(host, "no folder; give folder=PATH");
  strcpy(folder, given);
  return 0;
}

static int32_t save(const struct ldm_host *host, const char *what, int32_t call, const struct ldm_tensor *tensor) {
  char path[4096];
  snprintf(path, sizeof path, "%s/%d.%s", folder, call, what);
  size_t count = 1;
  for (int32_t i = 0; i < tensor->rank; i++) count *= (size_t)tensor->shape[i];
  FILE *file = fopen(path, "wb");
  if (file == NULL) return host->fail(host, "cannot write into the folder");
  size_t written = fwrite(tensor->data, sizeof *tensor->data, count, file);
  return fclose(file) == 0 && written == count ? 0 : host->fail(host, "cannot write into the folder");
}

static int32_t constrain(void *state, const struct ldm_host *host, const struct ldm_tensor *latents, const struct ldm_step *step) {
  (void)state;
  int32_t status = save(host, "output", step->call, &step->output);
  return status != 0 ? status : save(host, "latents", step->call, latents);
}

static const char *const options[] = {"folder=PATH  where to write", NULL};

static const struct ldm_plugin table = {.version = LDM_PLUGIN_VERSION, .name = "trace", .summary = "writes every step down", .options = options, .condition = condition, .constrain = constrain};

const struct ldm_plugin *ldm_plugin_table(uint32_t version) { return version >= LDM_PLUGIN_VERSION ? &table : NULL; }
