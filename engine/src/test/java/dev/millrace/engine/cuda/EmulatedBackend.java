package dev.millrace.engine.cuda;

import dev.millrace.kernels.WorkerPool;
import dev.millrace.kernels.cpu.CpuKernels;
import dev.millrace.kernels.cuda.CudaActivations;
import dev.millrace.kernels.cuda.CudaProbe;
import dev.millrace.kernels.cuda.EmulatedDriver;
import dev.millrace.kernels.cuda.Nccl;

/** The backend on the emulated device: with activations of 22 bits unless others are named. */
final class EmulatedBackend {

    /** Logits of a handful of positions at a time, so that tests see more than one time. */
    private static final long LOGIT_BYTES = 64 << 10;

    private EmulatedBackend() {}

    static CudaBackend open(WorkerPool pool) {
        return open(pool, CudaLaunches.OVERLAPPED);
    }

    static CudaBackend open(WorkerPool pool, CudaLaunches launches) {
        return open(pool, new CudaSettings(launches, CudaActivations.F16X2));
    }

    static CudaBackend open(WorkerPool pool, CudaSettings settings) {
        EmulatedDriver.load();
        return new CudaBackend(CudaProbe.find().device().orElseThrow(), EmulatedDriver.image(),
                CpuKernels.scalar(), pool, settings, LOGIT_BYTES);
    }

    /** Several devices that share a model. */
    static ShardedBackend open(WorkerPool pool, int devices) {
        return open(pool, devices, CudaLaunches.OVERLAPPED);
    }

    static ShardedBackend open(WorkerPool pool, int devices, CudaLaunches launches) {
        return open(pool, devices, new CudaSettings(launches, CudaActivations.F16X2));
    }

    static ShardedBackend open(WorkerPool pool, int devices, CudaSettings settings) {
        EmulatedDriver.load();
        return new ShardedBackend(EmulatedDriver.devices(devices), EmulatedDriver.image(),
                Nccl::load, CpuKernels.scalar(), pool, settings, LOGIT_BYTES);
    }
}
