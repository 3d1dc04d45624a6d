// Runs the kernels of a device on a processor: one block of threads at a time, every thread a fiber.
// A warp's fibers wait for each other at its operations and a block's at its barriers, so that
// missing barriers, divergence, wrong fragments and unwritten memory show as they would not on a
// device. Races between warps show by running them in either order, and in a build with CHECK=races
// by what every access is compared with; see races.cpp.
#pragma once

#include <immintrin.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <type_traits>
#include <vector>

#define MILLRACE_EMULATION

struct uint3 { unsigned x, y, z; };
struct dim3 { unsigned x = 1, y = 1, z = 1; };
struct alignas(8) uint2 { unsigned x, y; };
struct alignas(8) float2 { float x, y; };
struct alignas(16) float4 { float x, y, z, w; };
struct alignas(16) uint4 { unsigned x, y, z, w; };

namespace emulator {

constexpr int WARP = 32;

enum State { RUNNING, AT_BARRIER, AT_WARP, DONE };

// To shared memory, while the thread goes on.
struct Copy {
  uint4* to;
  const uint4* from;
};

struct Fiber {
  void* stack_pointer;
  uint3 thread;
  int index;
  State state;
  int barriers;   // passed in this block
  int warp_syncs; // likewise
  std::vector<Copy> copies;        // not done yet
  std::vector<size_t> copy_groups; // ends of groups of them
};

// What one lane gives to and takes from an operation of its warp.
struct LanePart {
  uint64_t value;
  uint32_t weights[4];
  uint32_t activations[2];
  float sums[4];
};

struct Block {
  std::vector<Fiber> fibers;
  std::vector<LanePart> parts[2]; // by turn: a lane may be at the next operation already
  std::vector<int> turns;         // of each thread
  char* shared;                   // dynamic
  size_t shared_bytes;
  dim3 size, grid;
  uint3 index;
  void* scheduler;
  std::function<void(Block&, int)> warp_work; // done once all lanes of a warp have arrived
  std::vector<char> wants_work;               // (warps)
  const std::function<void()>* body;
  uint64_t run;       // counts blocks of threads
  uint64_t first_run; // of the launch
};

// Of the one launch that runs: threads of the host take turns.
extern Block* block;
extern Fiber* fiber;

void wait(State state);
// Device memory that is checked for races, and no longer.
void watch(uintptr_t address, size_t bytes);
void forget(uintptr_t address, size_t bytes);
// A copy of 16 bytes to shared memory begins, or is done.
void copying(const void* to, bool done);
// What is known of the order in which blocks of threads touch memory: a thread's fence, and its
// operations on counters.
void fence();
void count(const void* counter);

// In which order a launch runs.
struct Order {
  bool reversed; // the warps of a block
  long blocks;   // 0 for blocks as they are numbered, 1 for the last one first, else a seed
};
void launch(dim3 grid, dim3 size, size_t shared_bytes, Order order,
            const std::function<void()>& body);

inline LanePart& part(int thread) { return block->parts[block->turns[fiber->index] & 1][thread]; }
inline int first_of_warp() { return fiber->index & ~(WARP - 1); }

// A value of another lane.
template <class T>
T exchange(T value, int source) {
  static_assert(sizeof(T) <= 8);
  int me = fiber->index;
  block->turns[me]++;
  uint64_t bits = 0;
  memcpy(&bits, &value, sizeof value);
  part(me).value = bits;
  wait(AT_WARP);
  bits = part(first_of_warp() + (source & (WARP - 1))).value;
  memcpy(&value, &bits, sizeof value);
  return value;
}

} // namespace emulator

#define ENTRY(name, Arguments)                                                                     \
  extern "C" __attribute__((visibility("default"))) const size_t name##_bytes = sizeof(Arguments); \
  extern "C" __attribute__((visibility("default"))) void name(const Arguments& a)
#define ENTRY_OF_BLOCKS(blocks, name, Arguments) ENTRY(name, Arguments)
#define INLINE inline __attribute__((always_inline))
#define NOINLINE static __attribute__((noinline))
#define DYNAMIC_SHARED(Type, name) Type* name = (Type*)emulator::shared_memory()
#define __shared__ static

#define threadIdx (emulator::fiber->thread)
#define blockIdx (emulator::block->index)
#define blockDim (emulator::block->size)
#define gridDim (emulator::block->grid)

namespace emulator {
inline void* shared_memory() { return block->shared; }
} // namespace emulator

using std::max;
using std::min;

// What comes after is not to be moved before the count, or the search for races misjudges it.
#define COUNTED asm volatile("" ::: "memory")
inline void __syncthreads() {
  emulator::wait(emulator::AT_BARRIER);
  emulator::fiber->barriers++;
  COUNTED;
}
inline void __syncwarp() {
  emulator::exchange(0, 0);
  emulator::fiber->warp_syncs++;
  COUNTED;
}
template <class T>
T __shfl_xor_sync(unsigned, T value, int mask) {
  return emulator::exchange(value, (emulator::fiber->index & 31) ^ mask);
}
template <class T>
T __shfl_sync(unsigned, T value, int source) { return emulator::exchange(value, source); }

inline float __int_as_float(int bits) { float f; memcpy(&f, &bits, 4); return f; }
inline unsigned __float_as_uint(float f) { unsigned bits; memcpy(&bits, &f, 4); return bits; }
inline unsigned __byte_perm(unsigned x, unsigned y, unsigned selector) {
  uint64_t bytes = (uint64_t)y << 32 | x;
  unsigned result = 0;
  for (int i = 0; i < 4; i++) {
    result |= (unsigned)(bytes >> (selector >> 4 * i & 7) * 8 & 0xff) << 8 * i;
  }
  return result;
}

inline float __fadd_rn(float x, float y) { return x + y; }
inline float __fsub_rn(float x, float y) { return x - y; }
inline float __fmul_rn(float x, float y) { return x * y; }
inline float __fdiv_rn(float x, float y) { return x / y; }
inline float __fmaf_rn(float x, float y, float z) { return fmaf(x, y, z); }
// Fibers take turns only where they wait, so that nothing comes between.
unsigned atomicAdd(unsigned* sum, unsigned value);
unsigned atomicInc(unsigned* counter, unsigned last);
unsigned atomicMax(unsigned* largest, unsigned value);
unsigned atomicExch(unsigned* place, unsigned value);
unsigned long long atomicMax(unsigned long long* largest, unsigned long long value);
unsigned long long atomicExch(unsigned long long* place, unsigned long long value);
inline void __threadfence() {
  COUNTED;
  emulator::fence();
}

inline float halfToFloat(uint16_t bits) { return _cvtsh_ss(bits); }
inline uint16_t floatToHalf(float value) { return _cvtss_sh(value, 0); }
inline unsigned packHalves(float first, float second) {
  return floatToHalf(first) | (unsigned)floatToHalf(second) << 16;
}
inline float exponential2(float x) { return exp2f(x); }
inline unsigned subtractHalves(unsigned x, unsigned y) {
  float low = halfToFloat((uint16_t)x) - halfToFloat((uint16_t)y);
  float high = halfToFloat((uint16_t)(x >> 16)) - halfToFloat((uint16_t)(y >> 16));
  return floatToHalf(low) | (unsigned)floatToHalf(high) << 16;
}

inline unsigned maskAndSet(unsigned x, unsigned mask, unsigned bits) { return (x & mask) | bits; }
// Rounded twice where a device rounds once: of whole numbers neither does.
inline unsigned multiplyAddHalves(unsigned x, unsigned y, unsigned z) {
  unsigned result = 0;
  for (int shift = 0; shift < 32; shift += 16) {
    float product = halfToFloat((uint16_t)(x >> shift)) * halfToFloat((uint16_t)(y >> shift));
    result |= (unsigned)floatToHalf(product + halfToFloat((uint16_t)(z >> shift))) << shift;
  }
  return result;
}
inline uint4 loadOnce(const uint4* from) { return *from; }
inline uint2 loadOnce(const uint2* from) { return *from; }
inline uint16_t loadOnce(const uint16_t* from) { return *from; }
inline uint8_t loadOnce(const uint8_t* from) { return *from; }

// As late as a device may: at the wait.
inline void copyAsync(void* shared, const void* from) {
  emulator::copying(shared, false);
  emulator::fiber->copies.push_back({(uint4*)shared, (const uint4*)from});
}
inline uint64_t readingOnce() { return 0; }
inline void copyOnceAsync(void* shared, const void* from, uint64_t, bool wanted) {
  if (wanted) copyAsync(shared, from);
}
inline void endCopies() {
  emulator::fiber->copy_groups.push_back(emulator::fiber->copies.size());
}
template <int LEFT>
void awaitCopies() {
  emulator::Fiber& f = *emulator::fiber;
  while ((int)f.copy_groups.size() > LEFT) {
    size_t count = f.copy_groups.front();
    for (size_t i = 0; i < count; i++) {
      emulator::copying(f.copies[i].to, true);
      *f.copies[i].to = *f.copies[i].from;
    }
    f.copies.erase(f.copies.begin(), f.copies.begin() + (long)count);
    f.copy_groups.erase(f.copy_groups.begin());
    for (size_t& end : f.copy_groups) end -= count;
  }
}

void multiplyAdd(float d[4], const unsigned a[4], unsigned b0, unsigned b1);

inline unsigned hiddenZero() { return 0; }
inline void forgetLoads() {}
inline void waitForPredecessor() {} // kernels run one after the other
