package dev.millrace.engine.cuda;

import dev.millrace.kernels.WorkerPool;
import dev.millrace.kernels.cpu.CpuKernels;
import dev.millrace.kernels.cuda.CudaProbe;
import dev.millrace.kernels.cuda.EmulatedDriver;
import dev.millrace.kernels.cuda.Nccl;

/** The backend on the emulated device. */
final class EmulatedBackend {

    /** Logits of a handful of positions at a time, so that tests see more than one time. */
    private static final long LOGIT_BYTES = 64 << 10;

    private EmulatedBackend() {}

    static CudaBackend open(WorkerPool pool) {
        return open(pool, CudaLaunches.OVERLAPPED);
    }

    static CudaBackend open(WorkerPool pool, CudaLaunches launches) {
        EmulatedDriver.load();
        return new CudaBackend(CudaProbe.find().device().orElseThrow(), EmulatedDriver.image(),
                CpuKernels.scalar(), pool, launches, LOGIT_BYTES);
    }

    /** Several devices that share a model. */
    static ShardedBackend open(WorkerPool pool, int devices) {
        EmulatedDriver.load();
        return new ShardedBackend(EmulatedDriver.devices(devices), EmulatedDriver.image(),
                Nccl::load, CpuKernels.scalar(), pool, LOGIT_BYTES);
    }
}
