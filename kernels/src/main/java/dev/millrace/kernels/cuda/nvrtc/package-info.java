/**
 * Kernels for builds that were made without CUDA's compiler: NVIDIA's library that compiles at run
 * time, and the folder of what it made. Knows nothing of devices but their architecture.
 */
package dev.millrace.kernels.cuda.nvrtc;
