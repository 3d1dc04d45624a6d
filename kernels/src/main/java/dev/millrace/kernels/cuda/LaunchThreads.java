package dev.millrace.kernels.cuda;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.Future.State;

/**
 * A thread for each device of a group, which launches what was recorded for it. NCCL's manual says
 * that the launch of a graph with exchanges may block until the others' are launched as well,
 * so one thread must not launch them one after the other. What they launch was recorded by one
 * thread, so they cannot disagree on the order of exchanges; who has them launched waits for all.
 */
final class LaunchThreads implements AutoCloseable {

    private final List<CudaDevice> devices;
    private final List<ExecutorService> threads = new ArrayList<>(); // (devices), once needed

    LaunchThreads(List<CudaDevice> devices) {
        this.devices = devices;
    }

    /**
     * Launches each device's graph.
     *
     * @param graphs in the order of the devices
     * @param look   from time to time while that lasts; throws to end the wait
     * @throws dev.millrace.kernels.KernelException as the first device that fails
     */
    void launch(List<CudaGraph> graphs, Runnable look) {
        if (threads.isEmpty()) {
            start();
        }
        List<Future<?>> launches = new ArrayList<>();
        for (int i = 0; i < graphs.size(); i++) {
            launches.add(threads.get(i).submit(graphs.get(i)::launch));
        }
        WatchedWait.until(() -> launches.stream().allMatch(Future::isDone), look);
        launches.forEach(LaunchThreads::result);
    }

    private void start() {
        for (CudaDevice device : devices) {
            ExecutorService thread = Executors.newSingleThreadExecutor(Thread.ofPlatform().daemon()
                    .name("launch-gpu-" + device.info().handle()).factory());
            thread.execute(device::makeCurrent);
            threads.add(thread);
        }
    }

    private static void result(Future<?> launch) {
        if (launch.state() == State.FAILED) {
            throw launch.exceptionNow() instanceof RuntimeException cause
                    ? cause
                    : new IllegalStateException("a graph could not be launched",
                            launch.exceptionNow());
        }
    }

    /** Does not wait for a launch that blocks. */
    @Override
    public void close() {
        threads.forEach(ExecutorService::shutdownNow);
    }
}
