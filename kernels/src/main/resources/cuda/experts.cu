// Mixtures of experts: who goes where, and what comes of it.

struct RouteArguments {
  const float* logits; // (tokens, experts)
  int* chosen;         // (tokens, ranks): experts by falling logit
  float* weights;      // (tokens, ranks)
  int experts;
  int ranks;
  int normalised; // whether weights are a softmax over the chosen experts only
  int unused;
};

// One warp per token.
KERNEL(route, RouteArguments) {
  const float* logits = a.logits + (size_t)blockIdx.x * a.experts;
  int* chosen = a.chosen + (size_t)blockIdx.x * a.ranks;
  float* weights = a.weights + (size_t)blockIdx.x * a.ranks;
  int lane = threadIdx.x;
  for (int rank = 0; rank < a.ranks; rank++) {
    int best = -1;
    for (int expert = lane; expert < a.experts; expert += WARP) {
      bool taken = false;
      for (int i = 0; i < rank; i++) taken = taken || chosen[i] == expert;
      if (!taken && (best < 0 || logits[expert] > logits[best])) best = expert;
    }
    for (int distance = WARP / 2; distance > 0; distance /= 2) {
      int other = __shfl_xor_sync(ALL_LANES, best, distance);
      bool better = other >= 0 && (best < 0 || logits[other] > logits[best]
          || (!(logits[best] > logits[other]) && other < best));
      if (better) best = other;
    }
    // Logits that are no numbers may leave lanes of different minds.
    best = __shfl_sync(ALL_LANES, best, 0);
    if (lane == 0) chosen[rank] = best;
    __syncwarp();
  }
  if (lane == 0) {
    float largest = logits[chosen[0]];
    double sum = 0;
    int count = a.normalised ? a.ranks : a.experts;
    for (int i = 0; i < count; i++) sum += exp((double)logits[a.normalised ? chosen[i] : i] - largest);
    for (int rank = 0; rank < a.ranks; rank++) {
      weights[rank] = (float)(exp((double)logits[chosen[rank]] - largest) / sum);
    }
  }
}

struct OrderArguments {
  const int* chosen; // (tokens, ranks)
  int* firstRows;    // (experts + 1)
  int* rowTokens;    // (tokens x ranks): of each row, by expert
  int* rows;         // (tokens, ranks): where each is in the order of experts
  int tokens;
  int experts;
  int ranks;
  int unused;
};

// Puts tokens of an expert side by side; one block.
KERNEL(order, OrderArguments) {
  int pairs = a.tokens * a.ranks;
  for (int expert = threadIdx.x; expert < a.experts; expert += ROW_THREADS) {
    int count = 0;
    for (int i = 0; i < pairs; i++) count += a.chosen[i] == expert;
    a.firstRows[expert + 1] = count;
  }
  __syncthreads();
  if (threadIdx.x == 0) {
    a.firstRows[0] = 0;
    for (int expert = 0; expert < a.experts; expert++) {
      a.firstRows[expert + 1] += a.firstRows[expert];
    }
  }
  __syncthreads();
  for (int expert = threadIdx.x; expert < a.experts; expert += ROW_THREADS) {
    int row = a.firstRows[expert];
    for (int i = 0; i < pairs; i++) {
      if (a.chosen[i] == expert) {
        a.rowTokens[row] = i / a.ranks;
        a.rows[i] = row++;
      }
    }
  }
}

struct MixArguments {
  const float* outputs;     // (tokens x ranks, width), by expert
  const int* rows;          // (tokens, ranks)
  const float* weights;     // (tokens, ranks)
  const float* sharedLogit; // (tokens) or null: of the network that every token goes through
  float* branch;            // (tokens, width): that network's output; then everything
  int width;
  int ranks;
};

// Adds a token's experts in the order of their logits.
KERNEL(mix, MixArguments) {
  size_t token = blockIdx.x;
  float* branch = a.branch + token * a.width;
  float share = a.sharedLogit ? sigmoid(a.sharedLogit[token]) : 0.0f;
  for (int i = threadIdx.x; i < a.width; i += ROW_THREADS) {
    float sum = a.sharedLogit ? branch[i] * share : 0.0f;
    for (int rank = 0; rank < a.ranks; rank++) {
      size_t place = token * a.ranks + rank;
      sum += a.weights[place] * a.outputs[(size_t)a.rows[place] * a.width + i];
    }
    branch[i] = sum;
  }
}
