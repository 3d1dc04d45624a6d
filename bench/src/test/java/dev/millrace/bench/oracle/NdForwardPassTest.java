package dev.millrace.bench.oracle;

import dev.millrace.bench.baseline.NativeLibraries;
import dev.millrace.engine.forward.Backend;
import dev.millrace.engine.forward.ForwardPassContract;
import dev.millrace.engine.forward.RandomModel;
import java.util.List;
import org.junit.jupiter.api.BeforeAll;

/**
 * The oracle under the contract of every forward pass. It agrees with the reference in double as
 * closely as our kernels must, through libraries of which we wrote nothing.
 */
class NdForwardPassTest extends ForwardPassContract {

    /** The oracle knows the plain family; the reference in double knows the others. */
    public static List<RandomModel> models() {
        return RandomModel.basic();
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
