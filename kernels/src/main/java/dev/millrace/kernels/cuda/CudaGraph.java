package dev.millrace.kernels.cuda;

import org.bytedeco.cuda.cudart.CUgraphExec_st;
import org.bytedeco.cuda.cudart.CUgraph_st;
import org.bytedeco.cuda.cudart.CUstream_st;

import static org.bytedeco.cuda.global.cudart.*;

/**
 * Kernels and copies that were recorded by {@link CudaDevice#capture}, and run again with one
 * launch. What is to differ from one time to the next is in the memory that they read.
 */
public final class CudaGraph implements RecordedStep {

    private final CudaDevice device;
    private final CUstream_st stream;
    private final CUgraphExec_st executable;

    private CudaGraph(CudaDevice device, CUstream_st stream, CUgraphExec_st executable) {
        this.device = device;
        this.stream = stream;
        this.executable = executable;
    }

    /**
     * Makes what was recorded ready on the device, so that no launch has to take memory there.
     *
     * @param recorded given up here
     */
    static CudaGraph of(CudaDevice device, CUstream_st stream, CUgraph_st recorded) {
        CUgraphExec_st executable = new CUgraphExec_st();
        int error = cuGraphInstantiate(executable, recorded, 0);
        cuGraphDestroy(recorded);
        if (error == 0) {
            error = cuGraphUpload(executable, stream);
            if (error != 0) {
                cuGraphExecDestroy(executable);
            }
        }
        if (error == CudaDevice.OUT_OF_MEMORY) {
            throw new CudaMemoryException("the " + device.info().name() + " has "
                    + device.freeBytes() + " bytes of memory left, too few to keep a step");
        }
        device.check(error, "prepare a recorded step");
        return new CudaGraph(device, stream, executable);
    }

    @Override
    public void launch() {
        device.check(cuGraphLaunch(executable, stream), "run a recorded step");
        device.graphQueued();
    }

    CudaDevice device() {
        return device;
    }

    /** With the device; errors no longer matter. */
    void close() {
        cuGraphExecDestroy(executable);
    }
}
