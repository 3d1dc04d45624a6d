package dev.millrace.kernels.cpu;

import java.util.Arrays;

/** Attention as its definition says, one position, head and chunk at a time. */
final class ScalarAttention implements CpuAttention {

    /** Floats of a head's part besides its values: the largest score and the sum of weights. */
    private static final int PART_FLOATS = 2;
    private static final int TOKEN_LIMIT = 32;

    private final CpuKvCache cache;
    private final int groupHeads;
    private final AttentionRule rule;
    private final float exponentScale; // 1 where scores are capped, which scales them
    private final int headSize;
    private final float[][] weights; // (group heads, CHUNK_TOKENS)
    private final float[] element; // (head size): a key or a value
    private final float[] part; // largest scores, sums of weights, (group heads, head size)
    private final float[] total; // the same for all chunks so far

    ScalarAttention(CpuKvCache cache, int groupHeads, AttentionRule rule) {
        this.cache = cache;
        this.groupHeads = groupHeads;
        this.rule = rule;
        exponentScale = rule.hasSoftCap() ? 1 : rule.scale();
        headSize = cache.headSize();
        weights = new float[groupHeads][CHUNK_TOKENS];
        element = new float[headSize];
        part = new float[partSize()];
        total = new float[partSize()];
    }

    @Override
    public int tokenLimit() {
        return TOKEN_LIMIT;
    }

    @Override
    public int partSize() {
        return groupHeads * (PART_FLOATS + headSize);
    }

    @Override
    public void attend(int layer, int kvHead, int[] blockTable, int position, int tokens,
            float[] query, int queryOffset, float[] out, int outOffset) {
        CpuAttention.checkTokens(tokens, TOKEN_LIMIT);
        for (int token = 0; token < tokens; token++) {
            int at = token * cache.kvHeads() * groupHeads * headSize;
            int first = CpuAttention.firstChunk(position + token, rule.windowTokens());
            clearTotal();
            for (int chunk = first; chunk <= (position + token) / CHUNK_TOKENS; chunk++) {
                attendChunk(layer, kvHead, blockTable, position + token, chunk, query,
                        queryOffset + at, part, 0);
                add(part, 0);
            }
            write(layer, kvHead, out, outOffset + at);
        }
    }

    @Override
    public void attendChunk(int layer, int kvHead, int[] blockTable, int position, int chunk,
            float[] query, int queryOffset, float[] parts, int partsOffset) {
        int begin = Math.max(chunk * CHUNK_TOKENS,
                CpuAttention.firstPosition(position, rule.windowTokens()));
        int end = Math.min((chunk + 1) * CHUNK_TOKENS, position + 1);
        score(layer, kvHead, blockTable, begin, end, query, queryOffset);
        for (int head = 0; head < groupHeads; head++) {
            float max = Float.NEGATIVE_INFINITY;
            for (int i = 0; i < end - begin; i++) {
                max = Math.max(max, weights[head][i]);
            }
            float sum = 0;
            for (int i = 0; i < end - begin; i++) {
                weights[head][i] = (float) Math.exp((weights[head][i] - max) * exponentScale);
                sum += weights[head][i];
            }
            parts[partsOffset + head] = max;
            parts[partsOffset + groupHeads + head] = sum;
        }
        addValues(layer, kvHead, blockTable, begin, end, parts,
                partsOffset + PART_FLOATS * groupHeads);
    }

    private void score(int layer, int kvHead, int[] blockTable, int begin, int end, float[] query,
            int queryOffset) {
        for (int past = begin; past < end; past++) {
            cache.readKey(layer, blockTable[past / cache.blockTokens()], kvHead,
                    past % cache.blockTokens(), element);
            for (int head = 0; head < groupHeads; head++) {
                float score = 0;
                for (int i = 0; i < headSize; i++) {
                    score += query[queryOffset + head * headSize + i] * element[i];
                }
                weights[head][past - begin] = rule.hasSoftCap() ? capped(score) : score;
            }
        }
    }

    private float capped(float score) {
        return (float) (rule.softCap() * Math.tanh(score * rule.scale() / rule.softCap()));
    }

    private void addValues(int layer, int kvHead, int[] blockTable, int begin, int end, float[] out,
            int outOffset) {
        Arrays.fill(out, outOffset, outOffset + groupHeads * headSize, 0);
        for (int past = begin; past < end; past++) {
            cache.readValue(layer, blockTable[past / cache.blockTokens()], kvHead,
                    past % cache.blockTokens(), element);
            for (int head = 0; head < groupHeads; head++) {
                for (int i = 0; i < headSize; i++) {
                    out[outOffset + head * headSize + i] += weights[head][past - begin]
                            * element[i];
                }
            }
        }
    }

    @Override
    public void combine(int layer, int kvHead, float[] parts, int partsOffset, int chunks,
            float[] out, int outOffset) {
        clearTotal();
        for (int chunk = 0; chunk < chunks; chunk++) {
            add(parts, partsOffset + chunk * partSize());
        }
        write(layer, kvHead, out, outOffset);
    }

    private void clearTotal() {
        Arrays.fill(total, 0);
        Arrays.fill(total, 0, groupHeads, Float.NEGATIVE_INFINITY);
    }

    /** Adds a part to the total, both against the larger of their largest scores. */
    private void add(float[] parts, int offset) {
        for (int head = 0; head < groupHeads; head++) {
            float max = Math.max(total[head], parts[offset + head]);
            float oldFactor = (float) Math.exp((total[head] - max) * exponentScale);
            float newFactor = (float) Math.exp((parts[offset + head] - max) * exponentScale);
            total[head] = max;
            for (int i = 0; i <= headSize; i++) {
                // The sum of weights, then the values.
                int at = i == 0
                        ? groupHeads + head
                        : PART_FLOATS * groupHeads + head * headSize + i - 1;
                total[at] = total[at] * oldFactor + parts[offset + at] * newFactor;
            }
        }
    }

    private void write(int layer, int kvHead, float[] out, int outOffset) {
        for (int head = 0; head < groupHeads; head++) {
            float sum = total[groupHeads + head] + rule.sinkWeight(layer,
                    kvHead * groupHeads + head, total[head] * exponentScale);
            for (int i = 0; i < headSize; i++) {
                out[outOffset + head * headSize + i] = total[PART_FLOATS * groupHeads
                        + head * headSize + i] / sum;
            }
        }
    }
}
