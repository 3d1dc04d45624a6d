// A stand-in for libcublasLt.so.13: the calls that Millrace makes, on emulated devices. Products are
// computed when the stream comes to them; what cuBLASLt would answer with wrong numbers, or read and
// write where nothing is, aborts. Values of the enumerations are those of cublasLt.h.
//
// millrace_cublaslt_set(what, value) changes it: "refuses" 1 has no algorithm for anything, "fails"
// makes the next product give that error; millrace_cublaslt_count() tells how many products were
// asked for.
#include <immintrin.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <vector>

#define API extern "C" __attribute__((visibility("default")))

typedef unsigned long long Address;

extern "C" int millrace_emulator_queue(void* stream, void (*body)(void*), void* argument,
                                       void (*release)(void*));
extern "C" int millrace_emulator_device(void* stream, Address address, size_t bytes);

enum { OK = 0, NOT_INITIALIZED = 1, INVALID_VALUE = 7, EXECUTION_FAILED = 13, NOT_SUPPORTED = 15 };
enum { FLOATS = 0, HALVES = 2 };
enum { COMPUTE_32F = 68 };
// What matrices are promised to be aligned to, unless a preference says less.
enum { ALIGNMENT_BYTES = 256 };

struct Operation { int transpose_a, transpose_b; };
struct Layout { int type; uint64_t rows, columns; int64_t leading; };
struct Preference { uint64_t workspace_bytes; uint32_t reductions; };
struct Algorithm { uint64_t magic, m, n, k, workspace_bytes, unused[3]; };
struct Result { Algorithm algorithm; size_t workspace_bytes; int state; float waves; int reserved[4]; };
static_assert(sizeof(Algorithm) == 64 && sizeof(Result) == 96, "as in cublasLt.h");

static const uint64_t MAGIC = 0x6d696c6c72616365;
static long refuses, fails, products;

static void fail(const char* what) {
  fprintf(stderr, "cuBLASLt emulator: %s\n", what);
  abort();
}

API long millrace_cublaslt_set(const char* what, long value) {
  long& setting = strcmp(what, "fails") == 0 ? fails : refuses;
  long before = setting;
  setting = value;
  return before;
}
API long millrace_cublaslt_count() { return products; }

API size_t cublasLtGetVersion() { return 130000; }
API const char* cublasLtGetStatusString(int status) {
  switch (status) {
    case OK: return "success";
    case INVALID_VALUE: return "an unsupported value or parameter was passed to the function";
    case NOT_SUPPORTED: return "the requested functionality is not supported";
    default: return "the GPU program failed to execute";
  }
}

API int cublasLtCreate(void** handle) {
  *handle = new int(0);
  return OK;
}
API int cublasLtDestroy(void* handle) {
  delete (int*)handle;
  return OK;
}
API int cublasLtMatmulDescCreate(void** made, int compute, int scale) {
  if (compute != COMPUTE_32F || scale != FLOATS) return INVALID_VALUE;
  *made = new Operation{0, 0};
  return OK;
}
API int cublasLtMatmulDescDestroy(void* operation) {
  delete (Operation*)operation;
  return OK;
}
API int cublasLtMatmulDescSetAttribute(void* operation, int attribute, const void* value,
                                       size_t bytes) {
  if ((attribute != 3 && attribute != 4) || bytes != sizeof(int)) return INVALID_VALUE;
  memcpy(attribute == 3 ? &((Operation*)operation)->transpose_a
                        : &((Operation*)operation)->transpose_b, value, bytes);
  return OK;
}
API int cublasLtMatrixLayoutCreate(void** made, int type, uint64_t rows, uint64_t columns,
                                   int64_t leading) {
  if (type != FLOATS && type != HALVES) return INVALID_VALUE;
  *made = new Layout{type, rows, columns, leading};
  return OK;
}
API int cublasLtMatrixLayoutDestroy(void* layout) {
  memset(layout, 0xEE, sizeof(Layout));
  delete (Layout*)layout;
  return OK;
}
API int cublasLtMatmulPreferenceCreate(void** made) {
  *made = new Preference{0, 7};
  return OK;
}
API int cublasLtMatmulPreferenceDestroy(void* preference) {
  delete (Preference*)preference;
  return OK;
}
API int cublasLtMatmulPreferenceSetAttribute(void* preference, int attribute, const void* value,
                                             size_t bytes) {
  Preference& p = *(Preference*)preference;
  if (attribute == 1 && bytes == sizeof p.workspace_bytes) {
    memcpy(&p.workspace_bytes, value, bytes);
  } else if (attribute == 3 && bytes == sizeof p.reductions) {
    memcpy(&p.reductions, value, bytes);
  } else {
    return INVALID_VALUE;
  }
  return OK;
}

// Whether the shapes belong together, all of what a transposed A leads to.
static bool fits(const Operation& operation, const Layout& a, const Layout& b, const Layout& d) {
  return operation.transpose_a == 1 && operation.transpose_b == 0 && a.type == HALVES
      && b.type == HALVES && d.type == FLOATS && a.rows == b.rows && a.columns == d.rows
      && b.columns == d.columns && a.rows > 0 && d.rows > 0 && d.columns > 0
      && a.leading >= (int64_t)a.rows && b.leading >= (int64_t)b.rows
      && d.leading >= (int64_t)d.rows;
}

API int cublasLtMatmulAlgoGetHeuristic(void* handle, void* operation, void* a, void* b, void* c,
                                       void* d, void* preference, int requested, Result* results,
                                       int* returned) {
  *returned = 0;
  if (!handle) return NOT_INITIALIZED;
  const Layout& out = *(Layout*)d;
  if (requested < 1 || c != d || !fits(*(Operation*)operation, *(Layout*)a, *(Layout*)b, out)) {
    return INVALID_VALUE;
  }
  const Preference& p = *(Preference*)preference;
  if (p.reductions != 0) fail("an algorithm may add parts of a sum in any order");
  // Tensor cores want rows of 16 bytes.
  if (refuses || ((Layout*)a)->leading % 8 != 0) return NOT_SUPPORTED;
  memset(results, 0, sizeof *results);
  size_t workspace = p.workspace_bytes / 2;
  results->algorithm = {MAGIC, out.rows, out.columns, ((Layout*)a)->rows, workspace, {}};
  results->workspace_bytes = workspace;
  *returned = 1;
  return OK;
}

struct Product {
  Layout a, b, d;
  float alpha, beta;
  const uint16_t *weights, *x;
  float* out;
  void* workspace;
  size_t workspace_bytes;
};

static void widen(const uint16_t* from, float* to, size_t count) {
  size_t i = 0;
  for (; i + 8 <= count; i += 8) {
    _mm256_storeu_ps(to + i, _mm256_cvtph_ps(_mm_loadu_si128((const __m128i*)(from + i))));
  }
  for (; i < count; i++) to[i] = _cvtsh_ss(from[i]);
}

static void compute(void* argument) {
  const Product& p = *(Product*)argument;
  size_t k = p.a.rows;
  memset(p.workspace, 0xFF, p.workspace_bytes); // as algorithms may
  std::vector<float> weights(k), x(k * p.d.columns);
  for (size_t n = 0; n < p.d.columns; n++) widen(p.x + n * p.b.leading, x.data() + n * k, k);
  for (size_t m = 0; m < p.d.rows; m++) {
    widen(p.weights + m * p.a.leading, weights.data(), k);
    for (size_t n = 0; n < p.d.columns; n++) {
      float parts[8] = {}, sum = 0;
      for (size_t i = 0; i < k; i++) parts[i % 8] += weights[i] * x[n * k + i];
      for (float part : parts) sum += part;
      float& out = p.out[n * p.d.leading + m];
      out = p.beta == 0 ? p.alpha * sum : p.alpha * sum + p.beta * out;
    }
  }
}

static void release(void* argument) { delete (Product*)argument; }

static void require(void* stream, const void* memory, uint64_t bytes, const char* what) {
  if ((Address)memory % ALIGNMENT_BYTES != 0
      || millrace_emulator_device(nullptr, (Address)memory, bytes)
          != millrace_emulator_device(stream, 0, 0)) {
    fprintf(stderr, "%s of %llu bytes at %p: ", what, (unsigned long long)bytes, memory);
    fail("not aligned, or not memory of the stream's device");
  }
}

static uint64_t extent(const Layout& l) {
  return (l.leading * (l.columns - 1) + l.rows) * (l.type == HALVES ? 2 : 4);
}

API int cublasLtMatmul(void* handle, void* operation, const void* alpha, const void* a,
                       void* a_layout, const void* b, void* b_layout, const void* beta,
                       const void* c, void* c_layout, void* d, void* d_layout,
                       const Algorithm* algorithm, void* workspace, size_t workspace_bytes,
                       void* stream) {
  if (!handle) return NOT_INITIALIZED;
  if (fails) {
    int error = (int)fails;
    fails = 0;
    return error;
  }
  Product p = {*(Layout*)a_layout, *(Layout*)b_layout, *(Layout*)d_layout, *(const float*)alpha,
               *(const float*)beta, (const uint16_t*)a, (const uint16_t*)b, (float*)d, workspace,
               algorithm->workspace_bytes};
  if (!fits(*(Operation*)operation, p.a, p.b, p.d) || c != d || c_layout != d_layout
      || workspace_bytes < p.workspace_bytes) {
    return INVALID_VALUE;
  }
  if (algorithm->magic != MAGIC || algorithm->m != p.d.rows || algorithm->n != p.d.columns
      || algorithm->k != p.a.rows) {
    fail("an algorithm of another shape");
  }
  require(stream, a, extent(p.a), "A");
  require(stream, b, extent(p.b), "B");
  require(stream, d, extent(p.d), "D");
  require(stream, workspace, workspace_bytes, "the workspace");
  products++;
  return millrace_emulator_queue(stream, compute, new Product(p), release) ? EXECUTION_FAILED : OK;
}
