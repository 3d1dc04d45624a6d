package dev.millrace.models;

import java.util.ArrayList;
import java.util.List;

/**
 * How a model's rotary frequencies differ from the plain series {@code f[i]}, so that it reads
 * longer contexts than it was first trained for. Hugging Face's modeling_rope_utils.py is the
 * reference for all of them.
 */
public sealed interface RopeScaling {

    /** The plain series. */
    RopeScaling NONE = new None();

    /** The plain series. */
    record None() implements RopeScaling {}

    /** {@code f[i] / factor}: the positions are interpolated (Chen et al., 2023). */
    record Linear(float factor) implements RopeScaling {}

    /** {@code f[i] / divisors[i]}: Llama 3.1's scaling as GGUF files carry it. */
    record Divisors(List<Float> divisors) implements RopeScaling {

        public Divisors {
            divisors = List.copyOf(divisors);
        }
    }

    /**
     * Llama 3.1's: wavelengths ({@code 2 pi / f[i]}) above
     * {@code originalTokens / lowFrequencyFactor} are divided by {@code factor}, those below
     * {@code originalTokens / highFrequencyFactor} are kept, and between the two is a smooth
     * transition.
     *
     * @param originalTokens context that the model was first trained for
     */
    record Llama3(float factor, float lowFrequencyFactor, float highFrequencyFactor,
            int originalTokens) implements RopeScaling {

        /** The same as divisors of each pair's frequency, as GGUF files carry it. */
        public Divisors divisors(RopeSpec rope) {
            List<Float> divisors = new ArrayList<>();
            for (int pair = 0; pair < rope.dimensions() / 2; pair++) {
                double frequency = Math.pow(rope.base(), -2.0 * pair / rope.dimensions());
                double turns = originalTokens * frequency / (2 * Math.PI);
                double kept = Math.clamp((turns - lowFrequencyFactor)
                        / (highFrequencyFactor - lowFrequencyFactor), 0, 1);
                divisors.add((float) (1 / (kept + (1 - kept) / factor)));
            }
            return new Divisors(divisors);
        }
    }

    /**
     * YaRN (Peng et al., 2023): pairs that turn more than {@code betaFast} times within the
     * original context are kept, those that turn less than {@code betaSlow} times are divided by
     * {@code factor}, with a ramp over the pairs between. Queries and keys are multiplied by
     * {@code amplitude}.
     *
     * @param originalTokens context that the model was first trained for
     * @param amplitude      factor on cosines and sines, {@link #yarnAmplitude} unless a file says
     *                       otherwise
     * @param wholePairs     whether the ramp's ends are rounded outwards to whole pairs; gpt-oss
     *                       does not
     */
    record Yarn(float factor, int originalTokens, float betaFast, float betaSlow, float amplitude,
            boolean wholePairs) implements RopeScaling {}

    /**
     * LongRoPE (Ding et al., 2024), phi3: {@code f[i] / shortDivisors[i]} where no sequence is
     * longer than the original context, {@code f[i] / longDivisors[i]} where one may be. Cached
     * keys cannot change their divisors, so a backend chooses once, by the context that it is
     * opened for; llama.cpp does the same.
     *
     * @param originalTokens context that the model was first trained for
     * @param amplitude      factor on cosines and sines, {@link #longRopeAmplitude} unless a file
     *                       says otherwise
     */
    record LongRope(List<Float> shortDivisors, List<Float> longDivisors, int originalTokens,
            float amplitude) implements RopeScaling {

        public LongRope {
            shortDivisors = List.copyOf(shortDivisors);
            longDivisors = List.copyOf(longDivisors);
        }
    }

    /** {@code 0.1 ln(factor) + 1}: what YaRN multiplies queries and keys by. */
    static float yarnAmplitude(double factor) {
        return factor <= 1 ? 1 : (float) (0.1 * Math.log(factor) + 1);
    }

    /** {@code sqrt(1 + ln(factor) / ln(originalTokens))}: what LongRoPE multiplies them by. */
    static float longRopeAmplitude(double factor, int originalTokens) {
        return factor <= 1
                ? 1
                : (float) Math.sqrt(1 + Math.log(factor) / Math.log(originalTokens));
    }
}
