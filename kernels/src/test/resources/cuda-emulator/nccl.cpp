// A stand-in for libnccl.so.2: the calls that Millrace makes, between emulated devices. A collective
// is work that the streams of all devices come to, and starts when the last of them is there. What
// NCCL would wait for in vain, or answer with wrong numbers, aborts.
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <vector>

#define API extern "C" __attribute__((visibility("default")))

typedef unsigned long long Address;

extern "C" int millrace_emulator_meet(int count, void** streams, int (*body)(void*),
                                      void* argument, void (*release)(void*));
extern "C" void millrace_emulator_abandon(int device);
extern "C" int millrace_emulator_next(const char* call);
extern "C" int millrace_emulator_device(void* stream, Address address, size_t bytes);

enum { OK = 0, INVALID_ARGUMENT = 4, INVALID_USAGE = 5, REMOTE_ERROR = 6 };
enum { FLOAT32 = 7 };

struct Clique;

struct Communicator {
  Clique* clique;
  int rank;
  int device;
};

struct Clique {
  std::vector<Communicator*> members;
  int left;
  int error;    // that its exchanges have had
  int recorded; // exchanges in graphs that are there still
};

struct Gather {
  Communicator* by;
  const char* source;
  char* target;
  size_t bytes;
  void* stream;
};

static thread_local int depth;
static thread_local std::vector<Gather> queued;

static void fail(const char* what) {
  fprintf(stderr, "NCCL emulator: %s\n", what);
  abort();
}

API int ncclGetVersion(int* version) { *version = 22700; return OK; }
API const char* ncclGetErrorString(int error) {
  switch (error) {
    case OK: return "no error";
    case INVALID_ARGUMENT: return "invalid argument";
    case REMOTE_ERROR: return "remote process exited or there was a network error";
    default: return "invalid usage";
  }
}

API int ncclCommInitAll(Communicator** communicators, int count, const int* devices) {
  if (count < 1) return INVALID_ARGUMENT;
  for (int i = 0; i < count; i++) {
    for (int j = 0; j < i; j++) {
      if (devices[i] == devices[j]) return INVALID_USAGE;
    }
  }
  Clique* clique = new Clique{{}, count, OK, 0};
  for (int i = 0; i < count; i++) {
    communicators[i] = new Communicator{clique, i, devices[i]};
    clique->members.push_back(communicators[i]);
  }
  return OK;
}

API int ncclCommDestroy(Communicator* communicator) {
  Clique* clique = communicator->clique;
  delete communicator;
  if (--clique->left == 0) {
    if (clique->recorded) fail("the last communicator waits for graphs that were not destroyed");
    delete clique;
  }
  return OK;
}

API int ncclCommGetAsyncError(Communicator* communicator, int* error) {
  *error = communicator->clique->error;
  return OK;
}

// On a device that is lost nothing ends, so neither does what others do with it.
API int ncclCommAbort(Communicator* communicator) {
  millrace_emulator_abandon(communicator->device);
  return ncclCommDestroy(communicator);
}

API int ncclGroupStart() { depth++; return OK; }

struct Exchange {
  std::vector<Gather> gathers;
  Clique* clique;
  bool recorded;
};

// An exchange that has had an error never ends.
static int copy_all(void* argument) {
  Exchange* exchange = (Exchange*)argument;
  Clique* clique = exchange->clique;
  if (int error = millrace_emulator_next("network")) clique->error = error;
  if (clique->error) return 0;
  for (Gather& to : exchange->gathers) {
    for (Gather& from : exchange->gathers) {
      memmove(to.target + from.by->rank * from.bytes, from.source, from.bytes);
    }
  }
  return 1;
}

static void release(void* argument) {
  Exchange* exchange = (Exchange*)argument;
  if (exchange->recorded) exchange->clique->recorded--;
  delete exchange;
}

// Hands one collective of all members of a communicator to their streams.
static void hand_over(const std::vector<Gather>& gathers) {
  std::vector<void*> streams;
  for (const Gather& each : gathers) {
    if (each.bytes != gathers[0].bytes) fail("the devices of an AllGather disagree on its size");
    streams.push_back(each.stream);
  }
  Clique* clique = gathers[0].by->clique;
  Exchange* exchange = new Exchange{gathers, clique, false};
  exchange->recorded = millrace_emulator_meet((int)streams.size(), streams.data(), copy_all,
                                              exchange, release);
  clique->recorded += exchange->recorded;
}

API int ncclGroupEnd() {
  if (depth == 0) return INVALID_USAGE;
  if (--depth > 0) return OK;
  while (!queued.empty()) {
    Clique* clique = queued.front().by->clique;
    std::vector<Gather> together;
    for (Communicator* member : clique->members) {
      auto mine = queued.begin();
      while (mine != queued.end() && mine->by != member) ++mine;
      if (mine == queued.end()) fail("a device is missing from an AllGather, which would hang");
      together.push_back(*mine);
      queued.erase(mine);
    }
    hand_over(together);
  }
  return OK;
}

API int ncclAllGather(const void* source, void* target, size_t count, int type,
                      Communicator* communicator, void* stream) {
  if (type != FLOAT32) return INVALID_ARGUMENT;
  size_t bytes = count * sizeof(float), all = bytes * communicator->clique->members.size();
  int device = communicator->device;
  if (millrace_emulator_device(stream, 0, 0) != device) fail("a stream of another device");
  if (millrace_emulator_device(nullptr, (Address)source, bytes) != device) {
    fail("an AllGather reads what is not memory of its device");
  }
  if (millrace_emulator_device(nullptr, (Address)target, all) != device) {
    fail("an AllGather writes what is not memory of its device");
  }
  const char* from = (const char*)source;
  char* own = (char*)target + communicator->rank * bytes;
  if (from != own && from < (char*)target + all && (char*)target < from + bytes) {
    fail("an AllGather reads what it overwrites");
  }
  ncclGroupStart();
  queued.push_back({communicator, from, (char*)target, bytes, stream});
  return ncclGroupEnd();
}
