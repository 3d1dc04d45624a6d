package dev.millrace.server.cli;

import dev.millrace.server.config.ServerConfig;
import dev.millrace.server.config.Setting;
import java.nio.file.Path;
import java.util.EnumMap;
import java.util.Map;
import java.util.Optional;
import picocli.CommandLine.Option;

/** The flags of every command that computes; they cover the environment and the config file. */
final class ComputeOptions {

    private final Map<Setting, String> flags = new EnumMap<>(Setting.class);

    @Option(names = "--config", paramLabel = "FILE", description = "Settings (default:"
            + " ./millrace.yaml, then millrace.yaml in MILLRACE_HOME, if there is one).")
    private Path file;

    @Option(names = "--backend", paramLabel = "NAME", description = "cpu, cuda or auto.")
    void backend(String value) {
        flags.put(Setting.BACKEND, value);
    }

    @Option(names = "--gpus", paramLabel = "WHICH", description = "all, how many such as 2, or"
            + " which, such as 0,1 or device=1.")
    void gpus(String value) {
        flags.put(Setting.GPUS, value);
    }

    @Option(names = "--tensor-parallel", paramLabel = "N", description = "GPUs that share a model;"
            + " auto for as few as it fits on.")
    void tensorParallel(String value) {
        flags.put(Setting.TENSOR_PARALLEL, value);
    }

    @Option(names = "--replicas", paramLabel = "N", description = "Serve every model on so many"
            + " GPUs, or groups of GPUs that share it, side by side (default: 1).")
    void replicas(String value) {
        flags.put(Setting.REPLICAS, value);
    }

    @Option(names = "--kernels", paramLabel = "NAME",
            description = "native, vector, scalar or auto.")
    void kernels(String value) {
        flags.put(Setting.KERNELS, value);
    }

    @Option(names = "--vector-bits", paramLabel = "N",
            description = "128, 256, 512 or auto: the width of the vector kernels.")
    void vectorBits(String value) {
        flags.put(Setting.VECTOR_BITS, value);
    }

    @Option(names = "--cuda-launches", paramLabel = "HOW", description = "overlapped, captured or"
            + " single: how kernels get to a GPU; single is for finding faults.")
    void cudaLaunches(String value) {
        flags.put(Setting.CUDA_LAUNCHES, value);
    }

    @Option(names = "--cuda-activations", paramLabel = "FORMAT", description = "f16 or f16x2:"
            + " activations in products on a GPU are rounded to 11 bits, or to 22 (default: f16).")
    void cudaActivations(String value) {
        flags.put(Setting.CUDA_ACTIVATIONS, value);
    }

    @Option(names = "--cuda-products", paramLabel = "WHOSE", description = "own, cublaslt or"
            + " cublaslt-copies: what multiplies in large steps on a GPU; cuBLAS gives up that bits"
            + " do not depend on the batch (default: own).")
    void cudaProducts(String value) {
        flags.put(Setting.CUDA_PRODUCTS, value);
    }

    @Option(names = "--threads", paramLabel = "N",
            description = "Worker threads, or auto for one per processor.")
    void threads(String value) {
        flags.put(Setting.THREADS, value);
    }

    @Option(names = "--memory", paramLabel = "AMOUNT", description = "Most memory for weights,"
            + " cache and buffers, such as 8GB; auto for 70 %% of the machine's.")
    void memory(String value) {
        flags.put(Setting.MEMORY, value);
    }

    @Option(names = "--kv", paramLabel = "FORMAT", description = "f16, f32 or q8_0: how cached"
            + " keys and values are kept (default: f16).")
    void cacheFormat(String value) {
        flags.put(Setting.KV, value);
    }

    @Option(names = "--quantize", paramLabel = "TYPE", description = "q8_0, q4_k_m, q4_0 and so"
            + " on: give weights that have more bits fewer at load.")
    void quantize(String value) {
        flags.put(Setting.QUANTIZE, value);
    }

    @Option(names = "--packed-disk", paramLabel = "AMOUNT", description = "Disk for packed"
            + " weights, which the next start maps instead of packing them: such as 20GB, auto"
            + " for a quarter of what is free, or off (default: auto).")
    void packedDisk(String value) {
        flags.put(Setting.PACKED_DISK, value);
    }

    void set(Setting setting, String value) {
        flags.put(setting, value);
    }

    ServerConfig load(CommandContext context) {
        return ServerConfig.load(context.environment(), context.home(),
                Optional.ofNullable(file), flags);
    }
}
