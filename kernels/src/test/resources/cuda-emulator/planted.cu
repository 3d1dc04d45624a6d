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
