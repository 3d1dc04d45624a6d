// Finds races: two accesses to the same byte, by two threads of a launch, one of them a write, with
// no barrier between them. The compiler calls what is below at every access of the kernels, as it
// does for the thread sanitizer, whose library is not used.
//
// Threads of a warp are ordered by __syncwarp only, those of a block by __syncthreads: shuffles and
// tensor cores order no memory. Blocks are ordered by counters only: a thread that has fenced makes
// known with its next operation on one what it did before the fence, and what its block did before its
// last barrier; who fences after an operation on the same counter knows it, and its block from the next
// barrier on. Of readers the last is remembered, and whether
// there were others. Threads may write what is there already: a write over another's is looked at
// again once it is done.
#include <dlfcn.h>

#include <memory>
#include <unordered_map>

#include "emulator.h"

extern "C" char __bss_start __attribute__((visibility("hidden")));
extern "C" char _end __attribute__((visibility("hidden")));

namespace emulator {

constexpr int NOBODY = -2, SEVERAL = -1;

struct Mark {
  uint64_t run; // which block of threads
  int warp, thread, barriers, warp_syncs;
  uint64_t time;
};

struct Byte {
  Mark written, read;
  uint64_t read_by_blocks; // the launch in which several blocks read it
  uint64_t copied_by;      // the block of threads that is copying something to it
};

constexpr uintptr_t PAGE = 256;
static std::unordered_map<uintptr_t, std::unique_ptr<Byte[]>> pages;
static std::unordered_map<uintptr_t, int> watched; // pages of device memory, by allocations

void watch(uintptr_t address, size_t bytes) {
  for (uintptr_t page = address / PAGE; page <= (address + bytes - 1) / PAGE; page++) watched[page]++;
}

static void settle();

void forget(uintptr_t address, size_t bytes) {
  settle();
  for (uintptr_t page = address / PAGE; page <= (address + bytes - 1) / PAGE; page++) {
    if (--watched[page] == 0) {
      watched.erase(page);
      pages.erase(page);
    }
  }
}

static bool is_shared(uintptr_t address) {
  uintptr_t dynamic = (uintptr_t)block->shared;
  return (address >= (uintptr_t)&__bss_start && address < (uintptr_t)&_end)
      || (address >= dynamic && address < dynamic + block->shared_bytes);
}

// What a thread of a block did before a fence.
struct Past {
  uint64_t run;
  int thread, barriers;
  uint64_t time;

  bool has(const Mark& mark) const {
    return mark.run == run
        && (mark.barriers < barriers || (mark.thread == thread && mark.time < time));
  }
};

// How much of a counter's list a thread knows, and from when on.
struct Knowledge {
  const std::vector<Past>* list;
  size_t count;
  int thread, barriers;
};

static uint64_t now;                                          // counts accesses and fences
static std::unordered_map<const void*, std::vector<Past>> counted; // of this launch, by counters
static uint64_t launch_of_counts, run_of_knowledge;
static std::vector<Past> fenced;        // threads of this block
static std::vector<Knowledge> seen;     // of counters since the threads' last fences
static std::vector<Knowledge> knowledge;

static void forget_others() {
  if (launch_of_counts != block->first_run) counted.clear();
  launch_of_counts = block->first_run;
  if (run_of_knowledge != block->run) {
    fenced.clear();
    seen.clear();
    knowledge.clear();
  }
  run_of_knowledge = block->run;
}

void fence() {
  forget_others();
  fenced.push_back({block->run, fiber->index, fiber->barriers, ++now});
  for (Knowledge& each : seen) {
    if (each.thread != fiber->index) continue;
    each.barriers = fiber->barriers;
    knowledge.push_back(each);
  }
}

void count(const void* counter) {
  forget_others();
  std::vector<Past>& list = counted[counter];
  for (const Past& each : fenced) {
    if (each.thread == fiber->index) list.push_back(each);
  }
  seen.push_back({&list, list.size(), fiber->index, fiber->barriers});
}

static bool is_known(const Mark& mark) {
  if (run_of_knowledge != block->run) return false;
  for (const Knowledge& each : knowledge) {
    if (each.thread != fiber->index && each.barriers >= fiber->barriers) continue;
    for (size_t i = 0; i < each.count; i++) {
      if ((*each.list)[i].has(mark)) return true;
    }
  }
  return false;
}

// Whether nothing orders what is marked before what this thread does now.
static bool races(const Mark& mark, bool shared) {
  if (mark.run < block->first_run || mark.thread == NOBODY) return false;
  if (mark.run != block->run) return !shared && !is_known(mark);
  if (mark.barriers != fiber->barriers) return false;
  if (mark.warp != fiber->index / WARP) return true;
  return mark.warp_syncs == fiber->warp_syncs && mark.thread != fiber->index;
}

[[noreturn]] static void report(const void* caller, uintptr_t address, const Mark& mark, bool shared,
                   const char* now, const char* before) {
  Dl_info kernel = {};
  dladdr(caller, &kernel);
  fprintf(stderr, "CUDA emulator: race on %s memory at %#lx in %s: thread %d of block %u,%u,%u %s"
          " what thread %d of %s block %s\n", shared ? "shared" : "device", (unsigned long)address,
          kernel.dli_sname ? kernel.dli_sname : "a kernel", fiber->index, block->index.x,
          block->index.y, block->index.z, now, mark.thread,
          mark.run == block->run ? "the same" : "another", before);
  abort();
}

// A write over another thread's, and what was there.
struct Doubt {
  const void* caller;
  uintptr_t address;
  unsigned char before;
  Mark written, now;
};
static std::vector<Doubt> doubts;

static void settle() {
  for (const Doubt& each : doubts) {
    if (*(const unsigned char*)each.address == each.before) continue;
    Dl_info kernel = {};
    dladdr(each.caller, &kernel);
    fprintf(stderr, "CUDA emulator: race at %#lx in %s: thread %d writes something else than what"
            " thread %d wrote\n", (unsigned long)each.address,
            kernel.dli_sname ? kernel.dli_sname : "a kernel", each.now.thread,
            each.written.thread);
    abort();
  }
  doubts.clear();
}

static void touch(const void* caller, const void* where, size_t bytes, bool write) {
  if (!block) return;
  settle();
  uintptr_t first = (uintptr_t)where;
  bool shared = is_shared(first);
  if (!shared && !watched.count(first / PAGE)) return;
  Mark me = {block->run, fiber->index / WARP, fiber->index, fiber->barriers, fiber->warp_syncs,
             ++now};
  for (uintptr_t address = first; address < first + bytes; address++) {
    std::unique_ptr<Byte[]>& page = pages[address / PAGE];
    if (!page) {
      page.reset(new Byte[PAGE]());
      for (uintptr_t i = 0; i < PAGE; i++) page[i].written.thread = page[i].read.thread = NOBODY;
    }
    Byte& byte = page[address % PAGE];
    if (!write && shared && byte.copied_by == block->run) {
      report(caller, address, byte.written, shared, "reads", "copies");
    }
    if (races(byte.written, shared)) {
      if (!write) report(caller, address, byte.written, shared, "reads", "wrote");
      doubts.push_back({caller, address, *(const unsigned char*)address, byte.written, me});
    }
    if (write) {
      if (races(byte.read, shared) || (!shared && byte.read_by_blocks == block->first_run)) {
        report(caller, address, byte.read, shared, "writes", "read");
      }
      byte.written = me;
      continue;
    }
    Mark before = byte.read;
    byte.read = me;
    if (before.run >= block->first_run && before.run != block->run) {
      byte.read_by_blocks = block->first_run;
    } else if (before.run == block->run && before.barriers == me.barriers) {
      if (before.warp != me.warp) byte.read.warp = SEVERAL;
      if (before.thread != me.thread && before.warp_syncs == me.warp_syncs) {
        byte.read.thread = SEVERAL;
      }
    }
  }
}

void copying(const void* to, bool done) {
  if (!done) touch(__builtin_return_address(0), to, 16, true);
  for (uintptr_t i = (uintptr_t)to; i < (uintptr_t)to + 16; i++) {
    std::unique_ptr<Byte[]>& page = pages[i / PAGE];
    if (page) page[i % PAGE].copied_by = done ? 0 : block->run;
  }
}

} // namespace emulator

#define HOOK extern "C" __attribute__((visibility("hidden"))) void
#define CALLER __builtin_return_address(0)
#define HOOKS(bytes)                                                                               \
  HOOK __tsan_read##bytes(void* p) { emulator::touch(CALLER, p, bytes, false); }                   \
  HOOK __tsan_write##bytes(void* p) { emulator::touch(CALLER, p, bytes, true); }                   \
  HOOK __tsan_unaligned_read##bytes(void* p) { emulator::touch(CALLER, p, bytes, false); }         \
  HOOK __tsan_unaligned_write##bytes(void* p) { emulator::touch(CALLER, p, bytes, true); }
HOOKS(1)
HOOKS(2)
HOOKS(4)
HOOKS(8)
HOOKS(16)
HOOK __tsan_read_range(void* p, size_t bytes) { emulator::touch(CALLER, p, bytes, false); }
HOOK __tsan_write_range(void* p, size_t bytes) { emulator::touch(CALLER, p, bytes, true); }
HOOK __tsan_vptr_update(void**, void*) {}
HOOK __tsan_init() {}
HOOK __tsan_func_entry(void*) {}
HOOK __tsan_func_exit() {}
