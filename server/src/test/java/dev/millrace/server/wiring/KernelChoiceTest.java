package dev.millrace.server.wiring;

import dev.millrace.kernels.KernelException;
import dev.millrace.kernels.cpu.CpuKernels;
import dev.millrace.server.config.ServerConfig;
import dev.millrace.server.config.Setting;
import java.nio.file.Path;
import java.util.EnumMap;
import java.util.Map;
import java.util.Optional;
import java.util.function.IntFunction;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

import static org.assertj.core.api.Assertions.*;

/** Stands vector kernels of two widths in for native and vector ones, to see which is taken. */
class KernelChoiceTest {

    private static final IntFunction<CpuKernels> NATIVE = bits -> CpuKernels.vector(256);
    private static final IntFunction<CpuKernels> VECTOR = bits -> CpuKernels.vector(
            bits == 0 ? 128 : bits);
    private static final IntFunction<CpuKernels> NONE = bits -> {
        throw new KernelException("none here");
    };

    @TempDir
    Path folder;

    private final Map<Setting, String> flags = new EnumMap<>(Setting.class);

    @Test
    void takesTheNativeKernelsByItselfAndSaysThatTheyRound() {
        KernelChoice choice = choose(NATIVE, VECTOR);

        assertThat(choice.kernels().vectorBits()).isEqualTo(256);
        assertThat(choice.remark().orElseThrow()).contains("round activations to 8 bits",
                "--kernels=vector");
    }

    @Test
    void saysWhyItTakesTheVectorKernelsWhereThereAreNoNativeOnes() {
        KernelChoice choice = choose(NONE, VECTOR);

        assertThat(choice.kernels().vectorBits()).isEqualTo(128);
        assertThat(choice.remark()).contains("none here");
    }

    @Test
    void saysHowSlowTheScalarKernelsAreWhereThereIsNothingElse() {
        KernelChoice choice = choose(NONE, NONE);

        assertThat(choice.kernels().name()).isEqualTo("scalar");
        assertThat(choice.remark().orElseThrow()).contains("many times slower", "none here");
    }

    @Test
    void takesAWidthAsAskingForTheVectorKernels() {
        flags.put(Setting.VECTOR_BITS, "512");

        KernelChoice choice = choose(NATIVE, VECTOR);

        assertThat(choice.kernels().vectorBits()).isEqualTo(512);
        assertThat(choice.remark()).isEmpty();
    }

    @Test
    void takesWhatWasNamedOrFails() {
        flags.put(Setting.KERNELS, "scalar");
        assertThat(choose(NATIVE, VECTOR).kernels().name()).isEqualTo("scalar");

        flags.put(Setting.KERNELS, "vector");
        assertThat(choose(NATIVE, VECTOR).kernels().vectorBits()).isEqualTo(128);
        assertThatExceptionOfType(KernelException.class).isThrownBy(() -> choose(NATIVE, NONE));

        flags.put(Setting.KERNELS, "native");
        assertThat(choose(NATIVE, VECTOR).kernels().vectorBits()).isEqualTo(256);
        assertThatExceptionOfType(KernelException.class).isThrownBy(() -> choose(NONE, VECTOR));
    }

    private KernelChoice choose(IntFunction<CpuKernels> nativeTwin,
            IntFunction<CpuKernels> vector) {
        return KernelChoice.of(ServerConfig.load(Map.of(), folder, Optional.empty(), flags),
                nativeTwin, vector);
    }
}
