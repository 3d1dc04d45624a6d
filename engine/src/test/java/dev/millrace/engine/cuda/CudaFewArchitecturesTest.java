package dev.millrace.engine.cuda;

import dev.millrace.engine.forward.ArchitectureContract;
import dev.millrace.engine.forward.Backend;
import dev.millrace.kernels.WorkerPool;
import java.io.IOException;
import java.net.URISyntaxException;
import java.nio.file.Path;
import java.util.List;
import java.util.Set;

/** Some families on an emulated GPU; all of them are among the proofs. */
class CudaFewArchitecturesTest extends ArchitectureContract {

    private static final Set<String> FEW = Set.of("llama-yarn", "qwen2-moe", "gemma3");

    /** Those of {@link ArchitectureContract#models} that this test has time for. */
    protected static List<Path> models() throws IOException, URISyntaxException {
        return ArchitectureContract.models().stream()
                .filter(folder -> FEW.contains(folder.getFileName().toString())).toList();
    }

    @Override
    protected Backend backend(WorkerPool workers) {
        return EmulatedBackend.open(workers);
    }
}
