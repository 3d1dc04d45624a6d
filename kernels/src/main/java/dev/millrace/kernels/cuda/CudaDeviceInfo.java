package dev.millrace.kernels.cuda;

/**
 * A GPU as its driver describes it.
 *
 * @param handle        what the driver calls it: its place among the devices, from 0
 * @param name          as the maker sells it
 * @param capability    compute capability, ten times the major and the minor number: 90 for 9.0
 * @param memoryBytes   of the device
 * @param driverVersion newest CUDA that the driver knows, 13000 for 13.0
 */
public record CudaDeviceInfo(int handle, String name, int capability, long memoryBytes,
        int driverVersion) {

    /** Such as 9.0. */
    public String capabilityText() {
        return capability / 10 + "." + capability % 10;
    }

    /** For people: name, architecture and driver. */
    public String description() {
        return name + ", compute capability " + capabilityText() + ", driver of CUDA "
                + CudaProbe.versionText(driverVersion);
    }
}
