// The scheduler of the emulator and the one operation of tensor cores that the kernels use.
#include "emulator.h"

#include <sys/mman.h>

#include <mutex>
#include <numeric>
#include <random>

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#endif

namespace emulator {

Block* block;
Fiber* fiber;
static std::mutex launching;

extern "C" void emulator_switch(void** from, void* to);

#if defined(__x86_64__)
asm(R"(
.text
.type emulator_switch,@function
emulator_switch:
  push %rbp
  push %rbx
  push %r12
  push %r13
  push %r14
  push %r15
  mov %rsp, (%rdi)
  mov %rsi, %rsp
  pop %r15
  pop %r14
  pop %r13
  pop %r12
  pop %rbx
  pop %rbp
  ret
.size emulator_switch, .-emulator_switch
)");
#else
#error "the emulator switches fibers on x86-64 only"
#endif

static void fail(const char* what, int warp, int here, int there) {
  fprintf(stderr, "CUDA emulator: %s (warp %d of block %u,%u,%u: %d, %d)\n", what, warp,
          block->index.x, block->index.y, block->index.z, here, there);
  abort();
}

#if defined(__SANITIZE_ADDRESS__)
constexpr size_t STACK_BYTES = 512 << 10;
static const void* scheduler_stack;
static size_t scheduler_bytes;

// Tells the sanitizer which stack is next, switches, and tells it where it is again.
static void switch_stacks(void** from, void* to, const void* stack, size_t bytes, bool back) {
  void* fake = nullptr;
  __sanitizer_start_switch_fiber(&fake, stack, bytes);
  emulator_switch(from, to);
  __sanitizer_finish_switch_fiber(fake, back ? &scheduler_stack : nullptr,
                                  back ? &scheduler_bytes : nullptr);
}
static void arrive() {
  __sanitizer_finish_switch_fiber(nullptr, &scheduler_stack, &scheduler_bytes);
}
static void clean(char* stack) { __asan_unpoison_memory_region(stack, STACK_BYTES); }
#else
constexpr size_t STACK_BYTES = 64 << 10;
static const void* const scheduler_stack = nullptr;
static const size_t scheduler_bytes = 0;

static void switch_stacks(void** from, void* to, const void*, size_t, bool) {
  emulator_switch(from, to);
}
static void arrive() {}
static void clean(char*) {}
#endif

void wait(State state) {
  Fiber* me = fiber;
  me->state = state;
  switch_stacks(&me->stack_pointer, block->scheduler, scheduler_stack, scheduler_bytes, true);
}

static void entry() {
  arrive();
  (*block->body)();
  wait(DONE);
}

// Stacks outlive launches: making them is dearer than most kernels.
static char* stack_of(int thread) {
  static std::vector<char*> stacks;
  while ((int)stacks.size() <= thread) {
    void* memory = mmap(nullptr, STACK_BYTES, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (memory == MAP_FAILED) abort();
    stacks.push_back((char*)memory);
  }
  return stacks[thread];
}

static void start(int thread) {
  Fiber& f = block->fibers[thread];
  clean(stack_of(thread));
  void** top = (void**)(stack_of(thread) + STACK_BYTES);
  *--top = nullptr;
  *--top = (void*)entry;
  for (int i = 0; i < 6; i++) *--top = nullptr;
  f.stack_pointer = top;
  f.index = thread;
  f.state = RUNNING;
  f.barriers = f.warp_syncs = 0;
  f.copies.clear();
  f.copy_groups.clear();
  unsigned x = block->size.x, y = block->size.y;
  f.thread = {thread % x, thread / x % y, thread / x / y};
}

// Runs a warp until all its lanes have ended or wait for the block.
static void run_warp(int first, int end) {
  for (;;) {
    int at_warp = 0, at_barrier = 0, done = 0;
    for (int i = first; i < end; i++) {
      Fiber& f = block->fibers[i];
      if (f.state == RUNNING) {
        fiber = &f;
        switch_stacks(&block->scheduler, f.stack_pointer, stack_of(i), STACK_BYTES, false);
      }
      at_warp += f.state == AT_WARP;
      at_barrier += f.state == AT_BARRIER;
      done += f.state == DONE;
    }
    if (at_warp == 0) return;
    if (at_warp != end - first) {
      fail("a warp diverged at an operation of all its lanes", first / WARP, at_warp,
           at_barrier + done);
    }
    if (block->wants_work[first / WARP]) {
      block->wants_work[first / WARP] = 0;
      block->warp_work(*block, first);
    }
    for (int i = first; i < end; i++) block->fibers[i].state = RUNNING;
  }
}

static void run_block(bool reversed) {
  int threads = (int)block->fibers.size();
  int warps = (threads + WARP - 1) / WARP;
  memset(block->shared, 0xCD, block->shared_bytes);
  block->run++;
  for (int i = 0; i < threads; i++) start(i);
  for (;;) {
    for (int i = 0; i < warps; i++) {
      int warp = reversed ? warps - 1 - i : i;
      run_warp(warp * WARP, std::min(threads, warp * WARP + WARP));
    }
    int waiting = 0;
    for (Fiber& f : block->fibers) waiting += f.state == AT_BARRIER;
    if (waiting == 0) return;
    if (waiting != threads) {
      fail("some threads wait at a barrier that others never reach", 0, waiting, threads);
    }
    for (Fiber& f : block->fibers) f.state = RUNNING;
  }
}

// d += a b of m16n8k16, from the fragments of a warp's lanes as PTX lays them out.
static void multiply_fragments(Block& b, int first) {
  alignas(32) float left[16][16], right[16][8], sums[16][8];
  LanePart* parts = &b.parts[b.turns[first] & 1][first];
  for (int lane = 0; lane < WARP; lane++) {
    int g = lane / 4, t = lane % 4;
    LanePart& p = parts[lane];
    for (int i = 0; i < 4; i++) {
      int row = g + i % 2 * 8, column = 2 * t + i / 2 * 8;
      left[row][column] = halfToFloat((uint16_t)p.weights[i]);
      left[row][column + 1] = halfToFloat((uint16_t)(p.weights[i] >> 16));
      sums[g + i / 2 * 8][2 * t + i % 2] = p.sums[i];
    }
    for (int i = 0; i < 2; i++) {
      right[2 * t + 8 * i][g] = halfToFloat((uint16_t)p.activations[i]);
      right[2 * t + 8 * i + 1][g] = halfToFloat((uint16_t)(p.activations[i] >> 16));
    }
  }
  for (int row = 0; row < 16; row++) {
    __m256 sum = _mm256_load_ps(sums[row]);
    for (int k = 0; k < 16; k++) {
      __m256 products = _mm256_mul_ps(_mm256_set1_ps(left[row][k]), _mm256_load_ps(right[k]));
      sum = _mm256_add_ps(sum, products);
    }
    _mm256_store_ps(sums[row], sum);
  }
  for (int lane = 0; lane < WARP; lane++) {
    for (int i = 0; i < 4; i++) {
      parts[lane].sums[i] = sums[lane / 4 + i / 2 * 8][lane % 4 * 2 + i % 2];
    }
  }
}

// Numbers of blocks in the order that they are to run in.
static std::vector<size_t> ordered(size_t count, long order) {
  std::vector<size_t> blocks(count);
  std::iota(blocks.begin(), blocks.end(), 0);
  if (order == 1) std::reverse(blocks.begin(), blocks.end());
  if (order > 1) std::shuffle(blocks.begin(), blocks.end(), std::mt19937((unsigned)order));
  return blocks;
}

void launch(dim3 grid, dim3 size, size_t shared_bytes, Order order,
            const std::function<void()>& body) {
  std::lock_guard<std::mutex> lock(launching);
  Block b;
  int threads = (int)(size.x * size.y * size.z);
  b.fibers.resize(threads);
  b.parts[0].resize(threads);
  b.parts[1].resize(threads);
  b.turns.assign(threads, 0);
  b.wants_work.assign((threads + WARP - 1) / WARP, 0);
  static uint64_t runs;
  b.run = runs;
  b.first_run = runs + 1;
  b.shared_bytes = shared_bytes;
  if (posix_memalign((void**)&b.shared, 1024, shared_bytes)) abort();
  b.size = size;
  b.grid = grid;
  b.warp_work = multiply_fragments;
  b.body = &body;
  block = &b;
  for (size_t number : ordered((size_t)grid.x * grid.y * grid.z, order.blocks)) {
    b.index = {(unsigned)(number % grid.x), (unsigned)(number / grid.x % grid.y),
               (unsigned)(number / grid.x / grid.y)};
    run_block(order.reversed);
  }
  runs = b.run;
  free(b.shared);
  block = nullptr;
}

#if !defined(MILLRACE_CHECK_RACES)
void watch(uintptr_t, size_t) {}
void forget(uintptr_t, size_t) {}
void copying(const void*, bool) {}
void fence() {}
void count(const void*) {}
#endif

} // namespace emulator

void multiplyAdd(float d[4], const unsigned a[4], unsigned b0, unsigned b1) {
  using namespace emulator;
  int me = fiber->index;
  block->turns[me]++;
  LanePart& mine = part(me);
  memcpy(mine.weights, a, 16);
  mine.activations[0] = b0;
  mine.activations[1] = b1;
  memcpy(mine.sums, d, 16);
  block->wants_work[me / WARP] = 1;
  wait(AT_WARP);
  memcpy(d, part(me).sums, 16);
}

template <class T>
static T exchange(T* place, T value) {
  emulator::count(place);
  std::swap(*place, value);
  return value;
}
unsigned atomicAdd(unsigned* sum, unsigned value) { return exchange(sum, *sum + value); }
unsigned atomicInc(unsigned* counter, unsigned last) {
  return exchange(counter, *counter >= last ? 0 : *counter + 1);
}
unsigned atomicMax(unsigned* largest, unsigned value) {
  return exchange(largest, std::max(*largest, value));
}
unsigned atomicExch(unsigned* place, unsigned value) { return exchange(place, value); }
unsigned long long atomicMax(unsigned long long* largest, unsigned long long value) {
  return exchange(largest, std::max(*largest, value));
}
unsigned long long atomicExch(unsigned long long* place, unsigned long long value) {
  return exchange(place, value);
}
