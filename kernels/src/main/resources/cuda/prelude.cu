// What all kernels share. The files of this folder are compiled as one, this one first, and include
// nothing: nvcc makes cubins of them, and an emulator runs them on a processor, for which it brings
// its own versions of what is between the guards.
//
// A kernel takes one struct: pointers first, then ints and floats, so that nothing is padded.

typedef unsigned char u8;
typedef unsigned short u16;
typedef unsigned int u32;
typedef unsigned long long u64;

#ifndef MILLRACE_EMULATION
#define ENTRY(name, Arguments)                                                                     \
  extern "C" __global__ void __launch_bounds__(256) name(const __grid_constant__ Arguments a)
// One of whose blocks of threads so many shall fit on a multiprocessor.
#define ENTRY_OF_BLOCKS(blocks, name, Arguments)                                                   \
  extern "C" __global__ void __launch_bounds__(256, blocks)                                        \
      name(const __grid_constant__ Arguments a)
#define INLINE __device__ __forceinline__
#define DYNAMIC_SHARED(Type, name) extern __shared__ __align__(16) Type name[]

// A kernel may begin while the one before it still runs, if it was launched so. From here on that
// one has ended and all that it wrote is there; and the next may begin.
INLINE void waitForPredecessor() {
#if __CUDA_ARCH__ >= 900
  asm volatile("griddepcontrol.wait;" ::: "memory");
  asm volatile("griddepcontrol.launch_dependents;");
#endif
}

INLINE float halfToFloat(u16 bits) {
  float value;
  asm("cvt.f32.f16 %0, %1;" : "=f"(value) : "h"(bits));
  return value;
}

INLINE u16 floatToHalf(float value) {
  u16 bits;
  asm("cvt.rn.f16.f32 %0, %1;" : "=h"(bits) : "f"(value));
  return bits;
}

INLINE u32 subtractHalves(u32 x, u32 y) {
  u32 difference;
  asm("sub.f16x2 %0, %1, %2;" : "=r"(difference) : "r"(x), "r"(y));
  return difference;
}

// x & mask | bits, as one instruction, which takes no two constants but in registers.
INLINE u32 maskAndSet(u32 x, u32 mask, u32 bits) {
  u32 result;
  asm("lop3.b32 %0, %1, %2, %3, 0xea;" : "=r"(result) : "r"(x), "r"(mask), "r"(bits));
  return result;
}

// x * y + z of two halves each.
INLINE u32 multiplyAddHalves(u32 x, u32 y, u32 z) {
  u32 sum;
  asm("fma.rn.f16x2 %0, %1, %2, %3;" : "=r"(sum) : "r"(x), "r"(y), "r"(z));
  return sum;
}

// Weights, which are read once and must not drive anything out of the first-level cache.
INLINE uint4 loadOnce(const uint4* from) {
  uint4 value;
  asm("ld.global.nc.L1::no_allocate.v4.u32 {%0, %1, %2, %3}, [%4];"
      : "=r"(value.x), "=r"(value.y), "=r"(value.z), "=r"(value.w) : "l"(from));
  return value;
}

INLINE uint2 loadOnce(const uint2* from) {
  uint2 value;
  asm("ld.global.nc.L1::no_allocate.v2.u32 {%0, %1}, [%2];"
      : "=r"(value.x), "=r"(value.y) : "l"(from));
  return value;
}

INLINE u16 loadOnce(const u16* from) {
  u16 value;
  asm("ld.global.nc.L1::no_allocate.u16 %0, [%1];" : "=h"(value) : "l"(from));
  return value;
}

INLINE u8 loadOnce(const u8* from) {
  u16 value;
  asm("ld.global.nc.L1::no_allocate.u8 %0, [%1];" : "=h"(value) : "l"(from));
  return (u8)value;
}

// Copies 16 bytes to shared memory while the thread goes on. endCopies closes a group of copies;
// awaitCopies waits for this thread's groups but so many of the last.
INLINE void copyAsync(void* shared, const void* from) {
  asm volatile("cp.async.cg.shared.global [%0], [%1], 16;"
               : : "r"((u32)__cvta_generic_to_shared(shared)), "l"(from) : "memory");
}

// The same of what is read once, and need not stay in the second-level cache.
INLINE u64 readingOnce() {
  u64 policy;
  asm("createpolicy.fractional.L2::evict_first.b64 %0, 1.0;" : "=l"(policy));
  return policy;
}

INLINE void copyOnceAsync(void* shared, const void* from, u64 policy) {
  asm volatile("cp.async.cg.shared.global.L2::cache_hint [%0], [%1], 16, %2;"
               : : "r"((u32)__cvta_generic_to_shared(shared)), "l"(from), "l"(policy) : "memory");
}

INLINE void endCopies() { asm volatile("cp.async.commit_group;" : : : "memory"); }

template <int LEFT>
INLINE void awaitCopies() { asm volatile("cp.async.wait_group %0;" : : "n"(LEFT) : "memory"); }

// d (16, 8) += a (16, 16) times b (16, 8), spread over the warp as PTX says of m16n8k16.
INLINE void multiplyAdd(float d[4], const u32 a[4], u32 b0, u32 b1) {
  asm volatile("mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32 "
               "{%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, {%0,%1,%2,%3};"
               : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
               : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b0), "r"(b1));
}
#endif

// A kernel, which reads and writes nothing before its predecessor has ended. One that begins with what
// no kernel writes is an ENTRY, and waits itself.
#define KERNEL(name, Arguments)                                                                    \
  INLINE void name##Body(const Arguments& a);                                                      \
  ENTRY(name, Arguments) {                                                                         \
    waitForPredecessor();                                                                          \
    name##Body(a);                                                                                 \
  }                                                                                                \
  INLINE void name##Body(const Arguments& a)

#define WARP 32
#define ALL_LANES 0xffffffffu
// Threads of a block that works on one row, and of one that multiplies.
#define ROW_THREADS 256
#define NEGATIVE_INFINITY __int_as_float(0xff800000)

// Columns of a matrix come in blocks of this many; activations are filled up to it with zeros.
#define BLOCK_COLUMNS 128

INLINE int ceilDiv(int count, int divisor) { return (count + divisor - 1) / divisor; }

// Sum over the block, the same for all threads and in an order that depends on nothing.
INLINE float blockSum(float value, float* scratch) {
  for (int distance = WARP / 2; distance > 0; distance /= 2) {
    value += __shfl_xor_sync(ALL_LANES, value, distance);
  }
  __syncthreads();
  if (threadIdx.x % WARP == 0) scratch[threadIdx.x / WARP] = value;
  __syncthreads();
  float sum = 0;
  for (int warp = 0; warp < ROW_THREADS / WARP; warp++) sum += scratch[warp];
  return sum;
}

INLINE float blockMaximum(float value, float* scratch) {
  for (int distance = WARP / 2; distance > 0; distance /= 2) {
    value = fmaxf(value, __shfl_xor_sync(ALL_LANES, value, distance));
  }
  __syncthreads();
  if (threadIdx.x % WARP == 0) scratch[threadIdx.x / WARP] = value;
  __syncthreads();
  float largest = scratch[0];
  for (int warp = 1; warp < ROW_THREADS / WARP; warp++) largest = fmaxf(largest, scratch[warp]);
  return largest;
}

// Activations on their way into tensor cores, (rows, stride): each is a half, or the sum of two,
// times a power of two per row; of every 32 columns a lane's four of the first 16 and of the second
// lie side by side, in the order of lanes. One half keeps eleven bits of an activation, two keep 22, so
// that products are nearly those of floats; a row's largest never overflows.
struct Prepared {
  u16* high;      // (rows, stride)
  u16* low;       // (rows, stride); null where an activation is one half
  float* inverse; // (rows): undoes the power of two
  float* sums;    // (rows, stride / 16): of 16 consecutive activations, power included
  int stride;     // columns, filled up to whole blocks
  int unused;
};

// Where a column's halves lie in their row.
INLINE int preparedPlace(int column) {
  return column / 32 * 32 + column % 16 / 4 * 8 + column % 32 / 16 * 4 + column % 4;
}

// A row's activations before they are split: value(i) is asked for twice per column.
template <class Values>
INLINE void prepareRow(const Prepared& out, int row, int width, Values value, float* scratch) {
  float largest = 0;
  for (int i = threadIdx.x; i < width; i += ROW_THREADS) largest = fmaxf(largest, fabsf(value(i)));
  largest = blockMaximum(largest, scratch);
  int exponent = (int)(__float_as_uint(largest) >> 23);
  // The largest comes to lie between 2^13 and 2^14.
  int power = min(max(267 - exponent, 1), 253);
  float factor = __int_as_float((largest == 0 ? 127 : power) << 23);
  if (threadIdx.x == 0) {
    out.inverse[row] = __int_as_float((largest == 0 ? 127 : 254 - power) << 23);
  }
  for (int first = 0; first < out.stride; first += ROW_THREADS) {
    int i = first + threadIdx.x;
    float scaled = i < width ? value(i) * factor : 0.0f;
    u16 high = floatToHalf(scaled);
    float kept = halfToFloat(high);
    u16 low = out.low ? floatToHalf(scaled - kept) : 0;
    float sum = kept + halfToFloat(low);
    for (int distance = 8; distance > 0; distance /= 2) {
      sum += __shfl_xor_sync(ALL_LANES, sum, distance);
    }
    if (i < out.stride) {
      size_t start = (size_t)row * out.stride;
      int place = preparedPlace(i);
      out.high[start + place] = high;
      if (out.low) out.low[start + place] = low;
      if (i % 16 == 0) out.sums[(start + i) / 16] = sum;
    }
  }
}
