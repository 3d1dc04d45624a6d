/**
 * Packed weights on disk, so that the next start maps them instead of packing them again.
 *
 * <p>A file belongs to one model file and one build of the kernels; a checksum covers every byte of
 * the weights and is compared before they are used. It is only ever replaced as a whole.
 */
package dev.millrace.engine.cpu.packed;
