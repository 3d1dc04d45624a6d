package dev.millrace.server.wiring;

import dev.millrace.engine.DeviceLanes;
import dev.millrace.engine.EngineStatus;
import dev.millrace.engine.LaneReading;
import dev.millrace.engine.ReplicaStatus;
import dev.millrace.engine.host.HostedModel;
import io.micrometer.core.instrument.FunctionCounter;
import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.Tags;
import java.util.List;
import java.util.function.ToDoubleFunction;
import java.util.function.ToLongFunction;

/** What GPUs side by side do one by one, where there are several; all else is their sum. */
final class ReplicaMetrics {

    private static final double NANO = 1e-9;

    private final DeviceLanes lanes;
    private final List<HostedModel> models;

    ReplicaMetrics(DeviceLanes lanes, List<HostedModel> models) {
        this.lanes = lanes;
        this.models = models;
    }

    void register(MeterRegistry registry) {
        if (lanes.count() == 1) {
            return;
        }
        for (int replica = 0; replica < lanes.count(); replica++) {
            seconds(registry, replica, "step", LaneReading::stepNanos);
            seconds(registry, replica, "overhead", LaneReading::overheadNanos);
            seconds(registry, replica, "idle", LaneReading::idleNanos);
            for (HostedModel model : models) {
                register(registry, model, replica);
            }
        }
    }

    /** In the device's own time, of which the machine's is one in as many as there are lanes. */
    private void seconds(MeterRegistry registry, int replica, String state,
            ToLongFunction<LaneReading> nanos) {
        FunctionCounter.builder("millrace_replica_device_seconds", lanes,
                all -> nanos.applyAsLong(all.reading().lane(replica)) * NANO * all.count())
                .description("what the replica's own time went to")
                .tags("replica", Integer.toString(replica), "state", state).register(registry);
    }

    private static void register(MeterRegistry registry, HostedModel model, int replica) {
        gauge(registry, model, replica, "serving", "whether the replica has the model and serves",
                one -> one.failure().isEmpty() ? 1 : 0);
        gauge(registry, model, replica, "running", "sequences in the replica's batch",
                one -> one.status().running());
        gauge(registry, model, replica, "waiting", "sequences in the replica's queue",
                one -> one.status().waiting());
        gauge(registry, model, replica, "cache_usage",
                "share of the replica's cache in use, 0 to 1",
                one -> usage(one.status()));
        FunctionCounter.builder("millrace_replica_requests", model,
                engine -> value(engine, replica, ReplicaStatus::requests))
                .description("requests that the replica was given").tags(tags(model, replica))
                .register(registry);
    }

    private static Tags tags(HostedModel model, int replica) {
        return Tags.of("model_name", model.name(), "replica", Integer.toString(replica));
    }

    private static double usage(EngineStatus status) {
        return status.totalBlocks() == 0 ? 0 : (double) status.usedBlocks() / status.totalBlocks();
    }

    private static void gauge(MeterRegistry registry, HostedModel model, int replica,
            String name, String description, ToDoubleFunction<ReplicaStatus> value) {
        Gauge.builder("millrace_replica_" + name, model, one -> value(one, replica, value))
                .description(description).tags(tags(model, replica))
                .register(registry);
    }

    /** Nothing of a model that is not on the devices. */
    private static double value(HostedModel model, int replica,
            ToDoubleFunction<ReplicaStatus> value) {
        List<ReplicaStatus> all = model.replicas();
        return all.isEmpty() ? 0 : value.applyAsDouble(all.get(replica));
    }
}
