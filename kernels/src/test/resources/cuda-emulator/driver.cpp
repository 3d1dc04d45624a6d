// A stand-in for libcuda.so.1: the calls that Millrace makes, on the emulator. A stream does what it
// was given when somebody waits for it, as late as a device may: memory that is reused too early
// shows. Device memory begins as bytes of ones, and what is written beyond its end is noticed. A
// stream that is captured does nothing but record; what a device refuses meanwhile is refused, and
// spoils the capture.
//
// millrace_emulator_set(what, value) changes what it stands in for:
//   "reverse" 1 runs the warps of a block backwards; "blocks" 1 runs blocks of threads backwards,
//   more in an order of that seed; "memory" bytes of a device; "multiprocessors" of it, each of which
//   holds one block of threads; "shared" bytes that such a block may ask for; "capability" such as 90;
//   "driver" such as 13000; "devices" how many, at first MILLRACE_EMULATED_DEVICES or 1
// millrace_emulator_count(what) tells how often since the start it was asked for
//   "launches" of kernels, one by one; "graphs" that were launched; "captures" that were made;
//   "read" bytes copied from a device outside of graphs;
//   "overlapped" kernels, launched or recorded, that may begin before their predecessors have ended
//
// millrace_emulator_repair() forgets what failed and what was to fail; see failures.cpp
//
// Every device has memory, a context and streams of its own, and refuses those of others.
#include <dlfcn.h>

#include <map>
#include <mutex>
#include <string>

#include "emulator.h"
#include "failures.h"
#include "streams.h"

#define API extern "C" __attribute__((visibility("default"))) int

typedef unsigned long long Address;

enum {
  OK = 0, INVALID_VALUE = 1, OUT_OF_MEMORY = 2, INVALID_DEVICE = 101, INVALID_CONTEXT = 201,
  NOT_FOUND = 500, NOT_READY = 600, CAPTURE_UNSUPPORTED = 900
};

struct Function {
  void (*body)(const void*);
  size_t argument_bytes;
  unsigned shared_limit; // dynamic, of a block
};

struct Allocation {
  size_t bytes;
  Device* device;
};

constexpr int MOST_DEVICES = 16;

static Device devices[MOST_DEVICES];
static std::map<Address, Allocation> allocations;

struct Module {
  void* library;
  std::map<std::string, Function> functions;
};
static std::vector<Stream*> streams;
static std::map<std::string, long> counts = {
    {"launches", 0}, {"graphs", 0}, {"captures", 0}, {"read", 0}, {"overlapped", 0}};
static thread_local Device* current;

// Threads of the host take turns.
static std::recursive_mutex turn;
#define EXCLUSIVE std::lock_guard<std::recursive_mutex> exclusive(turn)

// The address sanitizer has red zones of its own, that notice reading as well.
#if defined(__SANITIZE_ADDRESS__)
constexpr size_t GUARD_BYTES = 0;
#else
constexpr size_t GUARD_BYTES = 256;
#endif
constexpr unsigned char GUARD = 0xA5;

static long devices_at_first() {
  const char* text = getenv("MILLRACE_EMULATED_DEVICES");
  return text ? std::min(std::max(atol(text), 0L), (long)MOST_DEVICES) : 1;
}

static std::map<std::string, long> settings = {{"reverse", 0},
                                               {"blocks", 0},
                                               {"memory", 8L << 30},
                                               {"multiprocessors", 4},
                                               {"capability", 90},
                                               {"driver", 13000},
                                               {"devices", devices_at_first()},
                                               {"shared", 227 << 10}};

static long setting(const char* name) { return settings.at(name); }

extern "C" __attribute__((visibility("default"))) long millrace_emulator_set(const char* name,
                                                                              long value) {
  EXCLUSIVE;
  std::swap(settings.at(name), value);
  return value; // what it was
}

extern "C" __attribute__((visibility("default"))) long millrace_emulator_count(const char* name) {
  EXCLUSIVE;
  return counts.at(name);
}

// What may wait for the device, or have it do something at once, spoils captures: of the one stream,
// or of all that this thread captures.
static bool refused(Stream* only = nullptr) {
  bool refused = false;
  for (Stream* stream : streams) {
    if (stream->capturing && (only ? stream == only : stream->owner == std::this_thread::get_id())) {
      refused = stream->spoiled = true;
    }
  }
  return refused;
}

void lose(Device* device, int error) {
  device->lost = error;
  for (Stream* stream : streams) {
    if (stream->device == device) stream->work.clear();
  }
}

// A device that waits for one that is lost, or was given nothing, is waited for in vain.
static void finish(Stream* stream) {
  if (!stream->run()) Stream::wait_for_ever();
}

// What the thread's device answers to a call: its error if it is lost, or one that was asked for.
static int failing(const char* call) {
  if (!current || current->lost) return current ? current->lost : OK;
  int error = failures::next(call);
  if (failures::stays(error)) lose(current, error);
  return error;
}
#define MAY_FAIL(call) if (int error = failing(call)) return error

extern "C" __attribute__((visibility("default"))) long millrace_emulator_repair() {
  EXCLUSIVE;
  for (Device& each : devices) each.lost = OK;
  return failures::forget();
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
API cuDeviceGet(int* device, int ordinal) {
  if (ordinal < 0 || ordinal >= setting("devices")) return INVALID_DEVICE;
  *device = ordinal;
  return OK;
}
API cuDeviceGetName(char* name, int length, int device) {
  if (device < 0 || device >= MOST_DEVICES) return INVALID_DEVICE;
  snprintf(name, (size_t)length, "emulated device");
  return OK;
}
API cuDeviceGetPCIBusId(char* id, int length, int device) {
  snprintf(id, (size_t)length, "0000:%02X:00.0", device + 1);
  return OK;
}
API cuDeviceGetAttribute(int* value, int attribute, int) {
  int capability = (int)setting("capability");
  switch (attribute) {
    case 16: *value = (int)setting("multiprocessors"); return OK;
    case 75: *value = capability / 10; return OK; // compute capability
    case 76: *value = capability % 10; return OK;
    case 97: *value = (int)setting("shared"); return OK; // most of a block that asks for it
    default: return INVALID_VALUE;
  }
}
API cuDeviceTotalMem_v2(size_t* bytes, int) { *bytes = memory_bytes(); return OK; }
API cuMemGetInfo_v2(size_t* free_bytes, size_t* total) {
  EXCLUSIVE;
  if (!current) return INVALID_CONTEXT;
  MAY_FAIL("memory");
  *total = memory_bytes();
  *free_bytes = *total - current->taken_bytes;
  return OK;
}
API cuDevicePrimaryCtxRetain(void** context, int device) {
  if (device < 0 || device >= MOST_DEVICES) return INVALID_DEVICE;
  *context = &devices[device];
  return OK;
}
API cuDevicePrimaryCtxRelease_v2(int) { return OK; }
API cuCtxSetCurrent(void* context) { current = (Device*)context; return OK; }
API cuMemAlloc_v2(Address* address, size_t bytes) {
  EXCLUSIVE;
  if (!current) return INVALID_CONTEXT;
  if (bytes == 0) return INVALID_VALUE;
  if (refused()) return CAPTURE_UNSUPPORTED;
  MAY_FAIL("allocate");
  if (current->taken_bytes + rounded(bytes) > memory_bytes()) return OUT_OF_MEMORY;
  void* memory;
  if (posix_memalign(&memory, 256, bytes + GUARD_BYTES)) abort();
  memset(memory, 0xFF, bytes);
  memset((char*)memory + bytes, GUARD, GUARD_BYTES);
  *address = (Address)memory;
  emulator::watch(*address, bytes);
  allocations[*address] = {bytes, current};
  current->taken_bytes += rounded(bytes);
  return OK;
}
API cuMemFree_v2(Address address) {
  EXCLUSIVE;
  auto found = allocations.find(address);
  if (found == allocations.end() || found->second.device != current) return INVALID_VALUE;
  if (refused()) return CAPTURE_UNSUPPORTED;
  for (Stream* stream : streams) {
    if (stream->device == current) finish(stream);
  }
  check_guard(address, found->second.bytes);
  emulator::forget(address, found->second.bytes);
  current->taken_bytes -= rounded(found->second.bytes);
  allocations.erase(found);
  free((void*)address); // as the end of its context would, if the device is lost
  return current->lost;
}
API cuMemHostAlloc(void** memory, size_t bytes, unsigned) {
  EXCLUSIVE;
  if (!current) return INVALID_CONTEXT;
  if (refused()) return CAPTURE_UNSUPPORTED;
  MAY_FAIL("pin");
  *memory = aligned_alloc(4096, (bytes + 4095) & ~(size_t)4095);
  memset(*memory, 0xEE, bytes);
  return OK;
}
API cuMemFreeHost(void* memory) { free(memory); return OK; }

// Whether the thread may give a stream work: it must have made the stream's device its own.
static bool is_current(void* stream) { return current && ((Stream*)stream)->device == current; }

API cuStreamCreate(void** stream, unsigned) {
  EXCLUSIVE;
  if (!current) return INVALID_CONTEXT;
  MAY_FAIL("stream");
  streams.push_back(new Stream{current});
  *stream = streams.back();
  return OK;
}
API cuStreamDestroy_v2(void* stream) {
  EXCLUSIVE;
  streams.erase(std::find(streams.begin(), streams.end(), (Stream*)stream));
  delete (Stream*)stream;
  return OK;
}
API cuStreamSynchronize(void* stream) {
  EXCLUSIVE;
  if (!current) return INVALID_CONTEXT;
  if (refused((Stream*)stream)) return CAPTURE_UNSUPPORTED;
  MAY_FAIL("synchronize");
  finish((Stream*)stream);
  for (auto& each : allocations) check_guard(each.first, each.second.bytes);
  return current->lost;
}
// Does what there is to do, and says so when it is asked the next time.
API cuStreamQuery(void* stream) {
  EXCLUSIVE;
  Stream* s = (Stream*)stream;
  if (!is_current(stream)) return INVALID_CONTEXT;
  if (refused(s)) return CAPTURE_UNSUPPORTED;
  bool idle = s->work.empty();
  s->run();
  if (current->lost) return current->lost;
  if (!idle) return NOT_READY;
  for (auto& each : allocations) check_guard(each.first, each.second.bytes);
  return OK;
}

// The allocation that a range lies within; copies outside of any are what a device refuses.
static const Allocation* holding(Address address, size_t bytes) {
  auto next = allocations.upper_bound(address);
  if (next == allocations.begin()) return nullptr;
  --next;
  return address + bytes <= next->first + next->second.bytes ? &next->second : nullptr;
}
static bool holds(Address address, size_t bytes) {
  const Allocation* found = holding(address, bytes);
  return found && found->device == current;
}

static int copy(void* to, const void* from, size_t bytes, void* stream, bool valid) {
  if (!is_current(stream)) return INVALID_CONTEXT;
  if (!valid) return INVALID_VALUE;
  MAY_FAIL("copy");
  return ((Stream*)stream)->add({[=] { memmove(to, from, bytes); }, nullptr});
}
API cuMemcpyHtoDAsync_v2(Address to, const void* from, size_t bytes, void* stream) {
  EXCLUSIVE;
  return copy((void*)to, from, bytes, stream, holds(to, bytes));
}
API cuMemcpyDtoHAsync_v2(void* to, Address from, size_t bytes, void* stream) {
  EXCLUSIVE;
  if (is_current(stream) && !((Stream*)stream)->capturing) counts["read"] += (long)bytes;
  return copy(to, (void*)from, bytes, stream, holds(from, bytes));
}
API cuMemcpyDtoDAsync_v2(Address to, Address from, size_t bytes, void* stream) {
  EXCLUSIVE;
  return copy((void*)to, (void*)from, bytes, stream, holds(to, bytes) && holds(from, bytes));
}
API cuMemsetD8Async(Address to, unsigned char value, size_t bytes, void* stream) {
  EXCLUSIVE;
  if (!is_current(stream)) return INVALID_CONTEXT;
  if (!holds(to, bytes)) return INVALID_VALUE;
  MAY_FAIL("copy");
  return ((Stream*)stream)->add({[=] { memset((void*)to, value, bytes); }, nullptr});
}

// For stand-ins of libraries that work on several devices. abandon gives up what these streams' devices
// do together; meet gives every stream a part of the same
// work, which begins when all of them have come to it; as often as they come to it, if captured. Where
// the body returns 0 it does not come about, and they go on waiting. Returns whether it was recorded.
extern "C" __attribute__((visibility("default"))) void millrace_emulator_abandon(int device) {
  EXCLUSIVE;
  for (Stream* stream : streams) {
    if (stream->device == devices + device) stream->abandon();
  }
}
extern "C" __attribute__((visibility("default"))) int millrace_emulator_meet(
    int count, void** members, int (*body)(void*), void* argument, void (*release)(void*)) {
  EXCLUSIVE;
  auto meeting = std::make_shared<Meeting>();
  meeting->streams.assign((Stream**)members, (Stream**)members + count);
  std::shared_ptr<void> kept(argument, release);
  meeting->work = [=] { return body(kept.get()) != 0; };
  bool recorded = meeting->streams[0]->capturing;
  for (Stream* stream : meeting->streams) {
    if (stream->capturing != recorded) {
      fprintf(stderr, "CUDA emulator: some devices record what they do together, and some do it\n");
      abort();
    }
    stream->add({nullptr, meeting});
  }
  return recorded;
}
// For stand-ins of libraries that work on one: what the stream is to do, as often as it comes to it.
extern "C" __attribute__((visibility("default"))) int millrace_emulator_queue(
    void* stream, void (*body)(void*), void* argument, void (*release)(void*)) {
  EXCLUSIVE;
  std::shared_ptr<void> kept(argument, release);
  if (!is_current(stream)) return INVALID_CONTEXT;
  return ((Stream*)stream)->add({[=] { body(kept.get()); }, nullptr});
}
// The device that a stream is of, and the one that has all of a range of memory; -1 for none.
extern "C" __attribute__((visibility("default"))) int millrace_emulator_device(void* stream,
                                                                                Address address,
                                                                                size_t bytes) {
  EXCLUSIVE;
  const Allocation* found = stream ? nullptr : holding(address, bytes);
  Device* device = stream ? ((Stream*)stream)->device : found ? found->device : nullptr;
  return device ? (int)(device - devices) : -1;
}

API cuModuleLoadData(void** module, const void* image) {
  EXCLUSIVE;
  if (!current) return INVALID_CONTEXT;
  if (!image) return INVALID_VALUE;
  MAY_FAIL("module");
  Dl_info self;
  dladdr((void*)&cuModuleLoadData, &self);
  void* library = dlopen(self.dli_fname, RTLD_NOW | RTLD_NOLOAD);
  if (!library) return NOT_FOUND;
  *module = new Module{library, {}};
  return OK;
}
API cuModuleUnload(void* module) {
  EXCLUSIVE;
  dlclose(((Module*)module)->library);
  delete (Module*)module;
  return OK;
}
API cuModuleGetFunction(void** function, void* module, const char* name) {
  EXCLUSIVE;
  void* library = ((Module*)module)->library;
  void* body = dlsym(library, name);
  size_t* bytes = (size_t*)dlsym(library, (std::string(name) + "_bytes").c_str());
  if (!body || !bytes) return NOT_FOUND;
  Function& found = ((Module*)module)->functions[name];
  found = {(void (*)(const void*))body, *bytes, 48 << 10};
  *function = &found;
  return OK;
}
// A kernel must be given no address of another device's memory.
static void refuse_foreign_memory(const std::vector<char>& arguments) {
  for (size_t at = 0; at + sizeof(Address) <= arguments.size(); at += sizeof(Address)) {
    Address address;
    memcpy(&address, &arguments[at], sizeof address);
    const Allocation* found = holding(address, 1);
    if (found && found->device != current) {
      fprintf(stderr, "CUDA emulator: a kernel got memory of another device at byte %zu\n", at);
      abort();
    }
  }
}

// How much dynamic shared memory a block may have, and how much of a multiprocessor's is preferred.
API cuFuncSetAttribute(void* function, int attribute, int value) {
  EXCLUSIVE;
  if (!current) return INVALID_CONTEXT;
  if (attribute == 8 && value >= 0 && value <= setting("shared")) {
    ((Function*)function)->shared_limit = (unsigned)value;
    return OK;
  }
  return attribute == 9 && value >= -1 && value <= 100 ? OK : INVALID_VALUE;
}

API cuLaunchKernel(void* function, unsigned gx, unsigned gy, unsigned gz, unsigned bx, unsigned by,
                   unsigned bz, unsigned shared, void* stream, void** parameters, void**) {
  EXCLUSIVE;
  if (!is_current(stream)) return INVALID_CONTEXT;
  Function* f = (Function*)function;
  if (gx * gy * gz == 0 || gy > 65535 || gz > 65535 || bx * by * bz > 1024
      || shared > f->shared_limit) {
    return INVALID_VALUE;
  }
  MAY_FAIL("launch");
  std::vector<char> arguments((char*)parameters[0], (char*)parameters[0] + f->argument_bytes);
  refuse_foreign_memory(arguments);
  counts["launches"] += !((Stream*)stream)->capturing;
  auto run = [=] {
    const void* a = arguments.data();
    emulator::Order order = {setting("reverse") != 0, setting("blocks")};
    emulator::launch({gx, gy, gz}, {bx, by, bz}, shared, order, [=] { f->body(a); });
  };
  return ((Stream*)stream)->add({run, nullptr});
}

API cuOccupancyMaxActiveBlocksPerMultiprocessor(int* blocks, void* function, int threads,
                                                size_t shared) {
  if (!function || threads < 1 || threads > 1024 || shared > 48 << 10) return INVALID_VALUE;
  *blocks = 1;
  return OK;
}

struct LaunchAttribute {
  int id, unused;
  union {
    int allowed;
    char bytes[64];
  } value;
};

struct LaunchConfig {
  unsigned gx, gy, gz, bx, by, bz, shared;
  void* stream;
  LaunchAttribute* attributes;
  unsigned count;
};

// The one attribute that is known: the kernel may begin before its predecessor has ended.
API cuLaunchKernelEx(const LaunchConfig* c, void* function, void** parameters, void** extra) {
  EXCLUSIVE;
  for (unsigned i = 0; i < c->count; i++) {
    const LaunchAttribute& each = c->attributes[i];
    if (each.id != 6 || each.value.allowed >> 1 || setting("capability") < 90) return INVALID_VALUE;
    counts["overlapped"] += each.value.allowed;
  }
  return cuLaunchKernel(function, c->gx, c->gy, c->gz, c->bx, c->by, c->bz, c->shared, c->stream,
                        parameters, extra);
}

API cuStreamBeginCapture_v2(void* stream, int mode) {
  EXCLUSIVE;
  Stream* s = (Stream*)stream;
  if (!is_current(stream)) return INVALID_CONTEXT;
  MAY_FAIL("capture");
  if (mode != 1) return INVALID_VALUE; // THREAD_LOCAL: other models' streams do what they like
  if (s->capturing) return CAPTURE_UNSUPPORTED;
  s->capturing = true;
  s->owner = std::this_thread::get_id();
  return OK;
}
API cuStreamEndCapture(void* stream, void** graph) {
  EXCLUSIVE;
  Stream* s = (Stream*)stream;
  if (!s->capturing) return INVALID_VALUE;
  *graph = s->spoiled ? nullptr : new Graph(std::move(s->recorded));
  int error = s->spoiled ? CAPTURE_INVALIDATED : OK;
  counts["captures"] += error == OK;
  s->recorded.clear();
  s->capturing = s->spoiled = false;
  return error;
}
API cuGraphInstantiateWithFlags(void** executable, void* graph, unsigned long long flags) {
  EXCLUSIVE;
  if (!current) return INVALID_CONTEXT;
  if (!graph || flags != 0) return INVALID_VALUE;
  if (refused()) return CAPTURE_UNSUPPORTED; // it takes memory
  MAY_FAIL("instantiate");
  *executable = new Graph(*(Graph*)graph);
  return OK;
}
API cuGraphUpload(void* executable, void* stream) {
  EXCLUSIVE;
  if (!is_current(stream)) return INVALID_CONTEXT;
  if (!executable) return INVALID_VALUE;
  if (refused()) return CAPTURE_UNSUPPORTED;
  MAY_FAIL("upload");
  return OK;
}
API cuGraphLaunch(void* executable, void* stream) {
  EXCLUSIVE;
  Stream* s = (Stream*)stream;
  if (!is_current(stream)) return INVALID_CONTEXT;
  if (!executable) return INVALID_VALUE;
  MAY_FAIL("graph");
  if (refused(s)) return CAPTURE_UNSUPPORTED; // a graph within a graph is more than is needed
  counts["graphs"]++;
  for (const Work& each : *(Graph*)executable) {
    if (each.meeting) each.meeting->launched(s);
  }
  s->work.insert(s->work.end(), ((Graph*)executable)->begin(), ((Graph*)executable)->end());
  return OK;
}
API cuGraphDestroy(void* graph) { delete (Graph*)graph; return OK; }
API cuGraphExecDestroy(void* executable) { delete (Graph*)executable; return OK; }
