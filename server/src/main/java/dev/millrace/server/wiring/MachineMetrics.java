package dev.millrace.server.wiring;

import dev.millrace.engine.DeviceLanes;
import dev.millrace.engine.LaneReading;
import dev.millrace.engine.forward.ForwardPass.DeviceMemory;
import dev.millrace.engine.host.HostedModel;
import dev.millrace.server.metering.UsageMeter;
import dev.millrace.server.metering.rate.CostModel;
import io.micrometer.core.instrument.FunctionCounter;
import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.MeterRegistry;
import java.util.List;
import java.util.function.Supplier;
import java.util.function.ToDoubleFunction;

/** What the machine costs, what its time goes to, and how the books are. */
final class MachineMetrics {

    private static final double NANO = 1e-9;

    private final DeviceLanes lanes;
    private final List<HostedModel> models;
    private final Supplier<CostModel> rate;
    private final UsageMeter meter;

    MachineMetrics(DeviceLanes lanes, List<HostedModel> models,
            Supplier<CostModel> rate, UsageMeter meter) {
        this.lanes = lanes;
        this.models = models;
        this.rate = rate;
        this.meter = meter;
    }

    void register(MeterRegistry registry) {
        deviceSeconds(registry, "step", LaneReading::stepNanos);
        deviceSeconds(registry, "overhead", LaneReading::overheadNanos);
        deviceSeconds(registry, "idle", LaneReading::idleNanos);
        for (HostedModel model : models) {
            memory(registry, model, "weights", DeviceMemory::weightBytes);
            memory(registry, model, "cache", DeviceMemory::cacheBytes);
            memory(registry, model, "buffers", DeviceMemory::bufferBytes);
            memory(registry, model, "adapters", DeviceMemory::adapterBytes);
            Gauge.builder("millrace_model_loaded", model, one -> one.loaded() ? 1 : 0)
                    .description("whether the model is on the device")
                    .tag("model_name", model.name()).register(registry);
            FunctionCounter.builder("millrace_model_loads", model, HostedModel::loads)
                    .description("how often the model was brought onto the device")
                    .tag("model_name", model.name()).register(registry);
        }
        Gauge.builder("millrace_rate_usd_per_hour", () -> rate.get().nanoUsdPerHour() * NANO)
                .description("what the machine costs")
                .tag("assumed", Boolean.toString(rate.get().assumed())).register(registry);
        Gauge.builder("millrace_open_accounts", () -> meter.status().openAccounts())
                .description("requests whose account is open").register(registry);
        Gauge.builder("millrace_unpaid_accounts", () -> meter.status().unpaidAccounts())
                .description("ended requests that the ledger does not have yet").register(registry);
        Gauge.builder("millrace_allocation_factor", () -> meter.status().allocationFactor())
                .description("the session's bill over the cost of its requests").register(registry);
        FunctionCounter.builder("millrace_recompute_seconds", meter,
                books -> books.status().recomputeNanos() * NANO)
                .description("device time spent on tokens computed again").register(registry);
        FunctionCounter.builder("millrace_rejected_seconds", meter,
                books -> books.status().rejectedNanos() * NANO)
                .description("device time spent on guesses that the model did not say")
                .register(registry);
        FunctionCounter.builder("millrace_unrecorded_seconds", meter,
                books -> books.status().unrecordedNanos() * NANO)
                .description("device time that has no request to its name").register(registry);
        FunctionCounter.builder("millrace_overrun_usd", meter,
                books -> books.status().overrunNanoUsd() * NANO)
                .description("what requests took beyond what budgets had set aside for them")
                .register(registry);
        FunctionCounter.builder("millrace_failed_postings", meter,
                books -> books.status().failedPostings())
                .description("writes of the ledger that failed and were tried again")
                .register(registry);
    }

    private void deviceSeconds(MeterRegistry registry, String state,
            ToDoubleFunction<LaneReading> nanos) {
        FunctionCounter.builder("millrace_device_seconds", lanes,
                device -> nanos.applyAsDouble(device.reading()) * NANO)
                .description("what the device's time went to").tag("state", state)
                .register(registry);
    }

    private static void memory(MeterRegistry registry, HostedModel model, String part,
            ToDoubleFunction<DeviceMemory> bytes) {
        Gauge.builder("millrace_device_memory_bytes", model,
                one -> bytes.applyAsDouble(one.memory()))
                .description("memory taken on the device")
                .tags("model_name", model.name(), "part", part).register(registry);
    }
}
