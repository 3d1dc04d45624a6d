// What is asked of the logits of a position, answered in few numbers: their largest, the sum of
// their exponentials, the likeliest tokens, and the stretch of tokens in which a draw falls. Blocks
// are (segments of the vocabulary, questions); the kernels of a survey run in the order of this file.
//
// Arithmetic is what Java's says, to the bit: no product and sum are contracted to one operation.
// Counters are integers and sums have one order, so that an answer depends on its logits alone; only
// the order in which the likeliest tokens are handed out is left to chance.

#define SEGMENT (4 * ROW_THREADS)
// Logits are put in order as unsigned integers, of which 11 bits are looked at, and 11 more.
#define DIGITS 2048
#define DIGIT_SHIFT 21
#define SECOND_SHIFT 10

enum EditKind { BIAS, BANNED, SAID, RUN, END, EDIT_KINDS };
enum QuestionFlags { WANTS_STRETCH = 1, WANTS_RAWS = 2 };

struct Edit {
  int token;
  float value;
  float saved; // the logit before anything happened to it
};

struct Question {
  int row;              // of the logits
  int mask;             // its first word: a bit per token that is allowed; -1 for no mask
  int edits;            // the first word of its edits
  int ends[EDIT_KINDS]; // where each kind of its edits ends
  float repetition;     // what the logits of said tokens are divided by
  float scale;          // of differences of logits before they are exponentiated
  int wanted;           // likeliest tokens, at least; 0 for no list
  int room;             // of the list
  int answer;           // its first word
  int flags;
  int target;           // a token that is asked for; -1 for none
  int unused;
  double uniform;       // where in the distribution the draw falls
};

// Then the list's tokens, its logits and, if wanted, its raw logits; then the stretch's logits and,
// if wanted, its raw logits.
struct Answer {
  u32 count;    // tokens that belong in the list; more than its room if it is not to be used
  int stretch;  // which segment; -1 for none
  float max;
  u32 least;    // all tokens whose keys reach this are in the list
  double total; // of the exponentials
  double before; // of the exponentials before the stretch
  u32 likelier; // tokens with a larger logit than the target's
  float target; // its logit
};

struct SurveyArguments {
  float* logits;             // (rows, vocabulary)
  const Question* questions; // (questions)
  u32* words;                // masks and edits
  u32* answers;
  float* maxima;             // (questions, segments)
  double* sums;              // (questions, segments)
  u32* counts;               // (questions, 2, DIGITS)
  int vocabulary;
  int first;                 // question of the first block
};

struct Survey {
  const Question& question;
  Answer* answer;
  float* maxima;
  double* sums;
  u32* counts;
  const float* logits;
  const u32* mask;
  int segments;
  int first; // token of this block

  INLINE Survey(const SurveyArguments& a)
      : question(a.questions[a.first + blockIdx.y]),
        answer((Answer*)(a.answers + question.answer)),
        maxima(a.maxima + (size_t)(a.first + blockIdx.y) * gridDim.x),
        sums(a.sums + (size_t)(a.first + blockIdx.y) * gridDim.x),
        counts(a.counts + (size_t)(a.first + blockIdx.y) * 2 * DIGITS),
        logits(a.logits + (size_t)question.row * a.vocabulary),
        mask(question.mask < 0 ? nullptr : a.words + question.mask),
        segments((int)gridDim.x), first((int)blockIdx.x * SEGMENT) {}

  // Negative infinity for what is forbidden, and beyond the vocabulary.
  INLINE float logit(int token, int vocabulary) const {
    if (token >= vocabulary || (mask && !(mask[token / 32] >> token % 32 & 1))) {
      return NEGATIVE_INFINITY;
    }
    return logits[token];
  }
};

// The polynomial of the processor's kernels, operation by operation.
INLINE float exponential(float x, float max, float scale) {
  float v = __fmul_rn(__fsub_rn(x, max), scale);
  if (!(v >= -87.33654f)) return 0;
  float rounder = 12582912.0f;
  float rounded = __fmaf_rn(v, 1.44269504f, rounder);
  float n = __fsub_rn(rounded, rounder);
  float r = __fmaf_rn(n, 2.12194440e-4f, __fmaf_rn(n, -0.693359375f, v));
  float p = __fmaf_rn(r, 1.9875691500e-4f, 1.3981999507e-3f);
  p = __fmaf_rn(p, r, 8.3334519073e-3f);
  p = __fmaf_rn(p, r, 4.1665795894e-2f);
  p = __fmaf_rn(p, r, 1.6666665459e-1f);
  p = __fmaf_rn(p, r, 5.0000001201e-1f);
  p = __fadd_rn(__fmaf_rn(__fmul_rn(p, r), r, r), 1.0f);
  return __fmul_rn(p, __int_as_float((int)((__float_as_uint(rounded) + 127) << 23)));
}

// In an order that depends on nothing; the same for all threads.
INLINE double blockSumOfDoubles(double value) {
  __shared__ double sums[ROW_THREADS];
  sums[threadIdx.x] = value;
  for (int distance = ROW_THREADS / 2; distance > 0; distance /= 2) {
    __syncthreads();
    if ((int)threadIdx.x < distance) sums[threadIdx.x] += sums[threadIdx.x + distance];
  }
  __syncthreads();
  return sums[0];
}

// Changes single logits of a question's row; one block each.
KERNEL(editLogits, SurveyArguments) {
  const Question& q = a.questions[a.first + blockIdx.x];
  Edit* edits = (Edit*)(a.words + q.edits);
  float* logits = a.logits + (size_t)q.row * a.vocabulary;
  for (int i = threadIdx.x; i < q.ends[END]; i += ROW_THREADS) {
    edits[i].saved = logits[edits[i].token];
  }
  int begin = 0;
  for (int kind = 0; kind < EDIT_KINDS; kind++) {
    __syncthreads();
    for (int i = begin + threadIdx.x; i < q.ends[kind]; i += ROW_THREADS) {
      float& logit = logits[edits[i].token];
      float value = edits[i].value;
      switch (kind) {
        case BIAS: logit = __fadd_rn(logit, value); break;
        case SAID:
          logit = logit > 0 ? __fdiv_rn(logit, q.repetition) : __fmul_rn(logit, q.repetition);
          logit = __fsub_rn(logit, value);
          break;
        case RUN: logit = __fsub_rn(logit, value); break;
        default: logit = NEGATIVE_INFINITY;
      }
    }
    begin = q.ends[kind];
  }
}

// The largest logit of every segment. Empties what the next ones add to.
KERNEL(surveyMaxima, SurveyArguments) {
  __shared__ float scratch[ROW_THREADS / WARP];
  Survey s(a);
  float max = NEGATIVE_INFINITY;
  for (int i = s.first + threadIdx.x; i < s.first + SEGMENT; i += ROW_THREADS) {
    max = fmaxf(max, s.logit(i, a.vocabulary));
  }
  max = blockMaximum(max, scratch);
  if (threadIdx.x == 0) s.maxima[blockIdx.x] = max;
  if (blockIdx.x == 0) {
    for (int i = threadIdx.x; i < 2 * DIGITS; i += ROW_THREADS) s.counts[i] = 0;
    if (threadIdx.x == 0) {
      s.answer->count = 0;
      s.answer->likelier = 0;
    }
  }
}

// The exponentials of every segment, the first digits of the keys, and who is before the target.
KERNEL(surveyWeights, SurveyArguments) {
  __shared__ float scratch[ROW_THREADS / WARP];
  __shared__ u32 digits[DIGITS];
  __shared__ u32 likelier;
  Survey s(a);
  float max = NEGATIVE_INFINITY;
  for (int i = threadIdx.x; i < s.segments; i += ROW_THREADS) max = fmaxf(max, s.maxima[i]);
  max = blockMaximum(max, scratch);
  bool listed = s.question.wanted > 0;
  if (listed) {
    for (int i = threadIdx.x; i < DIGITS; i += ROW_THREADS) digits[i] = 0;
  }
  if (threadIdx.x == 0) likelier = 0;
  __syncthreads();
  float target = s.question.target < 0 ? 0.0f : s.logits[s.question.target];
  double sum = 0;
  for (int i = s.first + threadIdx.x; i < s.first + SEGMENT; i += ROW_THREADS) {
    float logit = s.logit(i, a.vocabulary);
    if (!(logit > NEGATIVE_INFINITY)) continue;
    sum += exponential(logit, max, s.question.scale);
    if (listed) atomicAdd(&digits[orderedKey(logit) >> DIGIT_SHIFT], 1u);
    if (s.question.target >= 0 && logit > target) atomicAdd(&likelier, 1u);
  }
  sum = blockSumOfDoubles(sum);
  if (threadIdx.x == 0) {
    s.sums[blockIdx.x] = sum;
    if (likelier > 0) atomicAdd(&s.answer->likelier, likelier);
    if (blockIdx.x == 0) {
      s.answer->max = max;
      s.answer->target = target;
    }
  }
  if (listed) {
    for (int i = threadIdx.x; i < DIGITS; i += ROW_THREADS) {
      if (digits[i] > 0) atomicAdd(&s.counts[i], digits[i]);
    }
  }
}

struct Digit {
  u32 value;
  u32 larger; // keys with a larger digit
};

// The largest digit that so many keys reach; 0 if there are not so many. The same for all threads.
INLINE Digit leastDigit(const u32* counts, u32 wanted) {
  const int share = DIGITS / ROW_THREADS;
  __shared__ u32 sums[ROW_THREADS];
  __shared__ Digit found;
  int last = DIGITS - 1 - (int)threadIdx.x * share;
  u32 mine = 0;
  for (int i = 0; i < share; i++) mine += counts[last - i];
  __syncthreads();
  sums[threadIdx.x] = mine;
  for (int distance = 1; distance < ROW_THREADS; distance *= 2) {
    __syncthreads();
    u32 other = (int)threadIdx.x < distance ? 0 : sums[threadIdx.x - distance];
    __syncthreads();
    sums[threadIdx.x] += other;
  }
  __syncthreads();
  u32 reached = sums[threadIdx.x];
  u32 all = sums[ROW_THREADS - 1];
  u32 before = reached - mine;
  if (before < wanted && reached >= wanted) {
    int digit = last;
    while (before + counts[digit] < wanted) before += counts[digit--];
    found = {(u32)digit, before};
  }
  if (threadIdx.x == 0 && all < wanted) found = {0, all - counts[0]};
  __syncthreads();
  return found;
}

// The second digits of the keys that have the first digit in which the list ends.
KERNEL(surveyDigits, SurveyArguments) {
  __shared__ u32 digits[DIGITS];
  Survey s(a);
  if (s.question.wanted == 0) return;
  Digit first = leastDigit(s.counts, (u32)s.question.wanted);
  for (int i = threadIdx.x; i < DIGITS; i += ROW_THREADS) digits[i] = 0;
  __syncthreads();
  for (int i = s.first + threadIdx.x; i < s.first + SEGMENT; i += ROW_THREADS) {
    float logit = s.logit(i, a.vocabulary);
    u32 key = orderedKey(logit);
    if (logit > NEGATIVE_INFINITY && key >> DIGIT_SHIFT == first.value) {
      atomicAdd(&digits[key >> SECOND_SHIFT & (DIGITS - 1)], 1u);
    }
  }
  __syncthreads();
  for (int i = threadIdx.x; i < DIGITS; i += ROW_THREADS) {
    if (digits[i] > 0) atomicAdd(&s.counts[DIGITS + i], digits[i]);
  }
}

struct Stretch {
  int segment;
  double before;
  double total;
};

// Adds the segments up in their order, and finds where the draw falls. The same for all threads.
INLINE Stretch findStretch(const double* sums, int segments, double uniform) {
  __shared__ double some[ROW_THREADS];
  __shared__ Stretch found;
  double total = 0;
  for (int pass = 0; pass < 2; pass++) {
    double target = uniform * total;
    double sum = 0;
    Stretch reached = {-1, 0, 0}; // the first thread's
    for (int first = 0; first < segments; first += ROW_THREADS) {
      int count = min(ROW_THREADS, segments - first);
      __syncthreads();
      if ((int)threadIdx.x < count) some[threadIdx.x] = sums[first + threadIdx.x];
      __syncthreads();
      for (int i = 0; i < count && threadIdx.x == 0; i++) {
        if (pass > 0 && reached.segment < 0 && sum + some[i] > target) {
          reached.segment = first + i;
          reached.before = sum;
        }
        sum += some[i];
      }
    }
    reached.total = sum;
    if (threadIdx.x == 0) found = reached;
    __syncthreads();
    total = found.total;
  }
  return found;
}

// Hands out the likeliest tokens and the stretch.
KERNEL(surveyCollect, SurveyArguments) {
  Survey s(a);
  const Question& q = s.question;
  u32 least = 0xffffffffu;
  if (q.wanted > 0) {
    Digit first = leastDigit(s.counts, (u32)q.wanted);
    Digit second = leastDigit(s.counts + DIGITS, (u32)q.wanted - min(first.larger, (u32)q.wanted));
    least = first.value << DIGIT_SHIFT | second.value << SECOND_SHIFT;
  }
  bool wantsStretch = q.flags & WANTS_STRETCH;
  Stretch stretch = {-1, 0, 0};
  if (wantsStretch || blockIdx.x == 0) stretch = findStretch(s.sums, s.segments, q.uniform);
  u32* tokens = (u32*)(s.answer + 1);
  int raws = q.flags & WANTS_RAWS ? 2 : 1;
  float* logits = (float*)(tokens + q.room);
  float* stretchLogits = logits + (size_t)raws * q.room;
  for (int i = s.first + threadIdx.x; i < s.first + SEGMENT; i += ROW_THREADS) {
    float logit = s.logit(i, a.vocabulary);
    if (q.wanted > 0 && logit > NEGATIVE_INFINITY && orderedKey(logit) >= least) {
      u32 place = atomicAdd(&s.answer->count, 1u);
      if (place < (u32)q.room) {
        tokens[place] = (u32)i;
        logits[place] = logit;
      }
    }
    if (wantsStretch && stretch.segment == (int)blockIdx.x) stretchLogits[i - s.first] = logit;
  }
  if (blockIdx.x == 0 && threadIdx.x == 0) {
    s.answer->least = least;
    s.answer->total = stretch.total;
    s.answer->stretch = wantsStretch ? stretch.segment : -1;
    s.answer->before = stretch.before;
  }
}

// Undoes the edits, and adds the logits as they are to the answers; one block each.
KERNEL(restoreLogits, SurveyArguments) {
  const Question& q = a.questions[a.first + blockIdx.x];
  const Edit* edits = (const Edit*)(a.words + q.edits);
  float* logits = a.logits + (size_t)q.row * a.vocabulary;
  for (int i = threadIdx.x; i < q.ends[END]; i += ROW_THREADS) {
    logits[edits[i].token] = edits[i].saved;
  }
  __syncthreads();
  if (!(q.flags & WANTS_RAWS)) return;
  const Answer* answer = (const Answer*)(a.answers + q.answer);
  const u32* tokens = (const u32*)(answer + 1);
  float* raws = (float*)(tokens + 2 * q.room);
  for (int i = threadIdx.x; i < min((int)answer->count, q.room); i += ROW_THREADS) {
    raws[i] = logits[tokens[i]];
  }
  if (answer->stretch >= 0) {
    float* stretchRaws = raws + q.room + SEGMENT;
    int first = answer->stretch * SEGMENT;
    for (int i = threadIdx.x; i < SEGMENT && first + i < a.vocabulary; i += ROW_THREADS) {
      stretchRaws[i] = logits[first + i];
    }
  }
}
