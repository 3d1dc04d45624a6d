// LoRA adapters: what they add to the products of a projection, by a row's own adapter, in plain
// arithmetic: ranks are small. The order of a sum depends on the number of columns and on the rank.

struct LoraPair {
  const float* a; // (rank, columns); null for an adapter that leaves the projection as it is
  const float* b; // (rank, outputs)
  float* inner;   // (tokens, rank)
  float scale;
  int rank;
  int columns;
  int outputs;
};

struct LoraArguments {
  const LoraPair* const* adapters; // (adapters): the pairs of all projections
  const int* chosen;               // (tokens): which adapter; -1 for none
  Prepared x;
  float* outs[3]; // (tokens, outputs) of up to three projections of the same activations
  int place;      // of the first of them among an adapter's pairs
  int unused;
};

// Null where there is nothing to add to the projection.
INLINE const LoraPair* pairOf(const LoraArguments& a, int token, int part) {
  int adapter = a.chosen[token];
  const LoraPair* pair = adapter < 0 ? nullptr : a.adapters[adapter] + a.place + part;
  return pair && pair->a ? pair : nullptr;
}

// inner = scale * A x; blocks are (tokens, projections), and a warp makes every eighth of a rank.
KERNEL(loraReduce, LoraArguments) {
  int token = blockIdx.x, lane = threadIdx.x % WARP;
  const LoraPair* pair = pairOf(a, token, (int)blockIdx.y);
  if (!pair) return;
  const u16* high = a.x.high + (size_t)token * a.x.stride;
  const u16* low = a.x.low ? a.x.low + (size_t)token * a.x.stride : nullptr;
  for (int row = threadIdx.x / WARP; row < pair->rank; row += ROW_THREADS / WARP) {
    const float* weights = pair->a + (size_t)row * pair->columns;
    float sum = 0;
    for (int i = lane; i < pair->columns; i += WARP) {
      int place = preparedPlace(i);
      sum += weights[i] * (halfToFloat(high[place]) + (low ? halfToFloat(low[place]) : 0.0f));
    }
    for (int distance = WARP / 2; distance > 0; distance /= 2) {
      sum += __shfl_xor_sync(ALL_LANES, sum, distance);
    }
    if (lane == 0) {
      pair->inner[(size_t)token * pair->rank + row] = pair->scale * (sum * a.x.inverse[token]);
    }
  }
}

// out += B inner; blocks are (outputs / threads, tokens, projections).
KERNEL(loraExpand, LoraArguments) {
  int token = blockIdx.y;
  const LoraPair* pair = pairOf(a, token, (int)blockIdx.z);
  int output = blockIdx.x * ROW_THREADS + threadIdx.x;
  if (!pair || output >= pair->outputs) return;
  const float* inner = pair->inner + (size_t)token * pair->rank;
  float sum = 0;
  for (int row = 0; row < pair->rank; row++) {
    sum += pair->b[(size_t)row * pair->outputs + output] * inner[row];
  }
  a.outs[blockIdx.z][(size_t)token * pair->outputs + output] += sum;
}
