package dev.millrace.server.metering;

import dev.millrace.engine.FinishReason;
import dev.millrace.engine.FinishedRequest;
import dev.millrace.engine.RequestTimings;
import dev.millrace.engine.StepRecord;
import dev.millrace.engine.StepRecord.StepShare;
import dev.millrace.engine.TokenUsage;
import dev.millrace.server.metering.attribution.StepWeights;
import dev.millrace.server.metering.database.LedgerAddress;
import dev.millrace.server.metering.rate.CostModel;
import dev.millrace.server.metering.rate.RateSchedule;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.TimeUnit;

/** A small ledger whose every number can be worked out by hand; see docs/cost.md. */
public final class LedgerFixture implements AutoCloseable {

    private final ManualLane lane = new ManualLane();
    private final UsageMeter meter;

    /** Starts a server on a ledger, at 3.60 dollars an hour: a nano-dollar is a microsecond. */
    public LedgerFixture(Path file, boolean assumed) {
        this(LedgerAddress.ofFile(file), assumed);
    }

    /** The same on a ledger anywhere. */
    public LedgerFixture(LedgerAddress ledger, boolean assumed) {
        meter = UsageMeter.start(UsageLedger.open(ledger),
                RateSchedule.of(CostModel.ofRent(3_600_000_000L, assumed)), StepWeights.DEFAULT,
                lane,
                EnergySource.NONE);
    }

    /** A request of 100 prompt tokens in 0.2 s and 50 completion tokens in 1 s; 0.8 s idle. */
    public void serve(String id, String model) throws Exception {
        serve(new MeteredRequest(id, model, "tenant", "/v1/completions"));
    }

    /** The same of a request that says more about itself. */
    public void serve(MeteredRequest request) throws Exception {
        String id = request.requestId();
        var receipt = meter.open(request);
        step(200_000_000, new StepShare(id, 100, 0, 0, 5_050));
        for (int token = 0; token < 49; token++) {
            step(1_000_000_000 / 49, new StepShare(id, 0, 0, 1, 101 + token));
        }
        step(1_000_000_000 % 49, new StepShare(id, 0, 0, 1, 150));
        lane.idle(800_000_000);
        meter.onFinished(new FinishedRequest(id, FinishReason.LENGTH, new TokenUsage(100, 0, 50),
                new RequestTimings(0, 0, 0)));
        receipt.get(120, TimeUnit.SECONDS);
    }

    private void step(long nanos, StepShare share) {
        lane.step(nanos);
        meter.onStep(new StepRecord(nanos, List.of(share)));
    }

    @Override
    public void close() {
        meter.close();
    }
}
