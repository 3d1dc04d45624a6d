package dev.millrace.server.wiring;

import dev.millrace.engine.DeviceLane;
import dev.millrace.engine.LaneReading;
import dev.millrace.engine.forward.ForwardPass.DeviceMemory;
import dev.millrace.server.metering.CostModel;
import dev.millrace.server.metering.UsageMeter;
import io.micrometer.core.instrument.FunctionCounter;
import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.MeterRegistry;
import java.util.function.ToDoubleFunction;

/** What the machine costs, what its time goes to, and how the books are. */
final class MachineMetrics {

    private static final double NANO = 1e-9;

    private final LoadedModel loaded;
    private final CostModel rate;
    private final UsageMeter meter;

    MachineMetrics(LoadedModel loaded, CostModel rate, UsageMeter meter) {
        this.loaded = loaded;
        this.rate = rate;
        this.meter = meter;
    }

    void register(MeterRegistry registry) {
        deviceSeconds(registry, "step", LaneReading::stepNanos);
        deviceSeconds(registry, "overhead", LaneReading::overheadNanos);
        deviceSeconds(registry, "idle", LaneReading::idleNanos);
        DeviceMemory memory = loaded.pass().memory();
        memory(registry, "weights", memory.weightBytes());
        memory(registry, "cache", memory.cacheBytes());
        memory(registry, "buffers", memory.bufferBytes());
        memory(registry, "adapters", memory.adapterBytes());
        Gauge.builder("millrace_rate_usd_per_hour", () -> rate.nanoUsdPerHour() * NANO)
                .description("what the machine costs")
                .tag("assumed", Boolean.toString(rate.assumed())).register(registry);
        Gauge.builder("millrace_open_accounts", () -> meter.status().openAccounts())
                .description("requests whose account is open").register(registry);
        Gauge.builder("millrace_unpaid_accounts", () -> meter.status().unpaidAccounts())
                .description("ended requests that the ledger does not have yet").register(registry);
        FunctionCounter.builder("millrace_failed_postings", meter,
                books -> books.status().failedPostings())
                .description("writes of the ledger that failed and were tried again")
                .register(registry);
    }

    private void deviceSeconds(MeterRegistry registry, String state,
            ToDoubleFunction<LaneReading> nanos) {
        DeviceLane lane = loaded.lane();
        FunctionCounter.builder("millrace_device_seconds", lane,
                device -> nanos.applyAsDouble(device.reading()) * NANO)
                .description("what the device's time went to").tag("state", state)
                .register(registry);
    }

    private static void memory(MeterRegistry registry, String part, long bytes) {
        Gauge.builder("millrace_device_memory_bytes", () -> bytes)
                .description("memory taken on the device").tag("part", part).register(registry);
    }
}
