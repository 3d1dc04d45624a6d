package dev.millrace.bench.overhead;

import dev.millrace.engine.FinishedRequest;
import dev.millrace.engine.StepObserver;
import dev.millrace.engine.StepRecord;
import java.util.concurrent.atomic.LongAdder;

/** Passes everything on to the meter, and measures how long it keeps the engine's thread. */
final class TimedObserver implements StepObserver {

    private final StepObserver meter;
    private final LongAdder nanos = new LongAdder();

    TimedObserver(StepObserver meter) {
        this.meter = meter;
    }

    @Override
    public void onStep(StepRecord step) {
        long began = System.nanoTime();
        meter.onStep(step);
        nanos.add(System.nanoTime() - began);
    }

    @Override
    public void onFinished(FinishedRequest request) {
        long began = System.nanoTime();
        meter.onFinished(request);
        nanos.add(System.nanoTime() - began);
    }

    /** So far. */
    long nanos() {
        return nanos.sum();
    }
}
