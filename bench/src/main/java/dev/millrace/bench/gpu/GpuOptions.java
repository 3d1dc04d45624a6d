package dev.millrace.bench.gpu;

import dev.millrace.bench.KernelNames;
import dev.millrace.bench.model.ModelOptions;
import dev.millrace.bench.model.ModelTest;
import dev.millrace.bench.peer.PeerTurns;
import dev.millrace.engine.cuda.CudaLaunches;
import dev.millrace.engine.cuda.CudaProducts;
import dev.millrace.engine.cuda.CudaProducts.Way;
import dev.millrace.engine.cuda.CudaSettings;
import dev.millrace.kernels.KvFormat;
import dev.millrace.kernels.cpu.CpuKernels;
import dev.millrace.kernels.cuda.CudaActivations;
import dev.millrace.server.config.GpuSettings;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** What {@code bench gpu} is to measure, and how. */
final class GpuOptions {

    /** Of relative errors with activations of 22 bits, and of eleven. */
    private static final double BOUND = 1e-3;
    private static final double HALF_BOUND = 5e-3;

    static final Path RESULTS = Path.of("bench/results/gpu.jsonl");

    @Parameters(index = "0", paramLabel = "SHAPE|MODEL", defaultValue = "llama-8b",
            description = "A shape as 'bench synth' takes it, of random weights made for the"
                    + " occasion; or a path, or a model that 'millrace list' shows (default:"
                    + " ${DEFAULT-VALUE}).")
    String model;

    @Option(names = "--type", split = ",", paramLabel = "TYPE",
            description = "Types of the shape's weights, and those that are checked against the"
                    + " processor first; of those that files of GGUF have, or int4-g128,"
                    + " int4-zero, int4-zero-g128, int8-channel, as GPTQ and others make them, for"
                    + " every matrix (default: int4-g128,int8-channel,q4_0,q4_k,q8_0).")
    List<String> types = List.of("int4-g128", "int8-channel", "q4_0", "q4_k", "q8_0");

    @Option(names = "--pure", description = "Give every matrix of a shape the type itself.")
    boolean pure;

    @Option(names = "--kv", split = ",", paramLabel = "FORMAT",
            description = "f16, f32 or q8_0: how cached keys and values are kept (default: f16).")
    List<String> cacheFormats = List.of("f16");

    @Option(names = "--batches", split = ",", paramLabel = "N",
            description = "Sequences decoded together (default: 1,2,4,8,16,32,64,128,256).")
    List<Integer> batches = List.of(1, 2, 4, 8, 16, 32, 64, 128, 256);

    @Option(names = "--context", paramLabel = "N",
            description = "Positions of each sequence before decoding (default: ${DEFAULT-VALUE}).")
    int context = 1024;

    @Option(names = "--prompts", split = ",", paramLabel = "N",
            description = "Lengths of prompts (default: 512,2048,8192).")
    List<Integer> prompts = List.of(512, 2048, 8192);

    @Option(names = "--tokens", paramLabel = "N",
            description = "Tokens that each sequence generates (default: ${DEFAULT-VALUE}).")
    int tokens = 32;

    @Option(names = "--rounds", paramLabel = "N",
            description = "Measured rounds of each test (default: ${DEFAULT-VALUE}).")
    int rounds = 5;

    @Option(names = "--step-tokens", paramLabel = "N",
            description = "Most tokens of prompts in one step (default: ${DEFAULT-VALUE}).")
    int stepTokens = 2048;

    @Option(names = "--gpus", paramLabel = "WHICH", description = "Which GPUs may be used, as"
            + " 'serve' takes it: all, how many such as 2, or which, such as 0,1 or device=1"
            + " (default: all, of which the first is measured).")
    private String gpus;

    @Option(names = "--tensor-parallel", paramLabel = "N", description = "GPUs that share each"
            + " model that is measured (default: ${DEFAULT-VALUE}).")
    private int tensorParallel = 1;

    @Option(names = "--launches", paramLabel = "HOW", description = "How kernels get to the"
            + " device: ${COMPLETION-CANDIDATES} (default: ${DEFAULT-VALUE}).")
    private CudaLaunches launches = CudaLaunches.OVERLAPPED;

    @Option(names = "--products", paramLabel = "WHOSE", description = "What multiplies in large"
            + " steps: ${COMPLETION-CANDIDATES} (default: ${DEFAULT-VALUE}). What is checked is"
            + " then read in a step that is large enough.")
    private Way products = Way.OWN;

    @Option(names = "--activations", paramLabel = "FORMAT", description = "What activations are"
            + " rounded to in products: ${COMPLETION-CANDIDATES} (default: ${DEFAULT-VALUE}).")
    private CudaActivations activations = CudaActivations.F16;

    @Option(names = "--memory", paramLabel = "GB",
            description = "Of the memory of all GPUs that are measured together, for weights, cache"
                    + " and buffers (default: nine tenths).")
    double memoryGigabytes;

    @Option(names = "--dollars-per-hour", paramLabel = "USD",
            description = "What an hour of the machine costs, for dollars per million tokens.")
    double dollarsPerHour;

    @Option(names = "--energy-seconds", paramLabel = "S",
            description = "How long a test is repeated to read what energy it takes (default:"
                    + " ${DEFAULT-VALUE}).")
    double energySeconds = 2;

    @Option(names = "--peer", paramLabel = "CMD",
            description = "What the shell runs in turns with us, such as \"llama-bench -m {model}"
                    + " -ngl 99 -p 512 -n 64 -r 1\"; whatever llama-bench or llama-batched-bench"
                    + " measure in it is measured here too. May be given several times. Needs MODEL"
                    + " or one TYPE.")
    List<String> peers = List.of();

    @Option(names = "--peer-name", paramLabel = "NAME",
            description = "What to call each peer, in their order (default: the command's first"
                    + " word).")
    List<String> peerNames = List.of();

    @Option(names = "--pairs", paramLabel = "N",
            description = "How often each side is measured (default: ${DEFAULT-VALUE}).")
    int pairs = 5;

    @Option(names = "--peer-timeout", paramLabel = "SECONDS",
            description = "Longest that one run of the peer may take (default: ${DEFAULT-VALUE}).")
    int peerTimeoutSeconds = 600;

    @Option(names = "--check-shape", paramLabel = "SHAPE",
            description = "The shape that is checked with each type (default: ${DEFAULT-VALUE}).")
    String checkShape = "layers=4,embedding=1024,feed_forward=2816,heads=16,kv_heads=4,"
            + "vocabulary=4096";

    @Option(names = "--check-prompt", paramLabel = "N",
            description = "Tokens read at once to check (default: ${DEFAULT-VALUE}).")
    int checkPrompt = 96;

    @Option(names = "--check-tokens", paramLabel = "N",
            description = "Tokens generated to check (default: ${DEFAULT-VALUE}).")
    int checkTokens = 32;

    @Option(names = "--bound", paramLabel = "X",
            description = "Largest relative error of logits and of the state after a layer"
                    + " (default: 0.001 with activations of 22 bits, else 0.005).")
    private Double bound;

    @Option(names = {"-t", "--threads"}, paramLabel = "N",
            description = "Worker threads, to pack weights and to check (default: the processors"
                    + " this process may use).")
    int threads = Runtime.getRuntime().availableProcessors();

    @Option(names = "--kernels", paramLabel = "NAME",
            description = "The processor's, which check: scalar, vector or native (default:"
                    + " ${DEFAULT-VALUE}).")
    String kernels = "vector";

    @Option(names = "--results", paramLabel = "FILE",
            description = "JSON lines file to append to (default: ${DEFAULT-VALUE}).")
    Path results = RESULTS;

    @Option(names = "--html", paramLabel = "FILE",
            description = "Also write this run's results as a page.")
    Path html;

    /** @throws IllegalArgumentException if an option is out of its range */
    void validate() {
        ModelOptions.requirePositive("--context", context);
        ModelOptions.requirePositive("--tokens", tokens);
        ModelOptions.requirePositive("--rounds", rounds);
        ModelOptions.requirePositive("--step-tokens", stepTokens);
        ModelOptions.requirePositive("--pairs", pairs);
        ModelOptions.requirePositive("--peer-timeout", peerTimeoutSeconds);
        ModelOptions.requirePositive("--check-prompt", checkPrompt);
        ModelOptions.requirePositive("--check-tokens", checkTokens);
        ModelOptions.requirePositive("--threads", threads);
        batches.forEach(value -> ModelOptions.requirePositive("--batches", value));
        prompts.forEach(value -> ModelOptions.requirePositive("--prompts", value));
        requireNotNegative("--memory", memoryGigabytes);
        requireNotNegative("--dollars-per-hour", dollarsPerHour);
        requireNotNegative("--energy-seconds", energySeconds);
        requireNotNegative("--bound", bound());
        formats();
        gpus();
        if (!peerNames.isEmpty() && peerNames.size() != peers.size()) {
            throw new IllegalArgumentException("there are " + peers.size() + " peers and "
                    + peerNames.size() + " names for them; give each --peer its --peer-name, or"
                    + " none");
        }
    }

    /** What to call a peer. */
    String peerName(int peer) {
        return PeerTurns.name(peers.get(peer), peerNames.isEmpty() ? null : peerNames.get(peer));
    }

    private static void requireNotNegative(String option, double value) {
        if (!(value >= 0) || Double.isInfinite(value)) {
            throw new IllegalArgumentException(option + " must be a number of at least 0, got "
                    + value);
        }
    }

    /** What the tables consist of. */
    List<ModelTest> tests() {
        List<ModelTest> tests = new ArrayList<>();
        batches.forEach(batch -> tests.add(ModelTest.decode(tokens, context, batch)));
        prompts.forEach(prompt -> tests.add(ModelTest.prefill(prompt, 0)));
        return tests;
    }

    double bound() {
        if (bound != null) {
            return bound;
        }
        return activations == CudaActivations.F16 || settings().products().library()
                ? HALF_BOUND
                : BOUND;
    }

    /** Which GPUs, and how many share a model. */
    GpuSettings gpus() {
        ModelOptions.requirePositive("--tensor-parallel", tensorParallel);
        return GpuSettings.ofFlags(Optional.ofNullable(gpus), tensorParallel);
    }

    /** Tokens of the largest step of any test. */
    int mostStepTokens() {
        return tests().stream().mapToInt(test -> ExchangeTime.stepTokens(test, stepTokens)).max()
                .orElse(1);
    }

    CudaSettings settings() {
        return new CudaSettings(launches, activations, CudaProducts.of(products));
    }

    /** Tokens of the prompt that is checked: those that a library multiplies are among them. */
    int checkedPrompt() {
        CudaProducts whose = settings().products();
        return whose.library() ? Math.max(checkPrompt, whose.leastTokens()) : checkPrompt;
    }

    List<KvFormat> formats() {
        return cacheFormats.stream().map(ModelOptions::cacheFormat).toList();
    }

    CpuKernels openKernels() {
        return KernelNames.of(kernels);
    }
}
