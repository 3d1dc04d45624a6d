package dev.millrace.kernels;

/** What a gated feed-forward layer makes of a gate {@code g} and an up projection {@code u}. */
public enum GateFunction {
    /** {@code g * sigmoid(g) * u}: llama and most others. */
    SILU,
    /**
     * {@code 0.5 * g * (1 + tanh(sqrt(2 / pi) * (g + 0.044715 * g^3))) * u}: gemma. The same as
     * {@code g * sigmoid(2 * sqrt(2 / pi) * (g + 0.044715 * g^3)) * u}.
     */
    GELU_TANH,
    /**
     * {@code g * sigmoid(1.702 * g) * (u + 1)} with g at most 7 and u between -7 and 7: gpt-oss.
     */
    CLAMPED_SILU;

    /** Largest gate and up projection that {@link #CLAMPED_SILU} lets through. */
    public static final float CLAMP = 7;
    /** Steepness of the sigmoid of {@link #CLAMPED_SILU}. */
    public static final float CLAMPED_SLOPE = 1.702f;
    /** {@code 2 * sqrt(2 / pi)}: argument of the sigmoid of {@link #GELU_TANH}, linear part. */
    public static final float GELU_LINEAR = 1.5957691216f;
    /** Cubic part of that argument. */
    public static final float GELU_CUBIC = 0.0713548162726f;
}
