package dev.millrace.kernels.cpu;

import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandles;
import java.nio.ByteOrder;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorShape;
import jdk.incubator.vector.VectorSpecies;

import static dev.millrace.kernels.cpu.CpuKvCache.TILE_TOKENS;

/** Attention kernels on the Vector API, specialised by {@link VectorWidth}. */
final class VectorAttentionKernels implements AttentionKernels {

    private static final VectorShape SHAPE = VectorWidth.shapeOf(MethodHandles.lookup());
    private static final VectorSpecies<Float> F = VectorSpecies.of(float.class, SHAPE);
    private static final int L = F.length();
    private static final MemorySegment ALL = RawMemory.ALL;
    private static final ByteOrder LE = ByteOrder.LITTLE_ENDIAN;
    private static final long TILE_BYTES = (long) TILE_TOKENS * Float.BYTES;

    @Override
    public void score(long keys, int headSize, float[] query, int queryOffset, float[] scores,
            int scoresOffset) {
        for (int token = 0; token < TILE_TOKENS; token += L) {
            FloatVector sum = FloatVector.zero(F);
            long address = keys + (long) token * Float.BYTES;
            for (int i = 0; i < headSize; i++, address += TILE_BYTES) {
                sum = FloatVector.fromMemorySegment(F, ALL, address, LE)
                        .fma(FloatVector.broadcast(F, query[queryOffset + i]), sum);
            }
            sum.intoArray(scores, scoresOffset + token);
        }
    }

    @Override
    public void scoreFour(long keys, int headSize, float[] query, int queryOffset,
            float[] scores, int scoresOffset, int stride) {
        int q1 = queryOffset + headSize;
        int q2 = q1 + headSize;
        int q3 = q2 + headSize;
        for (int token = 0; token < TILE_TOKENS; token += L) {
            FloatVector a = FloatVector.zero(F);
            FloatVector b = a;
            FloatVector c = a;
            FloatVector d = a;
            long address = keys + (long) token * Float.BYTES;
            for (int i = 0; i < headSize; i++, address += TILE_BYTES) {
                FloatVector key = FloatVector.fromMemorySegment(F, ALL, address, LE);
                a = key.fma(FloatVector.broadcast(F, query[queryOffset + i]), a);
                b = key.fma(FloatVector.broadcast(F, query[q1 + i]), b);
                c = key.fma(FloatVector.broadcast(F, query[q2 + i]), c);
                d = key.fma(FloatVector.broadcast(F, query[q3 + i]), d);
            }
            int offset = scoresOffset + token;
            a.intoArray(scores, offset);
            b.intoArray(scores, offset + stride);
            c.intoArray(scores, offset + 2 * stride);
            d.intoArray(scores, offset + 3 * stride);
        }
    }

    @Override
    public void weigh(long values, int count, int headSize, float[] weights, int weightsOffset,
            float[] out, int outOffset) {
        int whole = F.loopBound(headSize);
        for (int i = 0; i < whole; i += L) {
            FloatVector sum = FloatVector.fromArray(F, out, outOffset + i);
            long address = values + (long) i * Float.BYTES;
            for (int t = 0; t < count; t++, address += (long) headSize * Float.BYTES) {
                sum = FloatVector.fromMemorySegment(F, ALL, address, LE)
                        .fma(FloatVector.broadcast(F, weights[weightsOffset + t]), sum);
            }
            sum.intoArray(out, outOffset + i);
        }
        weighRest(values, count, whole, headSize, weights, weightsOffset, out, outOffset);
    }

    @Override
    public void weighFour(long values, int count, int headSize, float[] weights,
            int weightsOffset, int stride, float[] out, int outOffset) {
        int w1 = weightsOffset + stride;
        int w2 = w1 + stride;
        int w3 = w2 + stride;
        int whole = F.loopBound(headSize);
        for (int i = 0; i < whole; i += L) {
            int offset = outOffset + i;
            FloatVector a = FloatVector.fromArray(F, out, offset);
            FloatVector b = FloatVector.fromArray(F, out, offset + headSize);
            FloatVector c = FloatVector.fromArray(F, out, offset + 2 * headSize);
            FloatVector d = FloatVector.fromArray(F, out, offset + 3 * headSize);
            long address = values + (long) i * Float.BYTES;
            for (int t = 0; t < count; t++, address += (long) headSize * Float.BYTES) {
                FloatVector value = FloatVector.fromMemorySegment(F, ALL, address, LE);
                a = value.fma(FloatVector.broadcast(F, weights[weightsOffset + t]), a);
                b = value.fma(FloatVector.broadcast(F, weights[w1 + t]), b);
                c = value.fma(FloatVector.broadcast(F, weights[w2 + t]), c);
                d = value.fma(FloatVector.broadcast(F, weights[w3 + t]), d);
            }
            a.intoArray(out, offset);
            b.intoArray(out, offset + headSize);
            c.intoArray(out, offset + 2 * headSize);
            d.intoArray(out, offset + 3 * headSize);
        }
        for (int head = 0; head < HEADS && whole < headSize; head++) {
            weighRest(values, count, whole, headSize, weights, weightsOffset + head * stride, out,
                    outOffset + head * headSize);
        }
    }

    /** Elements that do not fill a vector, fused like those that do. */
    private static void weighRest(long values, int count, int first, int headSize,
            float[] weights, int weightsOffset, float[] out, int outOffset) {
        for (int i = first; i < headSize; i++) {
            float sum = out[outOffset + i];
            for (int t = 0; t < count; t++) {
                long address = values + ((long) t * headSize + i) * Float.BYTES;
                sum = Math.fma(ALL.get(RawMemory.FLOAT, address), weights[weightsOffset + t],
                        sum);
            }
            out[outOffset + i] = sum;
        }
    }
}
