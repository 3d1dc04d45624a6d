/**
 * Kernels on NVIDIA GPUs: the driver, device memory, matrices as the device wants them, and one
 * method per kernel. The only package that imports the CUDA presets of JavaCPP, and it touches them
 * only once {@link dev.millrace.kernels.cuda.CudaProbe} has found a driver: without one they cannot
 * be loaded, and would never be again.
 *
 * <p>The kernels themselves are the {@code .cu} files among the resources.
 */
package dev.millrace.kernels.cuda;
