package dev.millrace.server.config;

import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Optional;

/** One thing that can be set, in all three places alike. */
public enum Setting {
    MODEL,
    HOST,
    PORT,
    METRICS_PORT,
    TLS_CERTIFICATE,
    TLS_KEY,
    CORS_ORIGIN,
    REQUEST_LOG,
    LOG_PROMPTS,
    TRACES,
    CONTEXT,
    SEQUENCES,
    STEP_TOKENS,
    QUEUE,
    MEMORY,
    KV,
    QUANTIZE,
    THREADS,
    BACKEND,
    GPUS,
    TENSOR_PARALLEL,
    REPLICAS,
    KERNELS,
    VECTOR_BITS,
    CUDA_LAUNCHES,
    CUDA_ACTIVATIONS,
    CUDA_PRODUCTS,
    SPECULATE,
    DRAFT,
    TOOL_FORMAT,
    LORA,
    LORA_MEMORY,
    LORA_UPDATES,
    IDLE_UNLOAD,
    PACKED_DISK,
    DRAIN_SECONDS,
    LEDGER,
    LEDGER_OUTAGE,
    LEDGER_JOURNAL,
    LEDGER_ROLLUP_DAYS,
    STORE_DAYS,
    STORE_SIZE,
    FILE_SIZE,
    TENANT_FILES,
    BATCH_ROWS,
    BATCH_PRICE;

    /** Its key in {@code millrace.yaml}. */
    public String key() {
        return name().toLowerCase(Locale.ROOT);
    }

    /** Its variable in the environment. */
    public String variable() {
        return "MILLRACE_" + name();
    }

    /** Its flag, unless it is an argument. */
    public String flag() {
        return "--" + key().replace('_', '-');
    }

    static Optional<Setting> ofKey(String key) {
        return Arrays.stream(values()).filter(setting -> setting.key().equals(key)).findFirst();
    }

    static List<String> keys() {
        return Arrays.stream(values()).map(Setting::key).toList();
    }
}
