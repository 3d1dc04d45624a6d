package dev.millrace.kernels.cuda;

import java.util.Locale;

/** What activations are rounded to before products, after a power of two per row. */
public enum CudaActivations {
    /** One half, eleven bits: eight tokens fill an operand of the tensor cores. */
    F16(1),
    /** The sum of two halves, 22 bits: four tokens fill an operand. */
    F16X2(2);

    /** Columns of an operand of the tensor cores. */
    private static final int OPERAND_COLUMNS = 8;

    private final int halves;

    CudaActivations(int halves) {
        this.halves = halves;
    }

    /** Of one activation. */
    int halves() {
        return halves;
    }

    /** That one operand has room for. */
    int operandTokens() {
        return OPERAND_COLUMNS / halves;
    }

    /** As options spell it. */
    public String label() {
        return name().toLowerCase(Locale.ROOT);
    }
}
