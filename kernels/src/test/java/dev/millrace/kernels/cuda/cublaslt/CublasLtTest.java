package dev.millrace.kernels.cuda.cublaslt;

import dev.millrace.kernels.KernelException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;

import static org.assertj.core.api.Assertions.*;
import static org.junit.jupiter.api.Assumptions.*;

class CublasLtTest {

    /** The path of NVIDIA's own library, for those who have it. */
    private static final String REAL = System.getenv("MILLRACE_CUBLASLT");

    @Test
    void aLibraryThatIsNotThereIsAdvisedOn() {
        assertThatThrownBy(() -> CublasLt.load("libcublasLt-not-there.so.13"))
                .isInstanceOf(KernelException.class)
                .hasMessage("products by cuBLAS need libcublasLt-not-there.so.13, which is not"
                        + " there: install libcublas-13-0, and see that the loader finds it"
                        + " (LD_LIBRARY_PATH), or leave products to Millrace's own kernels");
    }

    @Test
    void anOlderReleaseIsRefused() {
        assertThatThrownBy(() -> CublasLt.requireVersion(120_902))
                .isInstanceOf(KernelException.class)
                .hasMessageStartingWith("cuBLASLt is of version 12.9.2, and 13.0.0 or newer is"
                        + " needed: install libcublas-13-0");
        CublasLt.requireVersion(130_000);
    }

    /** Where there is no driver: all up to the device, descriptors with their attributes too. */
    @Test
    void theRealLibraryTakesEveryAttributeAndMissesADriver() {
        assumeTrue(REAL != null && Files.exists(Path.of(REAL)), "MILLRACE_CUBLASLT is the path of"
                + " no libcublasLt.so.13");
        CublasLt library = CublasLt.load(REAL);
        assertThat(library.version()).startsWith("13.");
        assertThatThrownBy(() -> new HalfProducts(library, 256, 1024))
                .isInstanceOf(KernelException.class)
                .hasMessage("cuBLASLt could not do cublasLtCreate: the library was not initialized"
                        + " (cuBLAS error 1)");
    }
}
