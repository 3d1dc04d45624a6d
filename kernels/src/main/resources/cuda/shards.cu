// What several devices that share a model's heads need beside what one does: a norm of all heads
// together goes over those of all devices.

struct SquaresArguments {
  const float* query; // (tokens, query size): of this device's heads
  const float* key;   // (tokens, key size)
  float* sums;        // (tokens, 2): of their squares
  int querySize;
  int keySize;
};

INLINE float sumOfSquares(const float* values, int size, float* scratch) {
  float sum = 0;
  for (int i = threadIdx.x; i < size; i += ROW_THREADS) sum += values[i] * values[i];
  return blockSum(sum, scratch);
}

KERNEL(headSquares, SquaresArguments) {
  __shared__ float scratch[ROW_THREADS / WARP];
  size_t token = blockIdx.x;
  float query = sumOfSquares(a.query + token * a.querySize, a.querySize, scratch);
  float key = sumOfSquares(a.key + token * a.keySize, a.keySize, scratch);
  if (threadIdx.x == 0) {
    a.sums[2 * token] = query;
    a.sums[2 * token + 1] = key;
  }
}

struct HeadNormArguments {
  float* query;           // (tokens, query size): normed in place
  float* key;             // (tokens, key size)
  const float* queryNorm; // (query size)
  const float* keyNorm;   // (key size)
  const float* sums;      // (devices, tokens, 2)
  int querySize;
  int keySize;
  int devices;
  int allQueries; // elements of the queries of all devices
  int allKeys;
  float epsilon;
};

KERNEL(normHeads, HeadNormArguments) {
  size_t token = blockIdx.x;
  float query = 0, key = 0;
  for (int device = 0; device < a.devices; device++) {
    const float* sums = a.sums + 2 * ((size_t)device * gridDim.x + token);
    query += sums[0];
    key += sums[1];
  }
  float queryShare = 1 / sqrtf(query / a.allQueries + a.epsilon);
  float keyShare = 1 / sqrtf(key / a.allKeys + a.epsilon);
  for (int i = threadIdx.x; i < a.querySize; i += ROW_THREADS) {
    a.query[token * a.querySize + i] *= queryShare * a.queryNorm[i];
  }
  for (int i = threadIdx.x; i < a.keySize; i += ROW_THREADS) {
    a.key[token * a.keySize + i] *= keyShare * a.keyNorm[i];
  }
}
