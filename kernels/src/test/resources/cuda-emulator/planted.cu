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
