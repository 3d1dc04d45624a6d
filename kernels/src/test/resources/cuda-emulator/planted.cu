// Kernels with a fault each, that the checking builds of the emulator have to find.

struct PlantedArguments {
  float* memory; // (count)
  int count;
  int unused;
};

KERNEL(plantedOverrun, PlantedArguments) { a.memory[threadIdx.x + 1] += 1; }

KERNEL(plantedSharedOverrun, PlantedArguments) {
  DYNAMIC_SHARED(float, values);
  values[threadIdx.x + 1] = 1;
  __syncthreads();
  a.memory[threadIdx.x] = values[threadIdx.x];
}

KERNEL(plantedMisaligned, PlantedArguments) {
  if (threadIdx.x == 0) a.memory[0] = (float)((const uint4*)(a.memory + 1))->x;
}

KERNEL(plantedWarpRace, PlantedArguments) {
  __shared__ float values[ROW_THREADS];
  values[threadIdx.x] = 1;
  a.memory[threadIdx.x] = values[(threadIdx.x + WARP) % a.count];
}

// A shuffle orders nothing.
KERNEL(plantedLaneRace, PlantedArguments) {
  __shared__ float values[ROW_THREADS];
  values[threadIdx.x] = 1;
  float other = __shfl_xor_sync(ALL_LANES, values[threadIdx.x], 1);
  a.memory[threadIdx.x] = values[threadIdx.x ^ 1] + other;
}

KERNEL(plantedBlockRace, PlantedArguments) {
  if (threadIdx.x == 0) a.memory[0] += 1;
}

// Reads a copy that nobody has waited for.
KERNEL(plantedEarlyRead, PlantedArguments) {
  __shared__ uint4 stage[ROW_THREADS];
  copyAsync(&stage[threadIdx.x], (const uint4*)a.memory + threadIdx.x % (a.count / 4));
  endCopies();
  a.memory[threadIdx.x] = (float)stage[threadIdx.x].x;
}

// Waits for its own copy, and reads another lane's.
KERNEL(plantedLaneCopy, PlantedArguments) {
  __shared__ uint4 stage[ROW_THREADS];
  copyAsync(&stage[threadIdx.x], (const uint4*)a.memory + threadIdx.x % (a.count / 4));
  endCopies();
  awaitCopies<0>();
  u32 other = stage[threadIdx.x ^ 1].x;
  __syncwarp();
  a.memory[threadIdx.x] = (float)other;
}

// Copies over what another lane may still read.
KERNEL(plantedEarlyRefill, PlantedArguments) {
  __shared__ uint4 stage[ROW_THREADS];
  stage[threadIdx.x].x = threadIdx.x;
  __syncwarp();
  u32 other = stage[threadIdx.x ^ 1].x;
  copyAsync(&stage[threadIdx.x], (const uint4*)a.memory + threadIdx.x % (a.count / 4));
  endCopies();
  awaitCopies<0>();
  a.memory[threadIdx.x] = (float)other;
}

// Blocks of threads that write a part each, which the last of them adds up; after the numbers there
// is the counter.
INLINE void plantedSum(const PlantedArguments& a, bool fences, int missing) {
  __shared__ int last;
  u32* counter = (u32*)(a.memory + a.count);
  if (threadIdx.x == 0) {
    a.memory[blockIdx.x] = 1;
    if (fences) __threadfence();
    last = (int)atomicInc(counter, gridDim.x - 1) == (int)gridDim.x - 1 - missing;
    __threadfence();
  }
  __syncthreads();
  if (!last || threadIdx.x > 0) return;
  for (int i = 0; i < (int)gridDim.x; i++) a.memory[a.count + 1] += a.memory[i];
}

KERNEL(plantedUnfencedCount, PlantedArguments) { plantedSum(a, false, 0); }

KERNEL(plantedEarlySum, PlantedArguments) { plantedSum(a, true, 1); }

// Of the threads that wrote, the one that counts knows of itself only.
KERNEL(plantedUnsyncedCount, PlantedArguments) {
  __shared__ int last;
  a.memory[blockIdx.x * blockDim.x + threadIdx.x] = 1;
  if (threadIdx.x == 0) {
    __threadfence();
    last = atomicInc((u32*)(a.memory + a.count), gridDim.x - 1) == gridDim.x - 1;
    __threadfence();
  }
  __syncthreads();
  if (!last) return;
  float sum = 0;
  for (int i = 0; i < a.count; i++) sum += a.memory[i];
  a.memory[a.count + 1] = sum;
}
