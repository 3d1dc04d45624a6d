package dev.millrace.kernels.cuda;

import java.lang.foreign.MemorySegment;
import org.bytedeco.javacpp.Pointer;

/** Host memory as JavaCPP's functions take it; owns nothing. */
final class RawPointer extends Pointer {

    RawPointer(MemorySegment segment) {
        super();
        address = segment.address();
    }
}
