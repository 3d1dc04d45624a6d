package dev.millrace.bench.oracle;

import dev.millrace.bench.baseline.NativeLibraries;
import dev.millrace.engine.forward.Backend;
import dev.millrace.engine.forward.ForwardPassContract;
import dev.millrace.engine.forward.RandomModel;
import dev.millrace.kernels.QuantFormat;
import dev.millrace.models.WeightRole;
import java.util.EnumSet;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;

/**
 * The oracle under the contract of every forward pass. It agrees with the reference in double as
 * closely as our kernels must, through libraries of which we wrote nothing.
 */
@Tag("proof")
class NdForwardPassTest extends ForwardPassContract {

    private static final Set<QuantFormat> FORMATS = EnumSet.of(QuantFormat.F32, QuantFormat.BF16,
            QuantFormat.Q8_0, QuantFormat.Q4_K);

    /**
     * The oracle knows the plain family; the reference in double knows the others. Whatever the
     * format, the oracle computes with the floats that our own dequantizer makes: a few will do.
     */
    public static List<RandomModel> models() {
        return RandomModel.basic().stream()
                .filter(model -> FORMATS.contains(model.get(WeightRole.TOKEN_EMBEDDING).format()))
                .toList();
    }

    @BeforeAll
    static void assumeLibraries() {
        NativeLibraries.assume();
    }

    @Override
    protected Backend backend() {
        return new NdBackend();
    }

    @Override
    protected double tolerance() {
        return 5e-5;
    }
}
