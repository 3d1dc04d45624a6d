package dev.millrace.server.wiring;

import dev.millrace.engine.cuda.CudaProducts;
import dev.millrace.engine.forward.BackendException;
import dev.millrace.kernels.KernelException;
import dev.millrace.kernels.cuda.cublaslt.CublasLt;
import java.util.Optional;
import java.util.function.Supplier;

/**
 * What multiplies on GPUs where tokens are many. A library that was asked for and is not there
 * stops a server whose GPU was named; with {@code auto} the GPU's own kernels serve.
 *
 * @param remark what the start is to say about it
 */
record ProductChoice(CudaProducts products, Optional<String> remark) {

    /**
     * @param asked what the configuration says
     * @param named whether it names the GPU
     * @param find  looks for the library
     * @throws BackendException if a server that must have the library cannot; says what to do
     */
    static ProductChoice of(CudaProducts asked, boolean named, Supplier<CublasLt> find) {
        if (!asked.library()) {
            return new ProductChoice(asked, Optional.empty());
        }
        String option = "--cuda-products=" + asked.way().label();
        try {
            return new ProductChoice(asked, Optional.of("products of " + asked.leastTokens()
                    + " tokens and more are cuBLAS " + find.get().version() + "'s, so a token's"
                    + " last bits, and rarely what is generated, may depend on how many tokens"
                    + " its steps had; --cuda-products=own keeps them the same"));
        } catch (KernelException e) {
            if (named) {
                throw new BackendException(option + " cannot serve: " + e.getMessage(), e);
            }
            return new ProductChoice(CudaProducts.OWN, Optional.of(option + " has no effect: "
                    + e.getMessage()));
        }
    }
}
