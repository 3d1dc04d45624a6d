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
#define NOINLINE __device__ __noinline__
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

// Two halves in a word, the first in its lower part.
INLINE u32 packHalves(float first, float second) {
  u32 bits;
  asm("cvt.rn.f16x2.f32 %0, %1, %2;" : "=r"(bits) : "f"(second), "f"(first));
  return bits;
}

// Two to the power of x, to about 22 bits.
INLINE float exponential2(float x) {
  float power;
  asm("ex2.approx.ftz.f32 %0, %1;" : "=f"(power) : "f"(x));
  return power;
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

// The same of what is read once, and need not stay in the second-level cache; only where wanted, which
// takes no branch.
INLINE u64 readingOnce() {
  u64 policy;
  asm("createpolicy.fractional.L2::evict_first.b64 %0, 1.0;" : "=l"(policy));
  return policy;
}

INLINE void copyOnceAsync(void* shared, const void* from, u64 policy, bool wanted) {
  asm volatile("{ .reg .pred p; setp.ne.b32 p, %3, 0;"
               " @p cp.async.cg.shared.global.L2::cache_hint [%0], [%1], 16, %2; }"
               : : "r"((u32)__cvta_generic_to_shared(shared)), "l"(from), "l"(policy),
                   "r"((int)wanted) : "memory");
}

INLINE void endCopies() { asm volatile("cp.async.commit_group;" : : : "memory"); }

template <int LEFT>
INLINE void awaitCopies() { asm volatile("cp.async.wait_group %0;" : : "n"(LEFT) : "memory"); }

// Zero, which the compiler does not know.
INLINE u32 hiddenZero() {
  u32 multiprocessor;
  asm volatile("mov.u32 %0, %%smid;" : "=r"(multiprocessor));
  return multiprocessor >> 20;
}

// What was loaded before this is loaded again, and not held in registers.
INLINE void forgetLoads() { asm volatile("" : : : "memory"); }

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

// Floats as unsigned integers of the same order.
INLINE u32 orderedKey(float logit) {
  u32 bits = __float_as_uint(__fadd_rn(logit, 0.0f)); // both zeros are equal
  return bits ^ (bits >> 31 ? 0xffffffffu : 0x80000000u);
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

// What a row of which this is the largest is multiplied by, and what undoes that: the largest comes to
// lie between 2^13 and 2^14.
struct PowerOfTwo { float factor, inverse; };

INLINE PowerOfTwo powerFor(float largest) {
  int exponent = (int)(__float_as_uint(largest) >> 23);
  int power = min(max(267 - exponent, 1), 253);
  return {__int_as_float((largest == 0 ? 127 : power) << 23),
          __int_as_float((largest == 0 ? 127 : 254 - power) << 23)};
}

// Columns of a row that a thread has side by side: whatever it needs of them comes with few loads.
// A block of threads has ROW_PARTS of them, and goes on from there; of the first KEPT times a thread
// keeps what it made in registers.
#define PART 8
#define ROW_PARTS (PART * ROW_THREADS)
#define KEPT 2

typedef float KeptParts[KEPT][PART];

// Whether a row of such a width may be read and written by sixteen bytes.
INLINE bool isAligned(const void* row, int width) { return width % 4 == 0 && (size_t)row % 16 == 0; }

// A thread's columns of a row of floats; zeros beyond its end.
template <bool ALIGNED>
INLINE void loadPart(const float* row, int first, int width, float (&part)[PART]) {
#pragma unroll
  for (int i = 0; i < PART; i += ALIGNED ? 4 : 1) {
    if (ALIGNED) {
      float4 four = {0, 0, 0, 0};
      if (first + i < width) four = *(const float4*)(row + first + i);
      part[i] = four.x;
      part[i + 1] = four.y;
      part[i + 2] = four.z;
      part[i + 3] = four.w;
    } else {
      part[i] = first + i < width ? row[first + i] : 0.0f;
    }
  }
}

template <bool ALIGNED>
INLINE void storePart(float* row, int first, int width, const float (&part)[PART]) {
#pragma unroll
  for (int i = 0; i < PART; i += ALIGNED ? 4 : 1) {
    if (first + i >= width) continue;
    if (ALIGNED) {
      *(float4*)(row + first + i) = {part[i], part[i + 1], part[i + 2], part[i + 3]};
    } else {
      row[first + i] = part[i];
    }
  }
}

// The parts that a thread keeps, by `parts(first, part)`.
template <class Parts>
INLINE void keepParts(KeptParts& kept, Parts parts) {
#pragma unroll
  for (int i = 0; i < KEPT; i++) parts((i * ROW_THREADS + (int)threadIdx.x) * PART, kept[i]);
}

// Gives all of a thread's parts of a row to `work(first, part)`, those that are kept as they are and
// others by `parts`. All lanes of a warp come along if one has something.
template <class Parts, class Work>
INLINE void eachPart(int width, KeptParts& kept, Parts parts, Work work) {
  int first = threadIdx.x * PART, firstOfWarp = (int)threadIdx.x / WARP * WARP * PART;
#pragma unroll
  for (int i = 0; i < KEPT; i++) {
    if (firstOfWarp + i * ROW_PARTS < width) work(first + i * ROW_PARTS, kept[i]);
  }
#pragma unroll 1 // or it takes twice the registers
  for (int i = KEPT * ROW_PARTS; firstOfWarp + i < width; i += ROW_PARTS) {
    float part[PART];
    parts(first + i, part);
    work(first + i, part);
  }
}

// Splits a thread's columns, and adds them up with those of its neighbour.
INLINE void splitPart(const Prepared& out, int row, int first, float (&part)[PART], float factor) {
  size_t start = (size_t)row * out.stride;
#pragma unroll
  for (int i = 0; i < PART; i += 4) {
    u32 high[4], low[4];
#pragma unroll
    for (int j = 0; j < 4; j++) {
      float scaled = part[i + j] * factor;
      high[j] = floatToHalf(scaled);
      float kept = halfToFloat((u16)high[j]);
      low[j] = out.low ? floatToHalf(scaled - kept) : 0;
      part[i + j] = kept + halfToFloat((u16)low[j]);
    }
    int place = preparedPlace(first + i);
    if (first < out.stride) {
      *(uint2*)(out.high + start + place) = {high[0] | high[1] << 16, high[2] | high[3] << 16};
      if (out.low) {
        *(uint2*)(out.low + start + place) = {low[0] | low[1] << 16, low[2] | low[3] << 16};
      }
    }
  }
  float sum = ((part[0] + part[4]) + (part[2] + part[6])) + ((part[1] + part[5]) + (part[3] + part[7]));
  sum += __shfl_xor_sync(ALL_LANES, sum, 1);
  if (first < out.stride && first % 16 == 0) out.sums[(start + first) / 16] = sum;
}

// The larger of this and what a thread has; what is no number counts for nothing.
INLINE float largestOf(const float (&part)[PART], float largest) {
#pragma unroll
  for (int i = 0; i < PART; i++) largest = fmaxf(largest, fabsf(part[i]));
  return largest;
}

// Prepares a row whose largest is known. All columns beyond its width have to be zeros.
template <class Parts>
INLINE void prepareKnown(const Prepared& out, int row, float largest, KeptParts& kept,
                         Parts parts) {
  PowerOfTwo power = powerFor(largest);
  if (threadIdx.x == 0) out.inverse[row] = power.inverse;
  eachPart(out.stride, kept, parts,
           [&](int first, float (&part)[PART]) { splitPart(out, row, first, part, power.factor); });
}

template <class Parts>
INLINE void prepareParts(const Prepared& out, int row, KeptParts& kept, Parts parts,
                         float* scratch) {
  float largest = 0;
  eachPart(out.stride, kept, parts,
           [&](int, float (&part)[PART]) { largest = largestOf(part, largest); });
  prepareKnown(out, row, blockMaximum(largest, scratch), kept, parts);
}

// A row's activations before they are split: value(i) is asked for once or twice per column.
template <class Values>
INLINE void prepareRow(const Prepared& out, int row, int width, Values value, float* scratch) {
  auto parts = [&](int first, float (&part)[PART]) {
#pragma unroll
    for (int i = 0; i < PART; i++) part[i] = first + i < width ? value(first + i) : 0.0f;
  };
  KeptParts kept;
  keepParts(kept, parts);
  prepareParts(out, row, kept, parts, scratch);
}

// Whether this is the last of so many blocks of threads that come here. It may then read what they
// all wrote before, and the counter is zero again, as it was before the first of them.
INLINE bool isLast(u32* counter, u32 blocks) {
  __shared__ int last;
  __syncthreads();
  if (threadIdx.x == 0) {
    __threadfence();
    last = atomicInc(counter, blocks - 1) == blocks - 1;
    __threadfence();
  }
  __syncthreads();
  return last;
}
