package dev.millrace.kernels.cpu;

import dev.millrace.kernels.GateFunction;
import java.lang.invoke.MethodHandles;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorMask;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorShape;
import jdk.incubator.vector.VectorShuffle;
import jdk.incubator.vector.VectorSpecies;

/**
 * Element kernels on the Vector API, specialised by {@link VectorWidth}.
 *
 * <p>Nothing here depends on how the compiler would sum across lanes or approximate a function: the
 * same input gives the same bits, compiled or not. Remainders run through masked lanes, so an
 * element's result does not depend on where the vector begins.
 */
final class VectorElementKernels implements ElementKernels {

    private static final VectorShape SHAPE = VectorWidth.shapeOf(MethodHandles.lookup());
    private static final VectorSpecies<Float> F = VectorSpecies.of(float.class, SHAPE);
    private static final VectorSpecies<Integer> I = VectorSpecies.of(int.class, SHAPE);
    private static final int L = F.length();
    private static final VectorShuffle<Float> TWICE = VectorShuffle.fromOp(F, lane -> lane / 2);
    private static final VectorShuffle<Float> NEIGHBOUR = VectorShuffle.fromOp(F, lane -> lane ^ 1);

    private static final VectorMask<Float> EVEN = VectorMask.fromLong(F, 0x5555);

    /** exp of less is 0: it would be subnormal. */
    private static final float EXP_LOWEST = -87.33654f;
    /** exp of more is taken for exp of this, 1.65e38. */
    private static final float EXP_HIGHEST = 88;
    /** Added and subtracted, rounds to an integer, which is then in the lowest bits. */
    private static final float ROUNDER = 0x1.8p23f;
    /** From twice of this on, tanh is 1. */
    private static final float TANH_LIMIT = 20;
    private static final int EXPONENT_BIAS = 127;
    private static final int EXPONENT_SHIFT = 23;
    private static final float LOG2_E = 1.44269504f;
    /** ln 2 in two parts; products of the first with small integers are exact. */
    private static final float LN_2_HIGH = 0.693359375f;
    private static final float LN_2_LOW = -2.12194440e-4f;
    /** ln 2 in one: what it lacks matters only to weights that are next to nothing. */
    private static final float LN_2 = 0.6931471806f;

    @Override
    public void sumSquares(float[] x, int offset, int count, float[] lanes) {
        FloatVector a = FloatVector.zero(F);
        FloatVector b = a;
        int i = 0;
        for (; i + 2 * L <= count; i += 2 * L) {
            FloatVector v = FloatVector.fromArray(F, x, offset + i);
            a = v.fma(v, a);
            FloatVector w = FloatVector.fromArray(F, x, offset + i + L);
            b = w.fma(w, b);
        }
        a.add(b).intoArray(lanes, 0);
        for (; i < count; i++) {
            lanes[i % L] = Math.fma(x[offset + i], x[offset + i], lanes[i % L]);
        }
    }

    @Override
    public void scaleMultiply(float[] x, int xOffset, float scale, float[] factors, float[] out,
            int outOffset) {
        int whole = F.loopBound(factors.length);
        FloatVector scales = FloatVector.broadcast(F, scale);
        for (int i = 0; i < whole; i += L) {
            FloatVector.fromArray(F, x, xOffset + i).mul(scales)
                    .mul(FloatVector.fromArray(F, factors, i)).intoArray(out, outOffset + i);
        }
        for (int i = whole; i < factors.length; i++) {
            out[outOffset + i] = x[xOffset + i] * scale * factors[i];
        }
    }

    @Override
    public void add(float[] x, int xOffset, float[] y, int yOffset, int count) {
        int whole = F.loopBound(count);
        for (int i = 0; i < whole; i += L) {
            FloatVector.fromArray(F, x, xOffset + i).add(FloatVector.fromArray(F, y, yOffset + i))
                    .intoArray(x, xOffset + i);
        }
        for (int i = whole; i < count; i++) {
            x[xOffset + i] += y[yOffset + i];
        }
    }

    @Override
    public void addScaled(float[] x, int xOffset, float[] y, int yOffset, float factor,
            int count) {
        int whole = F.loopBound(count);
        FloatVector factors = FloatVector.broadcast(F, factor);
        for (int i = 0; i < whole; i += L) {
            factors.fma(FloatVector.fromArray(F, y, yOffset + i),
                    FloatVector.fromArray(F, x, xOffset + i)).intoArray(x, xOffset + i);
        }
        for (int i = whole; i < count; i++) {
            x[xOffset + i] = Math.fma(factor, y[yOffset + i], x[xOffset + i]);
        }
    }

    @Override
    public void scale(float[] x, int offset, float factor, int count) {
        int whole = F.loopBound(count);
        FloatVector factors = FloatVector.broadcast(F, factor);
        for (int i = 0; i < whole; i += L) {
            FloatVector.fromArray(F, x, offset + i).mul(factors).intoArray(x, offset + i);
        }
        for (int i = whole; i < count; i++) {
            x[offset + i] *= factor;
        }
    }

    @Override
    public void geluArguments(float[] gate, int offset, int count, float[] out) {
        int whole = F.loopBound(count);
        FloatVector linear = FloatVector.broadcast(F, GateFunction.GELU_LINEAR);
        FloatVector cubic = FloatVector.broadcast(F, GateFunction.GELU_CUBIC);
        for (int i = 0; i < whole; i += L) {
            FloatVector g = FloatVector.fromArray(F, gate, offset + i);
            g.mul(g).fma(cubic, linear).mul(g).intoArray(out, i);
        }
        for (int i = whole; i < count; i++) {
            float g = gate[offset + i];
            out[i] = Math.fma(g * g, GateFunction.GELU_CUBIC, GateFunction.GELU_LINEAR) * g;
        }
    }

    @Override
    public void clampGate(float[] gate, float[] up, int offset, int count) {
        int whole = F.loopBound(count);
        FloatVector highest = FloatVector.broadcast(F, GateFunction.CLAMP);
        FloatVector lowest = FloatVector.broadcast(F, -GateFunction.CLAMP);
        FloatVector one = FloatVector.broadcast(F, 1);
        for (int i = 0; i < whole; i += L) {
            FloatVector.fromArray(F, gate, offset + i).min(highest).intoArray(gate, offset + i);
            FloatVector.fromArray(F, up, offset + i).min(highest).max(lowest).add(one)
                    .intoArray(up, offset + i);
        }
        for (int i = whole; i < count; i++) {
            gate[offset + i] = Math.min(gate[offset + i], GateFunction.CLAMP);
            up[offset + i] = Math.max(Math.min(up[offset + i], GateFunction.CLAMP),
                    -GateFunction.CLAMP) + 1;
        }
    }

    @Override
    public void divideMultiply(float[] x, float[] divisors, float[] factors, int offset,
            int count) {
        int whole = F.loopBound(count);
        FloatVector one = FloatVector.broadcast(F, 1);
        for (int i = 0; i < whole; i += L) {
            FloatVector.fromArray(F, x, offset + i)
                    .div(FloatVector.fromArray(F, divisors, i).add(one))
                    .mul(FloatVector.fromArray(F, factors, offset + i)).intoArray(x, offset + i);
        }
        for (int i = whole; i < count; i++) {
            x[offset + i] = x[offset + i] / (divisors[i] + 1) * factors[offset + i];
        }
    }

    @Override
    public void rotateHalves(float[] x, int offset, float[] cosines, float[] sines,
            int angleOffset, int pairs) {
        int whole = F.loopBound(pairs);
        for (int i = 0; i < whole; i += L) {
            FloatVector a = FloatVector.fromArray(F, x, offset + i);
            FloatVector b = FloatVector.fromArray(F, x, offset + pairs + i);
            FloatVector cosine = FloatVector.fromArray(F, cosines, angleOffset + i);
            FloatVector sine = FloatVector.fromArray(F, sines, angleOffset + i);
            a.mul(cosine).sub(b.mul(sine)).intoArray(x, offset + i);
            a.mul(sine).add(b.mul(cosine)).intoArray(x, offset + pairs + i);
        }
        for (int i = whole; i < pairs; i++) {
            float a = x[offset + i];
            float b = x[offset + pairs + i];
            float cosine = cosines[angleOffset + i];
            float sine = sines[angleOffset + i];
            x[offset + i] = a * cosine - b * sine;
            x[offset + pairs + i] = a * sine + b * cosine;
        }
    }

    @Override
    public void rotateAdjacent(float[] x, int offset, float[] cosines, float[] sines,
            int angleOffset, int pairs) {
        FloatVector signs = FloatVector.broadcast(F, 1)
                .blend(-1, EVEN);
        int i = 0;
        // A vector of angles serves two vectors of elements; only its first half is used.
        for (; i + L / 2 <= pairs && angleOffset + i + L <= cosines.length; i += L / 2) {
            FloatVector v = FloatVector.fromArray(F, x, offset + 2 * i);
            FloatVector cosine = FloatVector.fromArray(F, cosines, angleOffset + i)
                    .rearrange(TWICE);
            FloatVector sine = FloatVector.fromArray(F, sines, angleOffset + i).rearrange(TWICE);
            v.mul(cosine).add(v.rearrange(NEIGHBOUR).mul(sine.mul(signs)))
                    .intoArray(x, offset + 2 * i);
        }
        Rotation.rotate(x, offset + 2 * i, cosines, sines, angleOffset + i, pairs - i, true);
    }

    @Override
    public void findMaxima(float[] x, int offset, int count, float[] lanes) {
        FloatVector max = FloatVector.broadcast(F, Float.NEGATIVE_INFINITY);
        int whole = F.loopBound(count);
        for (int i = 0; i < whole; i += L) {
            FloatVector v = FloatVector.fromArray(F, x, offset + i);
            // A comparison with NaN is false, so NaN never gets in.
            max = max.blend(v, v.compare(VectorOperators.GT, max));
        }
        max.intoArray(lanes, 0);
        for (int i = whole; i < count; i++) {
            if (x[offset + i] > lanes[0]) {
                lanes[0] = x[offset + i];
            }
        }
    }

    /**
     * Within 2 units in the last place: 2^n times a polynomial in what remains, with the
     * coefficients of expf in Moshier's Cephes library.
     */
    @Override
    public void expShifted(float[] x, int xOffset, int count, float max, float scale, float[] out,
            int outOffset) {
        FloatVector shift = FloatVector.broadcast(F, max);
        FloatVector factor = FloatVector.broadcast(F, scale);
        FloatVector lowest = FloatVector.broadcast(F, EXP_LOWEST);
        FloatVector highest = FloatVector.broadcast(F, EXP_HIGHEST);
        FloatVector rounder = FloatVector.broadcast(F, ROUNDER);
        FloatVector zero = FloatVector.zero(F);
        for (int i = 0; i < count; i += L) {
            VectorMask<Float> lanes = F.indexInRange(i, count);
            FloatVector v = FloatVector.fromArray(F, x, xOffset + i, lanes).sub(shift)
                    .mul(factor);
            FloatVector clamped = v.min(highest).max(lowest);
            FloatVector rounded = clamped.fma(FloatVector.broadcast(F, LOG2_E), rounder);
            IntVector exponent = rounded.reinterpretAsInts()
                    .add(IntVector.broadcast(I, EXPONENT_BIAS))
                    .lanewise(VectorOperators.LSHL, EXPONENT_SHIFT);
            FloatVector n = rounded.sub(rounder);
            FloatVector r = n.fma(FloatVector.broadcast(F, -LN_2_HIGH), clamped);
            r = n.fma(FloatVector.broadcast(F, -LN_2_LOW), r);
            FloatVector p = r.fma(FloatVector.broadcast(F, 1.9875691500E-4f),
                    FloatVector.broadcast(F, 1.3981999507E-3f));
            p = p.fma(r, FloatVector.broadcast(F, 8.3334519073E-3f));
            p = p.fma(r, FloatVector.broadcast(F, 4.1665795894E-2f));
            p = p.fma(r, FloatVector.broadcast(F, 1.6666665459E-1f));
            p = p.fma(r, FloatVector.broadcast(F, 5.0000001201E-1f));
            p = p.mul(r).fma(r, r).add(FloatVector.broadcast(F, 1));
            p.mul(exponent.reinterpretAsFloats())
                    .blend(zero, v.compare(VectorOperators.LT, lowest))
                    .intoArray(out, outOffset + i, lanes);
        }
    }

    /** tanh y = e / (e + 2) with e = exp(2 y) - 1, which keeps its precision near zero. */
    @Override
    public void softCap(float[] x, int offset, int count, float scale, float cap) {
        FloatVector factor = FloatVector.broadcast(F, 2 * scale / cap);
        FloatVector rounder = FloatVector.broadcast(F, ROUNDER);
        for (int i = 0; i < count; i += L) {
            VectorMask<Float> lanes = F.indexInRange(i, count);
            FloatVector v = FloatVector.fromArray(F, x, offset + i, lanes).mul(factor);
            v = v.blend(TANH_LIMIT, v.compare(VectorOperators.GT, TANH_LIMIT))
                    .blend(-TANH_LIMIT, v.compare(VectorOperators.LT, -TANH_LIMIT)); // NaN stays
            FloatVector rounded = v.fma(FloatVector.broadcast(F, LOG2_E), rounder);
            FloatVector power = rounded.reinterpretAsInts()
                    .add(IntVector.broadcast(I, EXPONENT_BIAS))
                    .lanewise(VectorOperators.LSHL, EXPONENT_SHIFT).reinterpretAsFloats();
            FloatVector n = rounded.sub(rounder);
            FloatVector r = n.fma(FloatVector.broadcast(F, -LN_2_HIGH), v);
            r = n.fma(FloatVector.broadcast(F, -LN_2_LOW), r);
            FloatVector p = r.fma(FloatVector.broadcast(F, 1.9875691500E-4f),
                    FloatVector.broadcast(F, 1.3981999507E-3f));
            p = p.fma(r, FloatVector.broadcast(F, 8.3334519073E-3f));
            p = p.fma(r, FloatVector.broadcast(F, 4.1665795894E-2f));
            p = p.fma(r, FloatVector.broadcast(F, 1.6666665459E-1f));
            p = p.fma(r, FloatVector.broadcast(F, 5.0000001201E-1f));
            p = p.mul(r).fma(r, r); // exp(r) - 1
            FloatVector e = p.fma(power, power.sub(1));
            e.div(e.add(2)).mul(cap).intoArray(x, offset + i, lanes);
        }
    }

    /**
     * 2^n times a polynomial in what remains, whose coefficients minimise the largest relative
     * error, 1.05e-7.
     */
    @Override
    public void exponentiate(float[] x, int offset, int count, float max, float scale, int shift,
            float[] lanes) {
        FloatVector largest = FloatVector.broadcast(F, max);
        FloatVector factor = FloatVector.broadcast(F, scale);
        FloatVector rounder = FloatVector.broadcast(F, ROUNDER);
        FloatVector zero = FloatVector.zero(F);
        IntVector bias = IntVector.broadcast(I, EXPONENT_BIAS + shift);
        FloatVector sum = zero;
        int whole = F.loopBound(count);
        for (int i = 0; i < count; i += L) {
            // The last vector may reach beyond: those lanes are computed from zeros.
            FloatVector v = i < whole
                    ? FloatVector.fromArray(F, x, offset + i)
                    : FloatVector.fromArray(F, x, offset + i, F.indexInRange(i, count));
            v = v.sub(largest).mul(factor);
            FloatVector rounded = v.fma(FloatVector.broadcast(F, LOG2_E), rounder);
            IntVector power = rounded.reinterpretAsInts().add(bias)
                    .lanewise(VectorOperators.LSHL, EXPONENT_SHIFT);
            FloatVector r = rounded.sub(rounder).fma(FloatVector.broadcast(F, -LN_2), v);
            FloatVector p = r.fma(FloatVector.broadcast(F, 8.312525e-3f),
                    FloatVector.broadcast(F, 4.1890115e-2f));
            p = p.fma(r, FloatVector.broadcast(F, 1.6667114e-1f));
            p = p.fma(r, FloatVector.broadcast(F, 4.9999231e-1f));
            p = p.mul(r).fma(r, r).add(FloatVector.broadcast(F, 1));
            p = p.mul(power.reinterpretAsFloats())
                    .blend(zero, v.compare(VectorOperators.LT, EXP_LOWEST));
            if (i < whole) {
                p.intoArray(x, offset + i);
                sum = sum.add(p);
            } else {
                VectorMask<Float> inside = F.indexInRange(i, count);
                p.intoArray(x, offset + i, inside);
                sum = sum.add(zero.blend(p, inside));
            }
        }
        sum.intoArray(lanes, 0);
    }
}
