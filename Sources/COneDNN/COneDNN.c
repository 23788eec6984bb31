#include "COneDNN.h"

#include <dnnl.h>
#include <stdlib.h>
#include <string.h>

#if DNNL_VERSION_MAJOR < 3
typedef dnnl_memory_desc_t desc;
typedef const dnnl_memory_desc_t *desc_ref;
typedef const_dnnl_primitive_desc_t made_ref;
static bool make_desc(desc *d, int n, const dnnl_dims_t dims, dnnl_data_type_t type, dnnl_format_tag_t tag) {
  return dnnl_memory_desc_init_by_tag(d, n, dims, type, tag) == dnnl_success;
}
static void free_desc(desc *d) { (void)d; }
static desc_ref ref(const desc *d) { return d; }
#else
typedef dnnl_memory_desc_t desc;
typedef const_dnnl_memory_desc_t desc_ref;
typedef const_dnnl_primitive_desc_t made_ref;
static bool make_desc(desc *d, int n, const dnnl_dims_t dims, dnnl_data_type_t type, dnnl_format_tag_t tag) {
  return dnnl_memory_desc_create_with_tag(d, n, dims, type, tag) == dnnl_success;
}
static void free_desc(desc *d) {
  if (*d != NULL) dnnl_memory_desc_destroy(*d);
  *d = NULL;
}
static desc_ref ref(const desc *d) { return *d; }
#endif

struct ldm_dnn {
  dnnl_engine_t engine;
  dnnl_stream_t stream;
  dnnl_primitive_desc_t made;
  dnnl_primitive_t primitive, convert;  // convert: x from f32 to bf16; null for f32
  desc x, weights, bias, out;           // as wished: x in the computing type, weights in any layout
  desc plain_x, plain_weights;          // f32, as the caller has them
  void *converted;
  void *scratchpad;  // the primitive's own: oneDNN's would belong to the thread that made it
};

/// Null for no bytes too.
static bool allocate(void **block, size_t bytes) {
  *block = NULL;
  return bytes == 0 || posix_memalign(block, 64, bytes) == 0;
}

static desc_ref scratchpad(made_ref made) { return dnnl_primitive_desc_query_md(made, dnnl_query_scratchpad_md, 0); }

static desc_ref wanted_weights(const struct ldm_dnn *p) {
  return dnnl_primitive_desc_query_md(p->made, dnnl_query_weights_md, 0);
}

void ldm_dnn_free(struct ldm_dnn *p) {
  if (p == NULL) return;
  if (p->primitive != NULL) dnnl_primitive_destroy(p->primitive);
  if (p->convert != NULL) dnnl_primitive_destroy(p->convert);
  if (p->made != NULL) dnnl_primitive_desc_destroy(p->made);
  free_desc(&p->x), free_desc(&p->weights), free_desc(&p->bias), free_desc(&p->out);
  free_desc(&p->plain_x), free_desc(&p->plain_weights);
  if (p->stream != NULL) dnnl_stream_destroy(p->stream);
  if (p->engine != NULL) dnnl_engine_destroy(p->engine);
  free(p->converted);
  free(p->scratchpad);
  free(p);
}

static dnnl_primitive_attr_t attributes(bool accumulate) {
  dnnl_primitive_attr_t attr = NULL;
  if (dnnl_primitive_attr_create(&attr) != dnnl_success) return NULL;
  dnnl_primitive_attr_set_scratchpad_mode(attr, dnnl_scratchpad_mode_user);
  if (accumulate) {
    dnnl_post_ops_t ops = NULL;
    dnnl_post_ops_create(&ops);
#if DNNL_VERSION_MAJOR < 3
    dnnl_post_ops_append_sum(ops, 1.f);
#else
    dnnl_post_ops_append_sum(ops, 1.f, 0, dnnl_data_type_undef);
#endif
    dnnl_primitive_attr_set_post_ops(attr, ops);
    dnnl_post_ops_destroy(ops);
  }
  return attr;
}

static bool describe_conv(struct ldm_dnn *p, const struct ldm_dnn_conv_shape *s, const dnnl_primitive_attr_t attr) {
  dnnl_dims_t strides = {s->stride, s->stride}, before = {s->top, s->left}, after = {s->bottom, s->right};
#if DNNL_VERSION_MAJOR < 3
  dnnl_convolution_desc_t d;
  return dnnl_convolution_forward_desc_init(&d, dnnl_forward_inference, dnnl_convolution_direct, &p->x, &p->weights,
                                            &p->bias, &p->out, strides, before, after) == dnnl_success &&
         dnnl_primitive_desc_create(&p->made, &d, attr, p->engine, NULL) == dnnl_success;
#else
  dnnl_dims_t dilates = {0, 0};
  return dnnl_convolution_forward_primitive_desc_create(
             &p->made, p->engine, dnnl_forward_inference, dnnl_convolution_direct, p->x, p->weights, p->bias, p->out,
             strides, dilates, before, after, attr) == dnnl_success;
#endif
}

static bool make_reorder(struct ldm_dnn *p, dnnl_primitive_t *reorder, desc_ref from, desc_ref to) {
  dnnl_primitive_desc_t made = NULL;
  bool good = dnnl_reorder_primitive_desc_create(&made, from, p->engine, to, p->engine, NULL) == dnnl_success &&
              dnnl_primitive_create(reorder, made) == dnnl_success;
  if (made != NULL) dnnl_primitive_desc_destroy(made);
  return good;
}

/// The primitive itself, and for bf16 the conversion of its input.
static bool finish(struct ldm_dnn *p, enum ldm_dnn_type type) {
  if (dnnl_primitive_create(&p->primitive, p->made) != dnnl_success) return false;
  if (!allocate(&p->scratchpad, dnnl_memory_desc_get_size(scratchpad(p->made)))) return false;
  if (type == LDM_DNN_F32) return true;
  if (!allocate(&p->converted, dnnl_memory_desc_get_size(ref(&p->x)))) return false;
  return make_reorder(p, &p->convert, ref(&p->plain_x), ref(&p->x));
}

static struct ldm_dnn *begin(void) {
  struct ldm_dnn *p = calloc(1, sizeof *p);
  if (p == NULL) return NULL;
  if (dnnl_engine_create(&p->engine, dnnl_cpu, 0) == dnnl_success &&
      dnnl_stream_create(&p->stream, p->engine, dnnl_stream_default_flags) == dnnl_success)
    return p;
  ldm_dnn_free(p);
  return NULL;
}

struct ldm_dnn *ldm_dnn_conv(const struct ldm_dnn_conv_shape *s, enum ldm_dnn_type type, bool accumulate) {
  struct ldm_dnn *p = begin();
  if (p == NULL) return NULL;
  dnnl_data_type_t t = type == LDM_DNN_BF16 ? dnnl_bf16 : dnnl_f32;
  int64_t h = (s->h + s->top + s->bottom - s->kernel) / s->stride + 1;
  int64_t w = (s->w + s->left + s->right - s->kernel) / s->stride + 1;
  dnnl_dims_t x = {s->n, s->in, s->h, s->w}, out = {s->n, s->out, h, w}, bias = {s->out};
  dnnl_dims_t weights = {s->out, s->in, s->kernel, s->kernel};
  dnnl_primitive_attr_t attr = attributes(accumulate);
  bool good = make_desc(&p->x, 4, x, t, dnnl_nhwc) && make_desc(&p->plain_x, 4, x, dnnl_f32, dnnl_nhwc) &&
              make_desc(&p->weights, 4, weights, t, dnnl_format_tag_any) &&
              make_desc(&p->plain_weights, 4, weights, dnnl_f32, dnnl_oihw) &&
              make_desc(&p->bias, 1, bias, dnnl_f32, dnnl_a) && make_desc(&p->out, 4, out, dnnl_f32, dnnl_nhwc) &&
              describe_conv(p, s, attr) && finish(p, type);
  if (attr != NULL) dnnl_primitive_attr_destroy(attr);
  if (good) return p;
  ldm_dnn_free(p);
  return NULL;
}

size_t ldm_dnn_packed_size(const struct ldm_dnn *p) { return dnnl_memory_desc_get_size(wanted_weights(p)); }

bool ldm_dnn_same_layout(const struct ldm_dnn *p, const struct ldm_dnn *other) {
  return dnnl_memory_desc_equal(wanted_weights(p), wanted_weights(other)) != 0;
}

static bool view(dnnl_memory_t *memory, desc_ref d, dnnl_engine_t engine, const void *data) {
  return dnnl_memory_create(memory, d, engine, (void *)data) == dnnl_success;
}

static void release(dnnl_memory_t memories[], int n) {
  for (int i = 0; i < n; i++)
    if (memories[i] != NULL) dnnl_memory_destroy(memories[i]);
}

static bool reorder(const struct ldm_dnn *p, dnnl_primitive_t primitive, desc_ref from, const void *in, desc_ref to,
                    void *out) {
  dnnl_memory_t m[2] = {NULL, NULL};
  bool good = view(&m[0], from, p->engine, in) && view(&m[1], to, p->engine, out);
  if (good) {
    dnnl_exec_arg_t args[] = {{DNNL_ARG_FROM, m[0]}, {DNNL_ARG_TO, m[1]}};
    good = dnnl_primitive_execute(primitive, p->stream, 2, args) == dnnl_success &&
           dnnl_stream_wait(p->stream) == dnnl_success;
  }
  release(m, 2);
  return good;
}

bool ldm_dnn_pack(const struct ldm_dnn *p, void *packed, const float *weight) {
  dnnl_primitive_t primitive = NULL;
  bool good = make_reorder((struct ldm_dnn *)p, &primitive, ref(&p->plain_weights), wanted_weights(p)) &&
              reorder(p, primitive, ref(&p->plain_weights), weight, wanted_weights(p), packed);
  if (primitive != NULL) dnnl_primitive_destroy(primitive);
  return good;
}

bool ldm_dnn_run(struct ldm_dnn *p, float *out, const float *x, const void *packed, const float *bias) {
  if (p->convert != NULL && !reorder(p, p->convert, ref(&p->plain_x), x, ref(&p->x), p->converted)) return false;
  dnnl_memory_t m[5] = {NULL, NULL, NULL, NULL, NULL};
  bool good = view(&m[0], ref(&p->x), p->engine, p->convert != NULL ? p->converted : x) &&
              view(&m[1], wanted_weights(p), p->engine, packed) && view(&m[2], ref(&p->bias), p->engine, bias) &&
              view(&m[3], ref(&p->out), p->engine, out) &&
              view(&m[4], scratchpad(p->made), p->engine, p->scratchpad);
  if (good) {
    dnnl_exec_arg_t args[] = {{DNNL_ARG_SRC, m[0]},
                              {DNNL_ARG_WEIGHTS, m[1]},
                              {DNNL_ARG_BIAS, m[2]},
                              {DNNL_ARG_DST, m[3]},
                              {DNNL_ARG_SCRATCHPAD, m[4]}};
    good = dnnl_primitive_execute(p->primitive, p->stream, 5, args) == dnnl_success &&
           dnnl_stream_wait(p->stream) == dnnl_success;
  }
  release(m, 5);
  return good;
}
