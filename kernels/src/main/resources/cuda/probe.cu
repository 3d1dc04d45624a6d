// Kernels that measure a device rather than compute a model: how fast it reads, how fast it
// multiplies. Each writes what comes of it, so that nothing can be left out.

struct ReadArguments {
  const uint4* memory; // (count)
  u32* sums;           // (blocks, warps): exclusive ors of what they read
  int count;
  int unused;
};

INLINE u32 folded(uint4 words) { return words.x ^ words.y ^ words.z ^ words.w; }

KERNEL(probeRead, ReadArguments) {
  int stride = gridDim.x * ROW_THREADS;
  int i = blockIdx.x * ROW_THREADS + threadIdx.x;
  u32 sum = 0;
  for (; i + 3 * stride < a.count; i += 4 * stride) {
    uint4 first = a.memory[i], second = a.memory[i + stride];
    uint4 third = a.memory[i + 2 * stride], fourth = a.memory[i + 3 * stride];
    sum ^= folded(first) ^ folded(second) ^ folded(third) ^ folded(fourth);
  }
  for (; i < a.count; i += stride) sum ^= folded(a.memory[i]);
  for (int distance = WARP / 2; distance > 0; distance /= 2) {
    sum ^= __shfl_xor_sync(ALL_LANES, sum, distance);
  }
  if (threadIdx.x % WARP == 0) {
    a.sums[blockIdx.x * (ROW_THREADS / WARP) + threadIdx.x / WARP] = sum;
  }
}

struct TensorCoreArguments {
  float* sums; // (blocks, threads)
  int rounds;
  int unused;
};

// Products of ones, from registers into registers: 16 more in every sum of every round.
KERNEL(probeTensorCores, TensorCoreArguments) {
  const u32 ones = 0x3c003c00;
  u32 rows[4] = {ones, ones, ones, ones};
  float sums[8][4] = {};
  for (int round = 0; round < a.rounds; round++) {
#pragma unroll
    for (int i = 0; i < 8; i++) multiplyAdd(sums[i], rows, ones, ones);
  }
  float sum = 0;
  for (int i = 0; i < 8; i++) sum += sums[i][0] + sums[i][1] + sums[i][2] + sums[i][3];
  a.sums[blockIdx.x * ROW_THREADS + threadIdx.x] = sum;
}
