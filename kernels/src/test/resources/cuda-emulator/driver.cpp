// A stand-in for libcuda.so.1: the calls that Millrace makes, on the emulator. A stream does what it
// was given when somebody waits for it, as late as a device may: memory that is reused too early
// shows. Device memory begins as bytes of ones, and what is written beyond its end is noticed.
//
// millrace_emulator_set(what, value) changes what it stands in for:
//   "reverse" 1 runs the warps of a block backwards; "memory" bytes of the device; "capability" such
//   as 90; "driver" such as 13000; "devices" how many
#include <dlfcn.h>

#include <map>
#include <string>

#include "emulator.h"

#define API extern "C" __attribute__((visibility("default"))) int

typedef unsigned long long Address;

enum { OK = 0, INVALID_VALUE = 1, OUT_OF_MEMORY = 2, INVALID_CONTEXT = 201, NOT_FOUND = 500 };

struct Function {
  void (*body)(const void*);
  size_t argument_bytes;
};

struct Stream {
  std::vector<std::function<void()>> work;
  void run() {
    std::vector<std::function<void()>> now;
    now.swap(work);
    for (auto& each : now) each();
  }
};

static std::map<Address, size_t> allocations;
static std::map<std::string, Function> functions;
static std::vector<Stream*> streams;
static size_t taken_bytes;
static thread_local void* current;

constexpr size_t GUARD_BYTES = 256;
constexpr unsigned char GUARD = 0xA5;

static std::map<std::string, long> settings = {
    {"reverse", 0}, {"memory", 8L << 30}, {"capability", 90}, {"driver", 13000}, {"devices", 1}};

static long setting(const char* name) { return settings.at(name); }

extern "C" __attribute__((visibility("default"))) long millrace_emulator_set(const char* name,
                                                                              long value) {
  std::swap(settings.at(name), value);
  return value; // what it was
}

static size_t memory_bytes() { return (size_t)setting("memory"); }

static size_t rounded(size_t bytes) { return (bytes + 255) & ~(size_t)255; }

static void check_guard(Address address, size_t bytes) {
  unsigned char* guard = (unsigned char*)address + bytes;
  for (size_t i = 0; i < GUARD_BYTES; i++) {
    if (guard[i] != GUARD) {
      fprintf(stderr, "CUDA emulator: written %zu bytes beyond an allocation of %zu\n", i, bytes);
      abort();
    }
  }
}

API cuInit(unsigned) { return OK; }
API cuDriverGetVersion(int* version) {
  *version = (int)setting("driver");
  return OK;
}
API cuDeviceGetCount(int* count) { *count = (int)setting("devices"); return OK; }
API cuDeviceGet(int* device, int ordinal) { *device = ordinal; return OK; }
API cuDeviceGetName(char* name, int length, int) {
  snprintf(name, (size_t)length, "emulated device");
  return OK;
}
API cuDeviceGetAttribute(int* value, int attribute, int) {
  int capability = (int)setting("capability");
  switch (attribute) {
    case 16: *value = 4; return OK;               // multiprocessors
    case 75: *value = capability / 10; return OK; // compute capability
    case 76: *value = capability % 10; return OK;
    default: return INVALID_VALUE;
  }
}
API cuDeviceTotalMem_v2(size_t* bytes, int) { *bytes = memory_bytes(); return OK; }
API cuMemGetInfo_v2(size_t* free_bytes, size_t* total) {
  *total = memory_bytes();
  *free_bytes = *total - taken_bytes;
  return OK;
}
API cuDevicePrimaryCtxRetain(void** context, int) { *context = (void*)8; return OK; }
API cuDevicePrimaryCtxRelease_v2(int) { return OK; }
API cuCtxSetCurrent(void* context) { current = context; return OK; }
API cuGetErrorString(int error, const char** text) {
  *text = error == OUT_OF_MEMORY ? "out of memory" : "an error of the emulator";
  return OK;
}

API cuMemAlloc_v2(Address* address, size_t bytes) {
  if (!current) return INVALID_CONTEXT;
  if (bytes == 0) return INVALID_VALUE;
  if (taken_bytes + rounded(bytes) > memory_bytes()) return OUT_OF_MEMORY;
  void* memory = aligned_alloc(256, rounded(bytes) + 2 * GUARD_BYTES);
  memset(memory, 0xFF, bytes);
  memset((char*)memory + bytes, GUARD, GUARD_BYTES);
  *address = (Address)memory;
  allocations[*address] = bytes;
  taken_bytes += rounded(bytes);
  return OK;
}
API cuMemFree_v2(Address address) {
  auto found = allocations.find(address);
  if (found == allocations.end()) return INVALID_VALUE;
  for (Stream* stream : streams) stream->run();
  check_guard(address, found->second);
  taken_bytes -= rounded(found->second);
  allocations.erase(found);
  free((void*)address);
  return OK;
}
API cuMemHostAlloc(void** memory, size_t bytes, unsigned) {
  if (!current) return INVALID_CONTEXT;
  *memory = aligned_alloc(4096, (bytes + 4095) & ~(size_t)4095);
  memset(*memory, 0xEE, bytes);
  return OK;
}
API cuMemFreeHost(void* memory) { free(memory); return OK; }

API cuStreamCreate(void** stream, unsigned) {
  if (!current) return INVALID_CONTEXT;
  streams.push_back(new Stream);
  *stream = streams.back();
  return OK;
}
API cuStreamDestroy_v2(void* stream) {
  streams.erase(std::find(streams.begin(), streams.end(), (Stream*)stream));
  delete (Stream*)stream;
  return OK;
}
API cuStreamSynchronize(void* stream) {
  if (!current) return INVALID_CONTEXT;
  ((Stream*)stream)->run();
  for (auto& each : allocations) check_guard(each.first, each.second);
  return OK;
}

// Whether a range lies within one allocation; copies outside of any are what a device refuses.
static bool holds(Address address, size_t bytes) {
  auto next = allocations.upper_bound(address);
  if (next == allocations.begin()) return false;
  --next;
  return address + bytes <= next->first + next->second;
}

static int copy(void* to, const void* from, size_t bytes, void* stream, bool valid) {
  if (!current) return INVALID_CONTEXT;
  if (!valid) return INVALID_VALUE;
  ((Stream*)stream)->work.push_back([=] { memmove(to, from, bytes); });
  return OK;
}
API cuMemcpyHtoDAsync_v2(Address to, const void* from, size_t bytes, void* stream) {
  return copy((void*)to, from, bytes, stream, holds(to, bytes));
}
API cuMemcpyDtoHAsync_v2(void* to, Address from, size_t bytes, void* stream) {
  return copy(to, (void*)from, bytes, stream, holds(from, bytes));
}
API cuMemcpyDtoDAsync_v2(Address to, Address from, size_t bytes, void* stream) {
  return copy((void*)to, (void*)from, bytes, stream, holds(to, bytes) && holds(from, bytes));
}
API cuMemsetD8Async(Address to, unsigned char value, size_t bytes, void* stream) {
  if (!holds(to, bytes)) return INVALID_VALUE;
  ((Stream*)stream)->work.push_back([=] { memset((void*)to, value, bytes); });
  return OK;
}

API cuModuleLoadData(void** module, const void* image) {
  if (!current) return INVALID_CONTEXT;
  if (!image) return INVALID_VALUE;
  Dl_info self;
  dladdr((void*)&cuModuleLoadData, &self);
  *module = dlopen(self.dli_fname, RTLD_NOW | RTLD_NOLOAD);
  return *module ? OK : NOT_FOUND;
}
API cuModuleUnload(void* module) { dlclose(module); return OK; }
API cuModuleGetFunction(void** function, void* module, const char* name) {
  void* body = dlsym(module, name);
  size_t* bytes = (size_t*)dlsym(module, (std::string(name) + "_bytes").c_str());
  if (!body || !bytes) return NOT_FOUND;
  Function& found = functions[name];
  found = {(void (*)(const void*))body, *bytes};
  *function = &found;
  return OK;
}
API cuLaunchKernel(void* function, unsigned gx, unsigned gy, unsigned gz, unsigned bx, unsigned by,
                   unsigned bz, unsigned shared, void* stream, void** parameters, void**) {
  if (!current) return INVALID_CONTEXT;
  if (gx * gy * gz == 0 || gy > 65535 || gz > 65535 || bx * by * bz > 1024 || shared > 48 << 10) {
    return INVALID_VALUE;
  }
  Function* f = (Function*)function;
  std::vector<char> arguments((char*)parameters[0], (char*)parameters[0] + f->argument_bytes);
  ((Stream*)stream)->work.push_back([=] {
    const void* a = arguments.data();
    bool reversed = setting("reverse") != 0;
    emulator::launch({gx, gy, gz}, {bx, by, bz}, shared, reversed, [=] { f->body(a); });
  });
  return OK;
}
